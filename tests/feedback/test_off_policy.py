"""Judging without traffic: intervals, support, abstention, differences and what people read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.feedback.logged_actions import Contributions, LoggedActions, Target
from regard.feedback.off_policy import HEADINGS, Judge, Need, effective_share, supported, table
from regard.feedback.off_policy_estimators import IPS, SNIPS, DoublyRobust
from regard.feedback.off_policy_intervals import Bernstein, Bootstrap
from regard.measurement.bootstrap import Resampling
from tests.feedback.policy_logs import by_hand, drawn, keen


def _of(amounts: Scores, span: float = 1.0) -> Contributions:
    return Contributions(amounts, np.ones(len(amounts)), span)


def test_bernstein_by_hand() -> None:
    amounts = np.array([0.0, 1.0] * 50)  # V = 25/99, ln(4/.05) = 4.3820
    low, high = Bernstein()(_of(amounts))
    half = math.sqrt(2 * (25 / 99) * math.log(80) / 100) + 7 * math.log(80) / (3 * 99)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half))
    wide = Bernstein()(_of(amounts, 10.0))
    assert wide[1] - high == pytest.approx(9 * 7 * math.log(80) / (3 * 99))
    assert Bernstein()(_of(np.array([1.0]))) == (-math.inf, math.inf)


def test_bernstein_refuses_what_nobody_bounds() -> None:
    log = by_hand()
    with pytest.raises(InvalidInput, match=r"a known span.*Bootstrap\(\) needs none"):
        Bernstein()(SNIPS()(log, keen(log)))


def test_bootstrap_of_many_even_amounts_is_the_normal_interval() -> None:
    amounts = np.random.default_rng(0).normal(3, 2, 2000)
    low, high = Bootstrap()(_of(amounts))
    half = 1.96 * amounts.std() / math.sqrt(2000)
    assert (low, high) == pytest.approx((amounts.mean() - half, amounts.mean() + half), abs=0.1 * half)


def test_bootstrap_moves_and_stretches_with_what_it_measures() -> None:
    amounts = np.random.default_rng(1).exponential(1, 60)
    low, high = Bootstrap()(_of(amounts))
    assert Bootstrap()(_of(5 + 2 * amounts)) == pytest.approx((5 + 2 * low, 5 + 2 * high))
    assert high - amounts.mean() > 1.2 * (amounts.mean() - low)  # the long tail lies upwards
    assert Bootstrap()(_of(np.full(10, 0.3))) == pytest.approx((0.3, 0.3))


def test_intervals_cover_as_often_as_they_say() -> None:
    rng, truth = np.random.default_rng(2), 0.57
    old, new, rates = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.5, 0.8])
    covered = {"bootstrap": 0, "Bernstein": 0}
    for _ in range(200):
        log = drawn(400, rng, old, rates)
        for interval in (Bootstrap(Resampling(200)), Bernstein()):
            found = Judge(IPS(), interval).estimate(log, Target.of(log, np.tile(new, (400, 1))))
            covered[str(interval)] += found.low <= truth <= found.high
    assert 183 <= covered["bootstrap"] <= 197  # 190 expected, spread 3.1
    assert covered["Bernstein"] >= 197


def test_effective_share_by_hand() -> None:
    assert effective_share(np.array([1.6, 0.4, 0.4, 0.4])) == pytest.approx(2.8**2 / (4 * 3.04))
    assert effective_share(np.ones(7)) == 1.0
    assert effective_share(np.zeros(7)) == 0.0


def test_support_by_what_is_known() -> None:
    chances = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    log = LoggedActions(np.array([0, 0]), np.ones(2), np.array([0.5, 1.0]), chances=chances)
    new = np.array([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3]])
    assert supported(log, Target.of(log, new), np.ones(2)) == pytest.approx((0.7 + 0.2) / 2)
    shown = LoggedActions(log.action, log.reward, log.propensity, np.array([0, 1]))
    assert supported(shown, Target.of(shown, new), np.ones(2)) == pytest.approx(0.2)  # what was seen: action 0
    assert supported(shown, Target(np.array([0.2, 0.2])), np.array([0.4, 0.2])) == pytest.approx(0.3)


def test_it_abstains_and_says_why() -> None:
    rng = np.random.default_rng(3)
    log = drawn(1000, rng, np.array([0.999, 0.001, 0.0]), np.full(3, 0.5))
    rare = Judge().estimate(log, Target.of(log, np.tile([0.1, 0.9, 0.0], (1000, 1)), "rare"))
    assert rare.abstains == f"too rare in the log: {rare.effective:.2%} of it counts for rare (asked: 1%)"
    assert rare.effective < 0.01
    assert rare.support == 1.0
    assert np.isnan([rare.value, rare.low, rare.high]).all()
    never = Judge().estimate(log, Target.of(log, np.tile([0.85, 0.0, 0.15], (1000, 1)), "odd"))
    assert never.abstains == "only 85% of what odd would show was ever tried (asked: 90%)"
    assert not Judge(need=Need(support=0.8)).estimate(log, Target.of(log, np.tile([0.85, 0, 0.15], (1000, 1)))).abstains


def test_a_difference_is_paired_and_abstains_where_either_does() -> None:
    rng = np.random.default_rng(4)
    log = drawn(3000, rng, np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.4, 0.5]))
    old = Target.of(log, np.tile([0.5, 0.3, 0.2], (3000, 1)), "old")
    new = Target.of(log, np.tile([0.4, 0.3, 0.3], (3000, 1)), "new")
    for estimator in (IPS(), SNIPS(), DoublyRobust()):
        judge = Judge(estimator)
        apart, one, other = judge.difference(log, new, old), judge.estimate(log, new), judge.estimate(log, old)
        assert apart.policy == "new - old"
        assert apart.value == pytest.approx(one.value - other.value)
        assert apart.high - apart.low < 0.6 * (one.high - one.low + other.high - other.low)
        assert apart.effective == pytest.approx(one.effective)  # the worse of the two
    assert judge.difference(log, new, old).sure == "better"
    assert judge.difference(log, old, new).sure == "worse"
    assert judge.difference(log, old, old).sure == "no difference to be seen"
    lost = Target(np.zeros(3000), name="lost")
    gone = Judge(IPS()).difference(log, new, lost)
    assert gone.abstains == "only 0% of what lost would show was ever tried (asked: 90%)"
    assert gone.sure == ""


def test_a_table_for_people() -> None:
    log = by_hand()
    said = Judge(IPS()).estimate(log, keen(log))
    heads, row = table([said]).splitlines()
    assert heads.split("  ")[0] == HEADINGS[0]
    assert row.split() == ["keen", "IPS", ".6000", *row.split()[3:5], "3", "of", "4", "100%", "yes"]
    assert str(said).startswith("keen: .6000 (")
    assert str(said).endswith("counts like 3 of 4")
    silent = Judge(need=Need(effective=0.9)).estimate(log, keen(log))
    assert str(silent) == "keen: no answer, too rare in the log: 64.47% of it counts for keen (asked: 90%)"
    assert silent.cells()[2:5] == ("-", "-", "-")
