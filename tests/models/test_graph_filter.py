"""GraphFilter against its dense formula, and its spectrum against a full decomposition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.models.graph_filter import GraphFilter, orthonormal, spectrum
from tests.contracts.subjects import communities, dataset


def dense(recipe: GraphFilter) -> np.ndarray:
    """x W for every person of the two communities, as the formula says, with a full SVD."""
    X = communities().matrix().toarray().astype(np.float64)
    people, items = X.sum(axis=1), X.sum(axis=0)
    R = people[:, None] ** -recipe.user_degree * X * items**-recipe.item_degree
    V = np.linalg.svd(R)[2][: recipe.rank].T
    near, low = items**recipe.near_degree, items**recipe.low_degree
    W = (R.T @ R) / near[:, None] * near + recipe.low_pass * (V @ V.T) / low[:, None] * low
    return np.asarray(X @ W)


@pytest.mark.parametrize(
    "recipe",
    [
        GraphFilter(rank=2),
        GraphFilter(rank=2, user_degree=0.5, near_degree=0.0, low_degree=0.5, low_pass=0.3),  # Shen et al. 2021
        GraphFilter(rank=0),
        GraphFilter(low_pass=0.0),
    ],
)
def test_the_dense_formula(recipe: GraphFilter) -> None:
    data = communities()
    found = recipe.fit(data).scores(data.queries(np.arange(len(data.users))))
    np.testing.assert_allclose(found, dense(recipe), rtol=1e-5, atol=1e-6)


def test_the_spectrum_is_that_of_a_full_decomposition() -> None:
    rng = np.random.default_rng(2)
    values = 2.0 ** -np.arange(60)
    turn = [np.linalg.qr(rng.normal(size=(n, 60)))[0] for n in (200, 90)]
    matrix = (turn[0] * values) @ turn[1].T
    found = spectrum(sparse.csr_array(matrix), 8, 4, Run())
    assert found.shape == (90, 8)
    np.testing.assert_allclose(np.abs(np.sum(found * turn[1][:, :8], axis=0)), 1.0, atol=1e-4)
    np.testing.assert_allclose(found.T @ found, np.eye(8), atol=1e-5)


def test_directions_without_energy_are_left_out() -> None:
    assert GraphFilter(rank=9).fit(dataset([0, 0, 1, 1], [0, 1, 2, 3], 5, 6)).vectors.shape == (6, 2)
    assert spectrum(sparse.csr_array((4, 3)), 2, 2, Run()).shape == (3, 0)


@pytest.mark.parametrize("wrong", [{"rank": -1}, {"sweeps": 0}, {"low_pass": -1.0}, {"near_degree": 3.0}])
def test_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="GraphFilter"):
        GraphFilter(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(300, 20), (20_000, 6), (5, 5), (7, 0)])
def test_a_basis_stands_at_right_angles_and_spans_the_same(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    block = rng.standard_normal(shape, dtype=np.float32) * np.logspace(0, -2, shape[1], dtype=np.float32)
    basis = orthonormal(block)
    assert basis.T @ basis == pytest.approx(np.eye(shape[1]), abs=1e-5)
    assert basis @ (basis.T @ block) == pytest.approx(block, abs=1e-4)


def test_columns_that_depend_on_others_fall_away() -> None:
    block = np.random.default_rng(0).standard_normal((50, 3), dtype=np.float32)
    assert orthonormal(np.concatenate([block, block @ np.ones((3, 2), np.float32)], axis=1)).shape == (50, 3)
    assert orthonormal(np.zeros((50, 3), np.float32)).shape == (50, 0)
