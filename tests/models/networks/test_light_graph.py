"""LightGraph against the published recursion with dense matrices; the batches of edges that it learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from regard.models.networks.edges import Edges

PEOPLE, LABELS, ITEMS = 5, 2, 4
X = np.array(
    [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 1]], np.float32
)  # five people, who never meet the last item, and two labels, which it bears
R = X / np.sqrt(X.sum(axis=1, keepdims=True) * X.sum(axis=0))
MET = np.array([True, True, True, False])


def graph(layers: int, labels: int = LABELS) -> Any:
    from regard.models.networks.light_graph import LightGraph

    rows = R if labels else R[:PEOPLE]
    return LightGraph(sparse.csr_array(rows), MET, labels, layers, width=3)


@pytest.mark.deep
@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("labels", [0, LABELS])
def test_layers_are_those_of_the_whole_graph(layers: int, labels: int) -> None:
    """He et al. 2020, eq. 8: E_k = A E_k-1 over all nodes at once, and the mean of all layers."""
    module = graph(layers, labels)
    rows = R[: PEOPLE + labels]
    n = len(rows)
    whole = np.block([[np.zeros((n, n)), rows], [rows.T, np.zeros((ITEMS, ITEMS))]])
    own = module.items.detach().numpy() * MET[:, None]
    start = np.concatenate([np.zeros((PEOPLE, 3)), module.labels.detach().numpy() if labels else own[:0], own])
    spread = [start]
    for _ in range(layers):
        spread.append(whole @ spread[-1])
    mean = np.mean(spread, axis=0)
    final, past = (table.detach().numpy() for table in module())
    np.testing.assert_allclose(final, mean[n:], atol=1e-6)
    np.testing.assert_allclose(rows[:PEOPLE] @ past, mean[:PEOPLE], atol=1e-6)


@pytest.mark.deep
def test_a_person_without_the_target_is_the_sum_of_the_others() -> None:
    import torch

    module = graph(3)
    _, past = module()
    found = module.people(past, torch.tensor([0, 4]), torch.tensor([1, 2]), torch.tensor([R[0, 1], R[4, 2]]))
    expected = torch.stack([R[0, 0] * past[0], R[4, 0] * past[0] + R[4, 1] * past[1]])
    torch.testing.assert_close(found, expected)


@pytest.mark.deep
def test_gradients_are_those_of_the_dense_graph() -> None:
    import torch

    module = graph(3)
    target = torch.arange(12.0).reshape(4, 3)
    (module()[0] * target).sum().backward()
    dense = torch.from_numpy(R)
    own = module.items.detach().clone().requires_grad_(True)
    labels = module.labels.detach().clone().requires_grad_(True)
    first, nobody = own * module.met, torch.zeros(PEOPLE, 3)
    one = dense.T @ torch.cat([nobody, labels])
    final = (first + one + dense.T @ (dense @ first) + dense.T @ (dense @ one)) / 4
    (final * target).sum().backward()
    torch.testing.assert_close(module.items.grad, own.grad)
    torch.testing.assert_close(module.labels.grad, labels.grad)
    assert own.grad is not None
    assert not own.grad[3].any()


def test_every_edge_of_a_person_with_two_teaches_once_an_epoch() -> None:
    edges = Edges.of(sparse.csr_array(R), PEOPLE, 4, "test")
    batches = list(edges.epoch(np.random.default_rng(0)))
    assert len(batches) == len(edges) == 3
    assert [len(batch.item) for batch in batches] == [4, 4, 1]
    found = sorted((int(u), int(i)) for batch in batches for u, i in zip(batch.person, batch.item, strict=True))
    assert found == [(u, i) for u in (0, 1, 2, 4) for i in range(ITEMS) if X[u, i]]  # person 3 met one item only
    for batch in batches:
        np.testing.assert_array_equal(batch.share, R[batch.person, batch.item])


def test_identity_tells_edges_batches_and_learners_apart() -> None:
    normal = sparse.csr_array(R)
    one = Edges.of(normal, PEOPLE, 4, "test").identity
    assert one == Edges.of(normal, PEOPLE, 4, "test").identity
    others = [
        Edges.of(normal * 2, PEOPLE, 4, "test"),
        Edges.of(normal, 4, 4, "test"),
        Edges.of(normal, PEOPLE, 5, "test"),
    ]
    assert one not in {other.identity for other in [*others, Edges.of(normal, PEOPLE, 4, "other")]}
