"""Interactions: each finds the planted rule that it can express; their equations by hand; what they must not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.measurement.metrics.predictions import auc

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep

MEETINGS = ("dot", "cosine", "bilinear", "mlp", "attention", "cross")
WIDTH, PAST = 4, 6


def made(name: Any, **fields: Any) -> Any:
    from regard.learning.loop import seeded
    from regard.models.networks.interactions import Meet, meeting_of

    with seeded(1):
        return meeting_of(name, Meet(WIDTH, WIDTH, WIDTH, **fields))


def world(n: int = 3_000) -> tuple[Any, Any, Any, Any]:
    """Random people, items, pasts of up to PAST items."""
    rng = np.random.default_rng(5)
    person, item = rng.normal(size=(2, n, WIDTH)).astype(np.float32)
    past = rng.normal(size=(n, PAST, WIDTH)).astype(np.float32)
    there = rng.random((n, PAST)) < 0.7
    return person, item, past, there


def planted(name: str, person: Any, item: Any, past: Any, there: Any) -> NDArray[np.bool_]:
    """A rule that this interaction can express and, but for dot and cosine, the plainer ones cannot."""
    turn = np.random.default_rng(0).normal(size=(WIDTH, WIDTH))
    nearest = np.where(there, np.einsum("nhd,nd->nh", past, item), 0.0)
    rules: dict[str, Any] = {
        "dot": (person * item).sum(1) + 2 * person[:, 0] - item[:, 1] > 0,
        "cosine": (person * item).sum(1) > 0.4 * np.linalg.norm(person, axis=1) * np.linalg.norm(item, axis=1),
        "bilinear": np.einsum("nd,de,ne->n", person, turn, item) > 0,
        "mlp": (person[:, 0] > 0) ^ (item[:, 0] > 0),
        "attention": nearest.sum(1) > 0,
        "cross": person[:, 0] * person[:, 1] * item[:, 0] > 0,  # three at once
    }
    found: NDArray[np.bool_] = rules[name]
    return found


def learned(module: Any, inputs: tuple[Any, ...], labels: Any, steps: int = 400) -> None:
    tensors, wanted = [torch.from_numpy(x) for x in inputs], torch.from_numpy(labels.astype(np.float32))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(module(*tensors)[:, 0], wanted)
        loss.backward()
        optimiser.step()


@pytest.mark.parametrize("name", MEETINGS)
def test_the_planted_rule_is_found_on_unseen_meetings(name: str) -> None:
    inputs = world()
    labels = planted(name, *inputs)
    module = made(name)
    learned(module, tuple(x[:2_000] for x in inputs), labels[:2_000])
    with torch.no_grad():
        scores = module(*(torch.from_numpy(x[2_000:]) for x in inputs))[:, 0].numpy()
    assert auc(labels[2_000:], scores) > 0.97


def test_a_cross_network_of_low_rank_finds_it_too() -> None:
    inputs = world()
    labels = planted("cross", *inputs)
    module = made("cross", rank=3, hidden=(4, 1))  # hardly any MLP
    learned(module, tuple(x[:2_000] for x in inputs), labels[:2_000], 800)
    with torch.no_grad():
        scores = module(*(torch.from_numpy(x[2_000:]) for x in inputs))[:, 0].numpy()
    assert auc(labels[2_000:], scores) > 0.97


def test_dot_with_biases_by_hand() -> None:
    module = made("dot")
    with torch.no_grad():
        module.person.weight[:] = torch.tensor([[0.0, 0, 0, 1]])
        module.item.weight[:] = torch.tensor([[2.0, 0, 0, 0]])
        module.item.bias[:] = torch.tensor([0.5])
    u, v = torch.tensor([[1.0, 2, 0, 3]]), torch.tensor([[2.0, 1, 5, 1]])
    # u . v = 2 + 2 + 0 + 3 = 7; b . u = 3; c . v = 4; m = .5
    assert module(u, v, u[:, None], torch.ones(1, 1)).item() == pytest.approx(14.5)


def test_cosine_is_blind_to_length() -> None:
    module, (u, v, past, there) = made("cosine"), (torch.from_numpy(x) for x in world(20))
    torch.testing.assert_close(module(u, v, past, there), module(3 * u, 0.1 * v, past, there))
    own = module(u, u, past, there)  # cos = 1 at the first temperature of 5
    torch.testing.assert_close(own, torch.full_like(own, 5.0))


def test_bilinear_by_hand() -> None:
    module = made("bilinear")
    with torch.no_grad():
        module.matrices.zero_()
        module.matrices[0, 1, 2] = 2.0
        for bias in (module.person.weight, module.item.weight, module.item.bias):
            bias.zero_()
    u, v = torch.tensor([[0.0, 3, 0, 0]]), torch.tensor([[7.0, 0, 5, 0]])
    assert module(u, v, u[:, None], torch.ones(1, 1)).item() == pytest.approx(3 * 2 * 5)


def test_one_cross_layer_by_hand() -> None:
    module = made("cross", layers=1)
    with torch.no_grad():
        module.crosses[0].weight.zero_()
        module.crosses[0].bias.zero_()
        module.crosses[0].weight[0, 4] = 1.0  # u_0 meets v_0
        module.out.weight.zero_()
        module.out.bias.zero_()
        module.out.weight[0, 0] = 1.0
    u, v = torch.tensor([[3.0, 0, 0, 0]]), torch.tensor([[2.0, 0, 0, 0]])
    assert module(u, v, u[:, None], torch.ones(1, 1)).item() == pytest.approx(3 * 2 + 3)  # x_0 * (W x_0) + x_0


@pytest.mark.parametrize("name", MEETINGS)
def test_what_is_not_there_does_not_count_and_actions_are_apart(name: str) -> None:
    module = made(name, actions=3).eval()
    u, v, past, there = (torch.from_numpy(x) for x in world(50))
    found = module(u, v, past, there)
    assert found.shape == (50, 3)
    assert not torch.equal(found[:, 0], found[:, 1]) or name in ("dot", "cosine")  # these begin alike
    elsewhere = torch.where(there[:, :, None], past, 99.0)
    torch.testing.assert_close(module(u, v, elsewhere, there), found)
    if name == "attention":
        assert not torch.allclose(module(u, v, past + 1, there), found)
