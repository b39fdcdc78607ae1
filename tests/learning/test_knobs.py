"""Knobs: what they hold, how they are written, which are none."""

from __future__ import annotations

from typing import Any

import pytest

from regard.domain.errors import InvalidInput
from regard.learning.knobs import Knob, LogUniform, OneOf, Uniform, Whole, knob


@pytest.mark.parametrize(
    ("turned", "inside", "outside"),
    [
        (Uniform(0.0, 0.5), (0.0, 0.25, 0.5, 0), (-0.1, 0.6, None, "a", True)),
        (LogUniform(1e-4, 1e-2), (1e-4, 1e-3), (1e-5, 1.0, None)),
        (Whole(1, 3), (1, 2, 3), (0, 4, 2.0, True, None)),
        (OneOf("gru", None), ("gru", None), ("hstu", 0)),
    ],
)
def test_a_knob_knows_what_it_holds(turned: Knob, inside: tuple[Any, ...], outside: tuple[Any, ...]) -> None:
    assert all(value in turned for value in inside)
    assert not any(value in turned for value in outside)


@pytest.mark.parametrize(
    "turned", [Uniform(0.0, 0.5), LogUniform(1e-4, 1e-2), Whole(1, 3), Whole(1, 100, log=True), OneOf("a", 1, False)]
)
def test_plain_data_and_back(turned: Knob) -> None:
    again = knob(turned.table())
    assert (type(again), again) == (type(turned), turned)


@pytest.mark.parametrize(
    "told",
    [
        3,
        "gru",
        [],
        ["a", "a"],
        [1, True],  # equal in Python, so the finished trials could not tell them apart
        [["a"], ["b"]],
        {},
        {"low": 1},
        {"low": 1, "high": 2, "step": 1},
        {"low": 2, "high": 1},
        {"low": 0.0, "high": 1.0, "log": True},
        {"low": 0, "high": 10, "log": True},
        {"low": 0.0, "high": float("inf")},
        {"low": float("nan"), "high": 1.0},
        {"low": "0", "high": 1},
        {"low": 1, "high": 2, "log": 1},
    ],
)
def test_what_is_no_knob_is_refused(told: Any) -> None:
    with pytest.raises(InvalidInput):
        knob(told)


def test_whole_numbers_are_whole() -> None:
    with pytest.raises(InvalidInput, match="whole numbers"):
        Whole(1.5, 3)  # type: ignore[arg-type]
