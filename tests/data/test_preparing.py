"""Preparing: what training rows say fills and scales; test rows have no say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data.preparing import Prepare
from regard.domain.errors import InvalidInput

TRAIN = pl.DataFrame({"age": [20.0, None, 40.0, 60.0], "sex": ["f", "m", None, "f"], "vip": [True, False, None, True]})


def test_by_hand() -> None:
    ready = Prepare("mean", "standard").fit(TRAIN)
    # ages 20, 40 (filled by the mean), 40, 60: mean 40, deviation sqrt((400 + 0 + 0 + 400) / 4) = sqrt(200)
    given_ = ready.transform(pl.DataFrame({"age": [None, 60.0], "sex": [None, "m"], "vip": [None, True]}))
    assert given_["age"].to_list() == pytest.approx([0.0, 20 / 200**0.5])
    assert given_["sex"].to_list() == ["f", "m"]
    assert given_["vip"].to_list() == [None, True]


def test_range_and_most_frequent() -> None:
    ready = Prepare("most_frequent", "range").fit(pl.DataFrame({"x": [1, 1, 5, None]}))
    # filled by 1; from 1 to 5: (3 - 1) / 4
    assert ready.transform(pl.DataFrame({"x": [3, None]}))["x"].to_list() == [0.5, 0.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_test_rows_do_not_leak(numbers: list[float]) -> None:
    ready = Prepare().fit(TRAIN)
    one = ready.transform(pl.DataFrame({"age": [numbers[0]], "sex": ["f"], "vip": [True]}))["age"][0]
    many = pl.DataFrame({"age": numbers, "sex": ["m"] * len(numbers), "vip": [False] * len(numbers)})
    assert ready.transform(many)["age"][0] == one


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=20))
def test_nothing_is_missing_and_all_is_finite(numbers: list[float | None]) -> None:
    table = pl.DataFrame({"x": pl.Series(numbers, dtype=pl.Float64)})
    assert np.isfinite(Prepare().fit(table).transform(table)["x"].to_numpy()).all()


def test_wrong_recipes_and_tables_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"Prepare\.impute"):
        Prepare(impute="guess")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"Prepare\.scale"):
        Prepare(scale="wide")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="age"):
        Prepare().fit(TRAIN).transform(pl.DataFrame({"sex": ["f"]}))
