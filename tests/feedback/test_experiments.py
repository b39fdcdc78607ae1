"""Who meets which arm, whether the arms are as planned, and what came back, by hand and by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.feedback.experiments import Arm, Experiment, apart

PEOPLE = [f"person-{n}" for n in range(4000)]


def test_an_arm_is_where_a_person_stays() -> None:
    plan = Experiment("lists", {"old": 0.9, "new": 0.1})
    arms = [plan.arm(person) for person in PEOPLE]
    assert arms == [Experiment("lists", {"old": 0.9, "new": 0.1}).arm(person) for person in PEOPLE]
    assert plan.arm("person-1") == "old"  # the same in every process: no seed of the interpreter takes part
    assert arms.count("new") == pytest.approx(400, abs=4 * math.sqrt(4000 * 0.1 * 0.9))
    grown = [Experiment("lists", {"old": 0.5, "new": 0.5}).arm(person) for person in PEOPLE]
    assert all(after == "new" for before, after in zip(arms, grown, strict=True) if before == "new")


def test_experiments_and_salts_draw_independently() -> None:
    half = {"old": 0.5, "new": 0.5}
    drawn = [[plan.arm(p) == "new" for p in PEOPLE] for plan in (Experiment("a", half), Experiment("b", half))]
    salted = [Experiment("a", half, salt="2").arm(p) == "new" for p in PEOPLE]
    for other in (drawn[1], salted):
        assert np.corrcoef(drawn[0], other)[0, 1] == pytest.approx(0, abs=4 / math.sqrt(4000))


def test_an_empty_arm_meets_nobody_and_an_only_one_everybody() -> None:
    plan = Experiment("all", {"off": 0.0, "on": 1.0})
    assert {plan.arm(person) for person in PEOPLE[:200]} == {"on"}


def test_sample_ratio_by_hand() -> None:
    plan = Experiment("lists", {"old": 0.5, "new": 0.5})
    told = plan.sample_ratio({"old": 5100, "new": 4900})
    # chi-square (100^2 + 100^2) / 5000 = 4 with one degree of freedom: p = 2 (1 - Phi(2)) = .0455
    assert told.p == pytest.approx(0.0455, abs=1e-4)
    assert told.trusted
    assert str(told) == "old 51.00%, new 49.00%: as planned (p 0.046)"
    lost = plan.sample_ratio({"old": 5300, "new": 4700})  # chi-square 36
    assert not lost.trusted
    assert "NOT as planned (p 2e-09)" in str(lost)


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(InvalidInput, match="shares that sum to 1"):
        Experiment("odd", {"old": 0.5, "new": 0.6})
    with pytest.raises(InvalidInput, match="shares that sum to 1"):
        Experiment("none", {})
    with pytest.raises(InvalidInput, match=r"counts of \['old', 'new'\]"):
        Experiment("lists", {"old": 0.5, "new": 0.5}).sample_ratio({"old": 3})


def test_arms_by_hand() -> None:
    new, old = Arm.of(np.array([1.0, 0, 1, 1])), Arm.of(np.array([0.0, 0, 1]))
    assert (new.n, new.total, new.squares) == (4, 3.0, 3.0)
    # sample variances 1/4 and 1/3: squared errors 1/16 and 1/9
    assert apart(new, old) == pytest.approx((0.75 - 1 / 3, 1 / 16 + 1 / 9))
    days = [Arm.of(np.array([1.0, 0])), Arm.of(np.array([1.0, 1]))]
    assert Arm.together(days) == new
    assert apart(new, Arm()) == (0.0, math.inf)
    assert apart(new, Arm.of(np.array([1.0])))[1] == math.inf
