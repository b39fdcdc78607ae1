"""ImplicitALS: the half-step against brute force, a loss that falls, fold-in, a warm start."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.models.als import FittedALS, ImplicitALS, Side
from regard.models.least_squares import solve_rows
from tests.contracts.subjects import ask, communities, dataset


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 8), columns=st.integers(1, 6))
def test_each_row_is_its_own_ridge_regression(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    weights = sparse.csr_array((rng.random((rows, columns)) < 0.6) * rng.random((rows, columns)))
    targets, factors = rng.normal(size=weights.nnz), rng.normal(size=(columns, 3))
    square, penalty = np.eye(3) * 0.3, rng.random((rows, 3)) + 0.1
    found = solve_rows(weights, targets, factors, square, penalty)
    for row in range(rows):
        cells = slice(weights.indptr[row], weights.indptr[row + 1])
        near = factors[weights.indices[cells]]
        normal = square + (near.T * weights.data[cells]) @ near + np.diag(penalty[row])
        np.testing.assert_allclose(found[row], np.linalg.solve(normal, near.T @ targets[cells]), atol=1e-9)


def loss(model: FittedALS) -> float:
    """Hu et al. 2008, eq. 3, with our penalty; the people's vectors are the best ones for these items."""
    matrix = communities().matrix()
    by_item, alpha = matrix.T.tocsr(), float(model.scale[0])
    people = model.side.solve(matrix, model.exact, model.square)
    errors = (1 + alpha * matrix.toarray()) * ((matrix.toarray() > 0) - people @ model.exact.T) ** 2
    own = model.side.penalty(matrix) @ (people**2).sum(axis=1)
    return float(
        errors.sum() + own + Side.of(by_item, alpha, model.recipe).penalty(by_item) @ (model.exact**2).sum(axis=1)
    )


def test_the_loss_falls_with_every_sweep() -> None:
    losses = [loss(ImplicitALS(factors=3, iterations=sweeps).fit(communities())) for sweeps in range(1, 7)]
    assert (np.diff(losses) <= 1e-4 * losses[0]).all()
    assert losses[-1] < 0.95 * losses[0]


def test_a_persons_vector_depends_on_the_history_only() -> None:
    model = ImplicitALS(factors=4).fit(communities())
    vectors = model.encode([ask(0, 4), ask(0, 4, user=3), ask(), ask(1, 5)])
    assert vectors[0].tolist() == vectors[1].tolist()
    assert vectors[2].tolist() == [0.0] * 4
    np.testing.assert_allclose(
        vectors @ model.item_vectors.T, model.scores([ask(0, 4)] * 2 + [ask(), ask(1, 5)]), atol=1e-5
    )


def test_a_warm_start_goes_on_from_where_it_stood() -> None:
    data = communities()
    first = ImplicitALS(factors=4, iterations=4).fit(data)
    again = ImplicitALS(factors=4, iterations=1).fit(data, run=Run(seed=9, warm_start=first))
    whole = ImplicitALS(factors=4, iterations=5).fit(data)
    np.testing.assert_allclose(again.item_vectors, whole.item_vectors, atol=1e-5)


def test_a_warm_start_takes_more_items_and_no_other_width() -> None:
    small = ImplicitALS(factors=4).fit(dataset([0, 1], [0, 1], 2, 2))
    assert ImplicitALS(factors=4).fit(communities(), run=Run(warm_start=small)).n_items == 12
    assert ImplicitALS(factors=3).fit(communities(), run=Run(warm_start=small)).item_vectors.shape == (12, 3)


def test_penalties_by_hand() -> None:
    matrix = sparse.csr_array(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    # alpha 2: w = 2 * 2 + 3 and 2 * 1 + 3, mean 6; at l2 .5: .5 * 6 * sqrt(w / 6)
    side = Side.of(matrix, 2.0, ImplicitALS(l2=0.5, scaling=0.5))
    assert side.penalty(matrix).tolist() == pytest.approx([3 * np.sqrt(7 / 6), 3 * np.sqrt(5 / 6)])
    assert Side.of(matrix, 2.0, ImplicitALS(l2=0.5, scaling=0.0)).penalty(matrix).tolist() == [3.0, 3.0]


def test_without_alpha_the_events_weigh_a_tenth_of_all_cells() -> None:
    model = ImplicitALS(factors=2).fit(dataset([0, 0, 1], [0, 1, 2], 3, 10))
    assert model.scale[0] == pytest.approx(0.1 * 30 / 3)


@pytest.mark.parametrize("wrong", [{"factors": 0}, {"alpha": 0.0}, {"l2": 0.0}, {"scaling": 1.1}, {"iterations": 0}])
def test_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=f"ImplicitALS.{next(iter(wrong))}"):
        ImplicitALS(**wrong)  # type: ignore[arg-type]
