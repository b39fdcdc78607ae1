"""Off-policy estimators of slots, by hand, by what must not change them, and by the truth of small worlds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.feedback.expected_rewards import ExpectedRewards
from regard.feedback.logged_actions import LoggedActions, Target, by_unit
from regard.feedback.off_policy_estimators import IPS, MIPS, SNIPS, DoublyRobust, OffPolicy
from tests.feedback.policy_logs import KEEN, by_hand, drawn, keen

EVERY: tuple[OffPolicy, ...] = (
    IPS(),
    SNIPS(),
    DoublyRobust(0.0),
    DoublyRobust(1.0),
    DoublyRobust(),
    MIPS(np.array([0, 1, 0])),
)


def guess(log: LoggedActions, actions: int) -> Scores:
    """q = .5 for the first action, .25 for the second."""
    return np.tile([0.5, 0.25], (len(log), 1))


@pytest.mark.parametrize(
    ("estimator", "value"),
    [
        (IPS(), 0.6),  # (1.6 1 + .4 0 + .4 1 + .4 1) / 4
        (SNIPS(), 2.4 / 2.8),  # the same over 1.6 + 3 x .4
        (DoublyRobust(0.0, guess), 0.45),  # .8 x .5 + .2 x .25
        (DoublyRobust(rewards=guess), 0.775),  # .45 + (1.6 x .5 - .4 x .25 + 2 x .4 x .75) / 4
        (DoublyRobust(1.0, guess), 0.575),  # without the first slot, whose weight is 1.6
        (MIPS(np.array([0, 0])), 0.75),  # one group: every weight is 1
        (MIPS(np.array([0, 1])), 0.6),  # each its own: as IPS
    ],
    ids=str,
)
def test_by_hand(estimator: OffPolicy, value: float) -> None:
    log = by_hand()
    found = estimator(log, keen(log))
    assert found.mean == pytest.approx(value, abs=1e-12)
    assert found.weights == pytest.approx([1.6, 0.4, 0.4, 0.4])


def test_mips_counts_groups_where_the_log_knows_only_what_it_showed() -> None:
    log = replace(by_hand(), chances=None)
    # shares seen 1/4 and 3/4: weights .8 / .25 and .2 / .75; (3.2 + 2 x .2667) / 4
    assert MIPS(np.array([0, 1]))(log, keen(log)).mean == pytest.approx(14 / 15)


def test_spans_by_hand() -> None:
    log = by_hand()
    assert IPS()(log, keen(log)).span == pytest.approx(1.6)
    assert IPS()(replace(log, chances=None), keen(log)).span == pytest.approx(2.0)  # 1 / the least chance
    assert IPS()(replace(log, bounds=(-1.0, 1.0)), keen(log)).span == pytest.approx(3.2)
    assert DoublyRobust(rewards=guess)(log, keen(log)).span == pytest.approx(4.2)  # 1 + 2 x 1.6
    assert DoublyRobust(0.0, guess)(log, keen(log)).span == pytest.approx(1.0)
    assert SNIPS()(log, keen(log)).span == math.inf


def test_slots_of_a_slate_share_their_luck() -> None:
    log = LoggedActions(np.zeros(3, np.int64), np.zeros(3), np.ones(3), slate=np.array([7, 7, 9]))
    found = by_unit(log, np.array([1.0, 0.0, 1.0]), np.ones(3), 1.0)
    # t = 2/3, m/n = 2/3: 2/3 + 2/3 (1/3 - 2/3) and 2/3 + 2/3 (1/3)
    assert found.amounts == pytest.approx([4 / 9, 8 / 9])
    assert found.span == pytest.approx(2 * 2 / 3)  # two slots in the largest slate


slots = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=n, max_size=n),
        st.integers(0, 2**16),
    )
)


def _log(actions: list[int], rewards: list[float], seed: int) -> tuple[LoggedActions, Scores]:
    rng = np.random.default_rng(seed)
    old, new = rng.dirichlet(np.ones(3), len(actions)) * 0.7 + 0.1, rng.dirichlet(np.ones(3), len(actions))
    action = np.array(actions)
    log = LoggedActions(action, np.array(rewards), old[np.arange(len(action)), action], chances=old)
    return log, new


@given(slots)
def test_the_policy_that_wrote_the_log_earned_what_the_log_says(drawn_: tuple[list[int], list[float], int]) -> None:
    log, _ = _log(*drawn_)
    assert log.chances is not None
    for estimator in (IPS(), SNIPS(), MIPS(np.array([0, 1, 0]))):
        assert estimator(log, Target.of(log, log.chances)).mean == pytest.approx(log.reward.mean())


@given(slots)
def test_names_of_actions_and_the_order_of_slots_mean_nothing(drawn_: tuple[list[int], list[float], int]) -> None:
    log, new = _log(*drawn_)
    assert log.chances is not None
    turn, order = np.array([2, 0, 1]), np.random.default_rng(0).permutation(len(log))
    back = np.argsort(turn)  # action a is now called back[a]
    renamed = replace(log, action=back[log.action], chances=log.chances[:, turn])
    mixed = LoggedActions(log.action[order], log.reward[order], log.propensity[order], chances=log.chances[order])
    groups = np.array([0, 1, 0])
    for one, other in ((IPS(), IPS()), (SNIPS(), SNIPS()), (MIPS(groups), MIPS(groups[turn]))):
        value = one(log, Target.of(log, new)).mean
        assert other(renamed, Target.of(renamed, new[:, turn])).mean == pytest.approx(value)
        assert one(mixed, Target.of(mixed, new[order])).mean == pytest.approx(value)
    for robust in (DoublyRobust(0.0), DoublyRobust()):
        value = robust(log, Target.of(log, new)).mean
        assert robust(renamed, Target.of(renamed, new[:, turn])).mean == pytest.approx(value)


@given(slots, st.floats(-3, 3), st.floats(0.1, 5))
@settings(max_examples=40)
def test_another_unit_of_reward_is_only_another_unit(
    drawn_: tuple[list[int], list[float], int], shift: float, scale: float
) -> None:
    log, new = _log(*drawn_)
    moved = replace(log, reward=shift + scale * log.reward, bounds=(shift, shift + scale + 1e-9))
    for estimator in (SNIPS(), DoublyRobust(0.0), DoublyRobust(1.0), DoublyRobust()):
        value = estimator(log, Target.of(log, new)).mean
        assert estimator(moved, Target.of(moved, new)).mean == pytest.approx(shift + scale * value, abs=1e-6)


def test_in_a_small_world_they_find_the_truth_on_average() -> None:
    rng = np.random.default_rng(1)
    rates, old, new = np.array([0.1, 0.5, 0.8]), np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    told: dict[str, list[float]] = {}
    for _ in range(200):
        log = drawn(300, rng, old, rates)
        target = Target.of(log, np.tile(new, (300, 1)))
        for estimator in EVERY[:5]:
            told.setdefault(str(estimator), []).append(estimator(log, target).mean)
    truth = float(rates @ new)  # .57
    error = {name: abs(np.mean(values) - truth) * math.sqrt(200) / np.std(values) for name, values in told.items()}
    assert max(error["IPS"], error["SNIPS"], error["DR"]) < 3
    assert np.std(told["DR"]) < 0.7 * np.std(told["IPS"])
    assert np.std(told["SNIPS"]) < 0.9 * np.std(told["IPS"])
    assert error["direct"] > 3  # shrunk: biased, and quiet
    assert np.std(told["direct"]) < np.std(told["DR"])


def test_doubly_robust_means_that_either_may_be_wrong() -> None:
    rng = np.random.default_rng(2)
    rates, old, new = np.array([0.2, 0.7]), np.array([0.5, 0.5]), np.array([0.1, 0.9])
    log = drawn(20_000, rng, old, rates)
    target = Target.of(log, np.tile(new, (len(log), 1)))
    wrong_q = DoublyRobust(rewards=lambda log, actions: np.full((len(log), actions), 0.9))
    assert wrong_q(log, target).mean == pytest.approx(0.65, abs=0.02)
    lied = LoggedActions(log.action, log.reward, np.where(log.action == 0, 0.8, 0.2))
    right_q = DoublyRobust(rewards=lambda log, actions: np.tile(rates, (len(log), 1)))
    assert right_q(lied, target).mean == pytest.approx(0.65, abs=0.02)
    assert abs(IPS()(lied, target).mean - 0.65) > 0.5  # the lie matters


def test_expected_rewards_shrink_like_slots_that_were_average_and_never_see_their_own() -> None:
    reward = np.array([1.0, 0, 0, 0, 1, 1, 0, 0])
    log = LoggedActions(np.array([0, 0, 1, 1, 0, 0, 1, 1]), reward, np.full(8, 0.5))
    own = ExpectedRewards(penalty=2.0, folds=2, seed=3)
    before = own(log, 2)
    assert before.shape == (8, 2)
    for place in range(8):  # to change one reward never changes what is said of that slot
        changed = reward.copy()
        changed[place] = 1 - changed[place]
        assert own(replace(log, reward=changed), 2)[place] == pytest.approx(before[place])
    fold = np.random.default_rng(3).permutation(8) % 2
    seen = fold != fold[0]
    mean = reward[seen].mean()
    left = reward[seen] - mean  # the column of the only position is orthogonal to what is left: its part is 0
    for action in (0, 1):
        mine = log.action[seen] == action
        assert before[0, action] == pytest.approx(np.clip(mean + left[mine].sum() / (mine.sum() + 2.0), 0, 1))


def test_expected_rewards_learn_what_an_action_means_at_a_moment() -> None:
    rng = np.random.default_rng(4)
    x, action = rng.normal(size=(4000, 2)), rng.integers(0, 3, 4000)
    truth = 0.5 + 0.1 * x @ np.array([[1.0, -1.0, 0.0], [0.0, 0.5, 1.0]])
    reward = np.clip(truth[np.arange(4000), action] + 0.05 * rng.normal(size=4000), 0, 1)
    log = LoggedActions(action, reward, np.full(4000, 1 / 3), context=x.astype(np.float32))
    assert np.abs(ExpectedRewards()(log, 3) - np.clip(truth, 0, 1)).mean() < 0.01


def test_what_cannot_be_is_refused() -> None:
    log = by_hand()
    with pytest.raises(InvalidInput, match=r"propensity: expected chances in \(0, 1\]"):
        replace(log, propensity=np.array([0.5, 0.0, 0.5, 0.5]), chances=None)
    with pytest.raises(InvalidInput, match="Give `bounds`"):
        replace(log, reward=np.array([1.0, 5.0, 1, 1]))
    with pytest.raises(InvalidInput, match="chance of the shown action"):
        replace(log, propensity=np.full(4, 0.4))
    with pytest.raises(InvalidInput, match="sum to 1"):
        Target.of(log, 0.9 * KEEN)
    with pytest.raises(InvalidInput, match="a column for each action up to 1"):
        Target.of(log, np.ones((4, 1)))
    with pytest.raises(InvalidInput, match=r"new\.shown: expected chances >= 0, got -0\.1"):
        Target(np.array([0.5, -0.1]))
    with pytest.raises(InvalidInput, match="the chances of every action"):
        DoublyRobust()(log, Target(np.full(4, 0.5)))
    with pytest.raises(InvalidInput, match="at least one slot"):
        LoggedActions(np.empty(0, np.int64), np.empty(0), np.empty(0))
    with pytest.raises(InvalidInput, match="a weight >= 0"):
        DoublyRobust(-1.0)
