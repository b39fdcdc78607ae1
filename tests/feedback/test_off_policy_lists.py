"""Off-policy estimators of lists: by hand, and in a world of people who walk down and stop."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.list_world import ListWorld, chances
from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.feedback.logged_actions import LoggedActions, Target
from regard.feedback.off_policy import Judge
from regard.feedback.off_policy_estimators import OffPolicy
from regard.feedback.off_policy_lists import CascadeDR, ListIPS

PAIR = LoggedActions(
    np.array([0, 1]), np.array([1.0, 1.0]), np.array([0.25, 0.5]), np.array([0, 1]), slate=np.zeros(2, np.int64)
)
NEW = Target(np.array([0.5, 0.25]), np.array([[0.5, 0.5], [0.75, 0.25]]))  # weights 2 and .5


@pytest.mark.parametrize(
    ("looks", "value"),
    [
        ("at_one", 2.5),  # 2 + .5
        ("downwards", 3.0),  # 2 + 2 x .5
        ("at_all", 2.0),  # 2 x .5 for each
    ],
)
def test_importance_by_hand(looks: str, value: float) -> None:
    assert ListIPS(looks)(PAIR, NEW).amounts == pytest.approx([value])  # type: ignore[arg-type]


def test_cascade_dr_by_hand() -> None:
    met = []

    def guess(log: LoggedActions, actions: int) -> Scores:
        met.append(log.reward.tolist())
        return np.tile([0.4, 0.6], (len(log), 1))

    # last slot: Q of what was shown .6, under the target .75 x .4 + .25 x .6 = .45; first slot: .4, and .5
    # 2 (1 - .4) + 1 x .5 = 1.7, and 1 (1 - .6) + 2 x .45 = 1.3
    assert CascadeDR(guess)(PAIR, NEW).amounts == pytest.approx([3.0])
    assert met == [[1.0], pytest.approx([1.45])]  # the first slot learns from its click and what follows


def test_positions_without_order_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"0, 1, 2, \.\.\. in each slate"):
        ListIPS()(LoggedActions(PAIR.action, PAIR.reward, PAIR.propensity, np.array([0, 2]), slate=PAIR.slate), NEW)
    with pytest.raises(InvalidInput, match="gap or twin"):
        ListIPS()(LoggedActions(PAIR.action, PAIR.reward, PAIR.propensity, np.array([0, 0]), slate=PAIR.slate), NEW)
    with pytest.raises(InvalidInput, match="at_one, downwards or at_all"):
        ListIPS("sideways")  # type: ignore[arg-type]


def test_the_order_in_which_slots_are_written_means_nothing() -> None:
    rng = np.random.default_rng(0)
    world = ListWorld.settle(rng)
    log = world.log(world.beliefs(0.2, 0.4, rng), 50, rng)
    target = world.target(world.beliefs(0.1, 0.3, rng), log)
    assert log.position is not None
    assert log.slate is not None
    assert log.chances is not None
    assert target.chances is not None
    order = rng.permutation(len(log))
    mixed = LoggedActions(
        log.action[order],
        log.reward[order],
        log.propensity[order],
        log.position[order],
        slate=log.slate[order],
        chances=log.chances[order],
    )
    for estimator in (ListIPS("at_one"), ListIPS("downwards"), ListIPS("at_all"), CascadeDR()):
        turned = estimator(mixed, Target(target.shown[order], target.chances[order]))
        assert turned.amounts == pytest.approx(estimator(log, target).amounts)


def test_the_chances_of_a_list_are_those_of_luce() -> None:
    logits = np.log([0.5, 0.3, 0.2] + [1e-300] * 9)
    found = chances(logits, np.array([[0, 1, 2, 3]]))
    assert found[0, 1, :3] == pytest.approx([0, 0.6, 0.4])  # .3 and .2 of what is left


def test_who_walks_down_is_understood_by_those_who_think_so() -> None:
    estimators: tuple[OffPolicy, ...] = (ListIPS("at_all"), ListIPS("downwards"), ListIPS("at_one"), CascadeDR())
    told: dict[str, list[float]] = {}
    rng = np.random.default_rng(5)
    world = ListWorld.settle(rng)
    old, new = world.beliefs(0.2, 0.4, rng), world.beliefs(0.1, 0.2, rng)
    truth = float(world.clicks(world.shown(new, 200_000, rng)[0], rng).sum(axis=1).mean())
    for _ in range(25):
        log = world.log(old, 1000, rng)
        for estimator in estimators:
            told.setdefault(str(estimator), []).append(estimator(log, world.target(new, log)).mean)
    apart = {name: (np.mean(values) - truth) / (np.std(values) / 5) for name, values in told.items()}
    assert max(abs(apart[name]) for name in ("SIPS", "RIPS", "Cascade-DR")) < 3
    assert abs(apart["IIPS"]) > 3  # a click above took the look from below
    assert np.std(told["Cascade-DR"]) < np.std(told["RIPS"]) < np.std(told["SIPS"])
    estimate = Judge(CascadeDR()).estimate(log, world.target(new, log))
    assert estimate.units == 1000
    assert estimate.low < truth < estimate.high
