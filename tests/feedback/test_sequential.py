"""Sequential tests: published bounds, formulas by hand, and false alarms and power in short simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.feedback.experiments import Arm
from regard.feedback.sequential import AlwaysValid, GroupSequential, Verdict

LOOKS = 200
SHARES = np.arange(1, LOOKS + 1) / LOOKS


def _walks(drift: float, runs: int = 2000) -> Scores:
    """Brownian motion with `drift` at LOOKS shares of one unit of time, (runs, LOOKS)."""
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(drift / LOOKS, 1 / math.sqrt(LOOKS), (runs, LOOKS)), axis=1)


def test_bounds_as_published() -> None:
    # O'Brien-Fleming type spending, two-sided 5%, five equal looks (Jennison & Turnbull 2000; R's ldbounds)
    assert GroupSequential().bounds == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=6e-4)
    assert GroupSequential((0.5, 1.0)).bounds == pytest.approx([2.963, 1.969], abs=6e-4)
    assert GroupSequential((1.0,)).bounds == pytest.approx([ndtri(0.975)], abs=1e-6)


def test_looks_that_may_not_spend_anything_yet_never_stop() -> None:
    early = GroupSequential((0.001, 1.0))
    assert early.bounds[0] == math.inf
    assert early.bounds[1] == pytest.approx(1.96, abs=1e-3)
    assert not early(Arm(10, 10.0, 10.0), Arm(10, 0.0, 0.0), 0).stop


def test_group_sequential_keeps_its_level_and_nearly_all_power_of_one_look() -> None:
    bounds = GroupSequential(tuple(SHARES)).bounds
    for drift, low, high in ((0.0, 0.036, 0.064), (ndtri(0.975) + ndtri(0.8), 0.75, 0.80)):
        stopped = (np.abs(_walks(drift)) > bounds * np.sqrt(SHARES)).any(axis=1).mean()
        assert low < stopped < high


def test_always_valid_by_hand() -> None:
    test = AlwaysValid(effect=2.0, spread=0.5)  # mixing spread 1
    d, v = 1.0, 0.5
    # N(1; +-2, 1.5) / N(1; 0, .5): mean of exp(1 - 1/3) and exp(1 - 9/3), times sqrt(.5 / 1.5)
    by_hand = (math.exp(1 - 1 / 3) + math.exp(1 - 3)) / 2 * math.sqrt(1 / 3)
    assert test.log_evidence(np.array(d), np.array(v)) == pytest.approx(math.log(by_hand))
    unknown = test.log_evidence(np.array([1.0, 1.0]), np.array([0.0, math.inf]))
    assert (unknown == -np.inf).all()


def test_what_is_not_ruled_out_is_where_the_evidence_is_small() -> None:
    test = AlwaysValid(effect=0.1)
    for variance in (1e-6, 1e-3, 1.0):
        half = test.half_width(variance)
        inside, outside = test.log_evidence(np.array([0.999 * half, 1.001 * half]), np.full(2, variance))
        assert inside < math.log(20) < outside
    assert test.half_width(1e-3) < test.half_width(1.0)
    assert test.half_width(math.inf) == math.inf
    assert test.half_width(0.0) == math.inf


def test_always_valid_keeps_its_level_and_three_quarters_of_the_power() -> None:
    drift = ndtri(0.975) + ndtri(0.8)
    test = AlwaysValid(effect=drift)

    def stopped(drift: float) -> float:
        variance = np.broadcast_to(1 / SHARES, (2000, LOOKS))
        evidence = test.log_evidence(_walks(drift) / SHARES, variance)
        return float((evidence > math.log(20)).any(axis=1).mean())

    assert stopped(0.0) <= 0.05
    assert stopped(drift) >= 0.75 * 0.8
    assert stopped(2 * drift) > 0.99
    every = (np.abs(_walks(0.0)) > ndtri(0.975) * np.sqrt(SHARES)).any(axis=1).mean()
    assert every > 0.3  # what peeking costs whoever has no such test


def test_a_small_difference_is_found_in_the_end() -> None:
    test = AlwaysValid(effect=1.0)  # ten times what there is
    assert test.half_width(1e-2) > 0.1 > test.half_width(1e-4)


def test_verdicts_for_people() -> None:
    rng = np.random.default_rng(1)
    old, new = (Arm.of((rng.random(4000) < rate).astype(np.float64)) for rate in (0.10, 0.16))
    test = AlwaysValid(effect=0.05)
    found = test(new, old)
    assert found.stop
    assert found.low < 0.06 < found.high
    assert str(found).startswith("new is better by .0")
    assert str(test(old, new)).startswith("new is worse by .0")
    assert "no difference to be seen yet" in str(test(old, old))
    planned = GroupSequential()(new, old, 4)
    assert planned.stop
    assert planned.difference == found.difference
    assert planned.high - planned.low < found.high - found.low
    assert str(Verdict(0.5, 0.25, 0.75, stop=True)) == "new is better by .5000 (.2500 to .7500): stop"


def test_what_cannot_be_planned_is_refused() -> None:
    for looks in ((), (0.5, 0.5), (0.0, 1.0), (0.5, 1.1)):
        with pytest.raises(InvalidInput, match="rising shares"):
            GroupSequential(looks)
    with pytest.raises(InvalidInput, match="effect: expected a number > 0"):
        AlwaysValid(effect=0.0)
    with pytest.raises(InvalidInput, match=r"level: expected a chance in \(0, 1\)"):
        AlwaysValid(effect=1.0, level=1.0)
