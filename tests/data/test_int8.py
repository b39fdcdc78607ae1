"""Int8: no number is off by more than half a step, and an artifact keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from regard.data.artifacts import Artifact, load, save
from regard.data.int8 import Int8
from regard.domain.arrays import Vectors
from regard.domain.errors import InvalidInput

VECTORS = hnp.arrays(np.float32, (4, 3), elements=st.floats(-1e6, 1e6, width=32))


def test_by_hand() -> None:
    vectors = np.array([[1.27, -0.5], [0.0, 0.0], [12.7, 2.54]], np.float32)
    rows = Int8.of(vectors)
    assert rows.values.tolist() == [[127, -50], [0, 0], [127, 25]]  # steps .01, any, .1; 25.4 is rounded
    assert rows.scale[:, 0].tolist() == pytest.approx([0.01, 1.0, 0.1])
    columns = Int8.of(vectors, per="column")
    assert columns.values.tolist() == [[13, -25], [0, 0], [127, 127]]  # steps .1 and .02
    assert columns.decoded(np.array([2])).tolist() == [pytest.approx([12.7, 2.54])]


@given(vectors=VECTORS, per=st.sampled_from(["row", "column"]))
def test_no_number_is_off_by_more_than_half_a_step(vectors: Vectors, per: Literal["row", "column"]) -> None:
    short = Int8.of(vectors, per)
    assert (np.abs(short.decoded() - vectors) <= 0.5001 * short.scale + 1e-30).all()
    assert Int8.of(-vectors, per).values.tolist() == (-short.values).tolist()


def test_an_artifact_keeps_it_in_a_quarter_of_the_bytes(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 64)).astype(np.float32)
    short = Int8.of(vectors)
    save(Artifact("tower", {}, {"items": short.values, "scale": short.scale}), tmp_path / "it")
    found = load(tmp_path / "it", mmap=True).arrays
    again = Int8(found["items"], found["scale"])
    assert again.decoded().tobytes() == short.decoded().tobytes()
    assert again.values.nbytes * 4 == vectors.nbytes
    cosine = (again.decoded() * vectors).sum(axis=1) / np.linalg.norm(again.decoded(), axis=1)
    assert (cosine / np.linalg.norm(vectors, axis=1) > 0.9999).all()


@pytest.mark.parametrize("values", [np.zeros((2, 3), np.int16), np.zeros((4, 3), np.int8), np.zeros(3, np.int8)])
def test_scales_must_fit(values: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="Int8"):
        Int8(values, np.ones((2, 1), np.float32))


def test_numbers_must_be_finite() -> None:
    with pytest.raises(InvalidInput, match="finite"):
        Int8.of(np.array([[np.nan]], np.float32))
