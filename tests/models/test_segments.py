"""Segments: four kinds of people by what is known of them."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.dataset import Dataset
from regard.domain.request import Query
from regard.measurement.slices import segments
from regard.models.segments import SEGMENTS, Bounds
from tests.contracts.subjects import ask


def test_quarters_by_hand() -> None:
    bounds = Bounds.of(np.array([0, 1, 2, 3, 4, 5]))  # of 1 to 5 the quarters end at 2 and 4
    assert (bounds.light, bounds.heavy) == (2.0, 4.0)
    assert [SEGMENTS[code] for code in bounds.codes(np.arange(6))] == [
        "cold",
        "light",
        "light",
        "medium",
        "heavy",
        "heavy",
    ]
    assert bounds.of_queries([Query(at=0.0), ask(3, 3), ask(0, 1, 2)]).tolist() == [0, 1, 2]


@given(st.lists(st.integers(0, 30), min_size=1))
def test_they_are_the_slices_of_an_evaluation(lengths: list[int]) -> None:
    known = np.array(lengths)
    bounds = Bounds.of(known)
    codes = bounds.codes(known)
    for name, mask in segments(known).items():
        if name in ("cold", "light"):
            assert (mask == (codes == SEGMENTS.index(name))).all()
        if name == "heavy" and bounds.light < bounds.heavy:
            assert (mask == (codes == SEGMENTS.index(name))).all()


def test_without_anybody_warm_whoever_comes_is_light() -> None:
    assert Bounds.of(np.zeros(3, int)).codes(np.array([0, 1, 900])).tolist() == [0, 1, 1]


def test_of_data_those_whom_a_cut_can_ask() -> None:
    frame = {"user": ["a", *"bb", *"ccc", *"dddd"], "item": ["x", *"xy", *"xyz", *"xyzx"]}  # 1, 2, 3 and 3 items
    assert Bounds.of_data(Dataset.from_frame(pl.DataFrame(frame))) == Bounds(2.5, 3.0)
