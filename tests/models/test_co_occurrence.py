"""Gram matrices by either product, the fading one by brute force, and the inverse in place."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from regard.domain.errors import InvalidInput
from regard.models import co_occurrence
from regard.models.co_occurrence import fading_gram, gram, invert


@pytest.mark.parametrize(("users", "items", "share"), [(50, 1500, 0.002), (300, 40, 0.9), (2, 3, 0.0)])
def test_the_lower_triangle_of_either_product(users: int, items: int, share: float) -> None:
    rng = np.random.default_rng(0)
    dense = (rng.random((users, items)) < share) * rng.random((users, items))
    expected = np.tril(dense.T @ dense)
    np.testing.assert_allclose(np.tril(gram(sparse.csr_array(dense.astype(np.float32)))), expected, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    places=st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=1, max_size=4),
    share=st.sampled_from([0.0, 0.4, 1.0]),
    rows=st.sampled_from([1, 2, 64]),
)
def test_the_fading_gram_by_brute_force(places: list[list[int]], share: float, rows: int) -> None:
    place = np.array(places, np.float32)  # 0: never met
    worth = np.where(place > 0, 0.5 + place, 0).astype(np.float32)
    expected = np.zeros((5, 5))
    for x, at in zip(worth, place, strict=True):
        expected += np.outer(x, x) * (1 - share + share * np.exp(-np.abs(at[:, None] - at) / 3))
    with patch.object(co_occurrence, "ROWS", rows):  # however the pairs of a person are cut into blocks
        found = np.tril(fading_gram(sparse.csr_array(worth), sparse.csr_array(place), 3.0, share))
    np.testing.assert_allclose(found, np.tril(expected), rtol=1e-5, atol=1e-6)
    whole = found.astype(np.float64) + np.tril(found, -1).T
    assert np.linalg.eigvalsh(whole).min() > -1e-3 * max(1.0, float(np.abs(whole).max()))


def test_more_rows_are_added_to_a_gram_matrix() -> None:
    first, more = np.eye(3, dtype=np.float32), np.array([[1, 2, 0]], np.float32)
    found = gram(sparse.csr_array(more), gram(sparse.csr_array(first)))
    assert np.tril(found).tolist() == [[2, 0, 0], [2, 5, 0], [0, 0, 1]]


@pytest.mark.parametrize("n", [1, 3, 1500])  # 1500: more than one block is mirrored
def test_the_inverse_comes_from_the_lower_triangle_alone(n: int) -> None:
    rng = np.random.default_rng(1)
    half = rng.normal(size=(n, n))
    whole = half @ half.T / n + np.eye(n)
    lower = np.tril(whole).astype(np.float32)
    np.testing.assert_allclose(invert(lower), np.linalg.inv(whole), atol=1e-4)


def test_a_matrix_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Raise l2"):
        invert(-np.eye(3, dtype=np.float32))
