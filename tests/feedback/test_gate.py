"""The gate: a table that anybody can read, and no better than its worst line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput
from regard.feedback.gate import Gate, passes, refusal
from regard.feedback.trials import Trial
from regard.measurement.versus import Change, Versus

EVERYBODY = Change("all", 0.200, 0.204, -0.001, 0.009, 400)
COLD = Change("cold", 0.100, 0.098, -0.010, 0.006, 60)
FEW = Change("heavy", 0.300, 0.100, -0.300, -0.100, 10)
CARE = {"diversity": (0.50, 0.49), "coverage": (0.40, 0.39), "gini": (0.60, 0.61), "calibration": (0.30, 0.31)}
TRIAL = Trial("0001", Versus("N@10", "time", "ab", (EVERYBODY, COLD, FEW), CARE), ms=3.0, mb=20.0, full=1.0)


def _with(**changed: Any) -> Trial:
    own = {name: changed.pop(name) for name in ("changes", "care") if name in changed}
    return replace(TRIAL, versus=replace(TRIAL.versus, **own), **changed)


def _line(trial: Trial, name: str) -> Condition:
    return next(line for line in Gate().judge(trial, 0) if line.name == name)


def test_the_table_by_hand() -> None:
    table = Gate().judge(TRIAL, 0)
    assert passes(table)
    assert refusal(table) == ""
    everybody = _line(TRIAL, "accuracy, everybody")
    assert everybody.value == pytest.approx(-0.005)  # -.001 / .2
    assert (everybody.bound, everybody.side) == (-0.02, "at least")
    assert _line(TRIAL, "accuracy, new people").value == pytest.approx(0.06)  # .006 / .1
    assert _line(TRIAL, "change of diversity").value == pytest.approx(-0.02)
    assert _line(TRIAL, "change of coverage").value == pytest.approx(-0.01)  # points
    assert "frequent visitors" not in " ".join(line.name for line in table)  # ten people say nothing
    assert all(line.words for line in table)


@pytest.mark.parametrize(
    ("trial", "name"),
    [
        (_with(changes=(replace(EVERYBODY, low=-0.0041),)), "accuracy, everybody"),
        (_with(changes=(EVERYBODY, replace(COLD, high=-0.006))), "accuracy, new people"),
        (_with(care={"diversity": (0.50, 0.47)}), "change of diversity"),
        (_with(care={"coverage": (0.40, 0.36)}), "change of coverage"),
        (_with(care={"gini": (0.60, 0.64)}), "change of gini"),
        (_with(care={"calibration": (0.30, 0.34)}), "change of calibration"),
        (_with(ms=101.0), "milliseconds a list"),
        (_with(mb=5_000.0), "megabytes"),
        (_with(full=0.9), "full lists"),
        (_with(ms=float("nan")), "milliseconds a list"),
    ],
)
def test_each_line_alone_refuses_with_its_reason(trial: Trial, name: str) -> None:
    table = Gate().judge(trial, 0)
    assert not passes(table)
    assert refusal(table).startswith(f"{name} is ")
    assert [line.name for line in table if line.verdict != "holds"] == [name]


def test_damaged_files_and_lines_from_elsewhere() -> None:
    assert passes(Gate().judge(None, 0))  # the first release has nothing beside it
    assert "damaged files is 2" in refusal(Gate().judge(None, 2))
    abstained = Condition("off-policy estimate", None, 0.0, "at least")
    assert "off-policy estimate is unknown" in refusal(Gate().judge(TRIAL, 0, [abstained]))


@given(st.lists(st.sampled_from([0.5, 1.0, 1.5, float("nan")]), min_size=1, max_size=6))
def test_the_gate_is_as_good_as_its_worst_line(values: list[float]) -> None:
    table = [Condition(str(n), value, 1.0) for n, value in enumerate(values)]
    assert passes(table) == all(value <= 1.0 for value in values)
    assert (refusal(table) == "") == passes(table)


def test_a_trial_survives_json() -> None:
    assert Trial.from_plain(TRIAL.plain()) == TRIAL


def test_bounds_of_the_gate() -> None:
    with pytest.raises(InvalidInput, match=r"Gate\.gini"):
        Gate(gini=-0.1)
