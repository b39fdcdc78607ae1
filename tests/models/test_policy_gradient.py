"""The top-K off-policy corrected gradient in bandits whose best policies are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from regard.domain.candidates import Candidates, Scored
from regard.domain.request import Query
from regard.models.logged_lists import LoggedLists
from regard.models.policy_gradient import PolicyGradient, advantages

pytest.importorskip("torch", reason="needs PyTorch: pip install 'regard[deep]'")
pytestmark = pytest.mark.deep


class Silent:
    """A scorer that knows nothing."""

    def score(self, query: Query, candidates: Candidates) -> Scored:
        return Scored(np.zeros(len(candidates)), np.zeros(len(candidates)))


def learned(reward: np.ndarray, beta: np.ndarray, places: int, corrected: bool = True) -> np.ndarray:
    """The policy (A,) where gradient ascent on expected updates comes to rest; each action as often as beta says."""
    import torch

    from regard.learning.losses import top_k_reinforce

    logits = torch.zeros(1, len(reward), requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    shown, weight = torch.arange(len(reward))[:, None], torch.tensor(beta)
    logged = weight[:, None] if corrected else torch.softmax(logits.detach(), dim=1).T
    for _ in range(1_000):
        optimiser.zero_grad()
        if not corrected:  # the ratio is 1: what REINFORCE does with a log as if it were its own
            logged = torch.softmax(logits.detach(), dim=1).T
        every = logits.expand(len(reward), -1)
        lost = top_k_reinforce(every, shown, logged, torch.tensor(reward)[:, None], (places, 1e9))
        (lost * weight).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return np.asarray(torch.softmax(logits.detach(), dim=1)[0])


def test_without_the_correction_the_log_decides_and_with_it_the_rewards_do() -> None:
    """Chen et al. 2019, section 5.1: rewards 1 to 10, logged the more often the worse they are.

    Uncorrected, the best policy is beta_i r_i, normalised: largest in the middle (5 and 6: 6 * 5 = 5 * 6). Corrected,
    it is the action with the largest reward alone.
    """
    reward = np.arange(1.0, 11.0, dtype=np.float32)
    beta = (11 - reward) / 55
    naive = learned(reward, beta, 1, corrected=False)
    assert naive == pytest.approx(beta * reward / (beta * reward).sum(), abs=0.01)
    assert learned(reward, beta, 1)[-1] > 0.99


def test_for_two_places_both_good_items_get_their_share() -> None:
    """Rewards 10, 9 and eight times 1: for K = 1 all goes to the first, for K = 2 to both.

    Sum of r (1 - (1 - pi)^2) is largest where 10 (1 - pi_1) = 9 (1 - pi_2): pi_1 = 10 / 19.
    """
    reward = np.r_[10.0, 9.0, np.ones(8)].astype(np.float32)
    beta = np.full(10, 0.1, np.float32)
    assert learned(reward, beta, 1)[0] > 0.99
    assert learned(reward, beta, 2)[:2] == pytest.approx([10 / 19, 9 / 19], abs=0.01)


def test_the_loss_by_hand() -> None:
    """Logits log 1, 2, 3 (chances 1/6, 2/6, 3/6), list (2, 0): pi 3/6, then 1/3 of what is left.

    With beta .25 and .5, K = 2, cap 1.5: weights 1.5 * 2 * .5 * 2 = 3 and 2/3 * 2 * 2/3 * -1 = -8/9.
    """
    import torch

    from regard.learning.losses import top_k_reinforce

    logits = torch.log(torch.tensor([[1.0, 2.0, 3.0]])).requires_grad_()
    shown, beta, gained = torch.tensor([[2, 0, -1]]), torch.tensor([[0.25, 0.5, 1.0]]), torch.tensor([[2.0, -1.0, 9.0]])
    lost = top_k_reinforce(logits, shown, beta, gained, (2, 1.5))
    assert lost.item() == pytest.approx(-3 * np.log(1 / 2) + 8 / 9 * np.log(1 / 3), rel=1e-5)
    lost.sum().backward()  # type: ignore[no-untyped-call]
    # d log pi(2) = (-1/6, -2/6, 1/2); d log pi(0 | 2) = (2/3, -2/3, 0)
    expected = -3 * np.array([-1 / 6, -2 / 6, 1 / 2]) + 8 / 9 * np.array([2 / 3, -2 / 3, 0.0])
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def bandit(n: int, seed: int = 0) -> LoggedLists:
    """Lists of two out of four items liked with chances .1, .2, .6, .7, by a policy that prefers the bad ones."""
    rng = np.random.default_rng(seed)
    weights, liked = np.array([4.0, 3.0, 2.0, 1.0]), np.array([0.1, 0.2, 0.6, 0.7])
    shown = np.argsort(-(np.log(weights) + rng.gumbel(size=(n, 4))), axis=1)[:, :2]
    first = weights[shown[:, 0]] / 10
    chance = np.stack([first, weights[shown[:, 1]] / (10 - weights[shown[:, 0]])], axis=1)
    clicked = (rng.random((n, 2)) < liked[shown]).astype(np.float64)
    every = np.tile(np.arange(4), (n, 1))
    return LoggedLists([Query(at=0.0)] * n, every, np.zeros((n, 4)), shown, chance, clicked, np.ones(2))


def test_it_finds_the_best_pair_in_a_log_that_hides_it() -> None:
    topics = np.ones((4, 1), np.float32)
    fitted = PolicyGradient(0.0, half_lives=(), own=0.0, epochs=10, rate=0.02).fit(bandit(3_000), Silent(), topics)
    query, every = Query(at=0.0), Candidates.of("all", np.arange(6), np.zeros(6))
    scores = fitted.score(query, every).mean
    assert set(np.argsort(-scores)[:2].tolist()) == {2, 3}
    assert scores[4] == scores[5]  # nobody was shown these
    again = PolicyGradient(0.0, half_lives=(), own=0.0, epochs=10, rate=0.02).fit(bandit(3_000), Silent(), topics)
    assert again.score(query, every).mean.tolist() == scores.tolist()


def test_an_advantage_is_what_came_above_what_its_place_lets_expect() -> None:
    lists = bandit(200)
    found = advantages(lists, np.zeros((200, 1, 1)), 0.0)
    assert found.mean(axis=0) == pytest.approx([0.0, 0.0])
    assert found[0] == pytest.approx(lists.reward[0] - lists.reward.mean(axis=0))
