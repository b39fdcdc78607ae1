"""Losses and negatives against values worked out by hand, and sampled ones against what they stand for."""

from __future__ import annotations

from math import exp, log
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep

USERS = [[1.0, 0.0], [0.0, 2.0]]
ITEMS = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]]
TARGETS = [0, 1]  # scores of user 0: 1, 0, -1; of user 1: 0, 2, 1


def tensors() -> tuple[Any, Any, Any]:
    return torch.tensor(USERS), torch.tensor(ITEMS), torch.tensor(TARGETS)


def drawn(*items: int, logs: float = 0.0) -> Any:
    from regard.learning.negatives import Drawn

    return Drawn(torch.tensor(items), torch.full((len(items),), logs), torch.full((2,), logs))


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_full_softmax_by_hand() -> None:
    from regard.learning.losses import full_softmax

    expected = [log(exp(1) + 1 + exp(-1)) - 1, log(1 + exp(2) + exp(1)) - 2]
    assert full_softmax(*tensors()).tolist() == pytest.approx(expected)


def test_sampled_softmax_over_everything_is_the_full_one() -> None:
    """Each item once, expected once: the target's own draw does not count, so nothing stands twice."""
    from regard.learning.losses import full_softmax, sampled_softmax

    found = sampled_softmax(*tensors(), drawn(0, 1, 2))
    assert found.tolist() == pytest.approx(full_softmax(*tensors()).tolist())


def test_the_log_of_how_often_an_item_is_expected_is_taken_off() -> None:
    from regard.learning.losses import sampled_softmax
    from regard.learning.negatives import Drawn

    counts = Drawn(torch.tensor([2]), torch.tensor([log(0.5)]), torch.tensor([log(0.25), log(2.0)]))
    # user 0: right 1 - log(1/4), wrong -1 - log(1/2): exp of them 4 e and 2 / e
    # user 1: right 2 - log(2), wrong 1 - log(1/2): e^2 / 2 and 2 e
    expected = [log(4 * exp(1) + 2 * exp(-1)) - log(4 * exp(1)), log(exp(2) / 2 + 2 * exp(1)) - log(exp(2) / 2)]
    assert sampled_softmax(*tensors(), counts).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["uniform", "popular"])
def test_the_gradient_of_many_samples_is_near_that_of_all(kind: str) -> None:
    from regard.learning import losses, negatives

    torch.manual_seed(0)
    items = torch.randn(40, 4, requires_grad=True)
    users, targets = torch.randn(300, 4), torch.randint(0, 40, (300,))
    counts = torch.bincount(targets, minlength=40).float()
    draw = negatives.uniform(40, 4000) if kind == "uniform" else negatives.popular(counts, 4000)
    (full,) = torch.autograd.grad(losses.full_softmax(users, items, targets).mean(), items)
    (sampled,) = torch.autograd.grad(
        losses.sampled_softmax(users, items, targets, draw(targets, users, items)).mean(), items
    )
    assert float((full - sampled).norm() / full.norm()) < 0.1


NOBODY = torch.empty(0, 0)  # who draws without looking at vectors


def test_ssm_is_a_softmax_of_cosines_over_the_temperature_and_priors() -> None:
    from regard.learning.losses import ssm

    # cosines of user 0: 1, 0, -2 / sqrt(5); of user 1: 0, 1, 1 / sqrt(5); over a half: all twice; priors log 1, 3, 2
    far, prior = 2 / 5**0.5, torch.tensor([1.0, 3.0, 2.0]).log()
    expected = [
        log(exp(2) + 3 + 2 * exp(-2 * far)) - 2,
        log(1 + 3 * exp(2) + 2 * exp(far)) - 2 - log(3),
    ]
    users, items, targets = tensors()
    assert ssm(users, items, targets, drawn(0, 1, 2), 0.5, prior).tolist() == pytest.approx(expected)
    users, items = users * 7, items * torch.tensor([[5.0], [0.1], [3.0]])
    assert ssm(users, items, targets, drawn(0, 1, 2), 0.5, prior).tolist() == pytest.approx(expected)


def test_gbce_by_hand() -> None:
    from regard.learning.losses import gbce

    # item 2 drawn, twice; share 2 / (3 - 1) = 1, so b = 1 at any calibration, and both count: mean over 3 terms
    expected = [
        -(log(sigmoid(1)) + 2 * log(sigmoid(1))) / 3,  # scores 1 and -1, -1
        -(log(sigmoid(2)) + 2 * log(sigmoid(-1))) / 3,  # scores 2 and 1, 1
    ]
    assert gbce(*tensors(), drawn(2, 2)).tolist() == pytest.approx(expected)
    # item 2 drawn once: share 1/2; at t = 1 b = 1/2 * (1 - 2 + 2) = 1/2; at t = 0 b = 1
    once = [-(0.5 * log(sigmoid(1)) + log(sigmoid(1))) / 2, -(0.5 * log(sigmoid(2)) + log(sigmoid(-1))) / 2]
    assert gbce(*tensors(), drawn(2), calibration=1.0).tolist() == pytest.approx(once)
    plain = [-(log(sigmoid(1)) + log(sigmoid(1))) / 2, -(log(sigmoid(2)) + log(sigmoid(-1))) / 2]
    assert gbce(*tensors(), drawn(2), calibration=0.0).tolist() == pytest.approx(plain)


def test_bpr_by_hand_and_an_own_target_among_the_drawn_counts_nothing() -> None:
    from regard.learning.losses import bpr, gbce

    assert bpr(*tensors(), drawn(2)).tolist() == pytest.approx([-log(sigmoid(2)), -log(sigmoid(1))])
    assert bpr(*tensors(), drawn(0, 1)).tolist() == pytest.approx([-log(sigmoid(1)) / 2, -log(sigmoid(2)) / 2])
    users = torch.tensor(USERS, requires_grad=True)
    for loss in (bpr, gbce):
        (gradient,) = torch.autograd.grad(loss(users, *tensors()[1:], drawn(0, 1)).sum(), users)
        assert torch.isfinite(gradient).all()


def test_items_are_drawn_as_often_as_their_logs_say() -> None:
    from regard.learning import negatives

    torch.manual_seed(0)
    counts = torch.tensor([0.0, 16.0, 81.0])  # lent one: 1, 16, 81; to the 3/4: 1, 8, 27
    targets = torch.tensor([2, 0])
    for draw, chances in (
        (negatives.popular(counts, 20_000), [1 / 36, 8 / 36, 27 / 36]),
        (negatives.uniform(3, 20_000), [1 / 3] * 3),
    ):
        found = draw(targets, NOBODY, NOBODY)
        shares = torch.bincount(found.items, minlength=3) / 20_000
        assert shares.tolist() == pytest.approx(chances, abs=0.02)
        assert found.log_targets.exp().tolist() == pytest.approx([20_000 * chances[2], 20_000 * chances[0]], rel=1e-4)
        assert found.log_items[:5].exp().tolist() == pytest.approx(
            [20_000 * chances[i] for i in found.items[:5]], rel=1e-4
        )


def test_in_batch_negatives_are_targets_of_the_batch() -> None:
    from regard.learning import negatives

    torch.manual_seed(0)
    targets = torch.tensor([3, 1, 1, 2])
    found = negatives.in_batch(torch.tensor([5.0, 2.0, 1.0, 2.0]), 3)(targets, NOBODY, NOBODY)
    assert len(found.items) == 3
    assert set(found.items.tolist()) <= {1, 2, 3}
    assert found.log_targets.exp().tolist() == pytest.approx([0.6, 0.6, 0.6, 0.3])  # 3 draws at .2, .2, .2, .1


def test_hard_negatives_are_those_that_somebody_scores_highest() -> None:
    """Four items on a line: the one person of the batch scores item 3 highest, and all draws see all four items."""
    from regard.learning import negatives

    torch.manual_seed(0)
    items = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    found = negatives.hard(4, 5)(torch.tensor([0]), torch.tensor([[1.0]]), items)
    assert found.items.tolist() == [3] * 5
    assert found.log_items.tolist() == [0.0] * 5
    found = negatives.hard(4, 5)(torch.tensor([0]), torch.tensor([[-1.0]]), items)
    assert found.items.tolist() == [0] * 5
