"""Knobs: how far one field of a recipe may be turned, as data beside the field or in TOML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from regard.domain.errors import InvalidInput

Value: TypeAlias = bool | int | float | str | None
TABLE = "{low, high} with log = true or without, or a list of choices"


class Draw(Protocol):
    """Who chooses; a trial of Optuna is one."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in [low, high]."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number in [low, high]."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Any:
        """One of the choices."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Any number in [low, high]."""

    low: float
    high: float
    log: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        above = 0.0 if self.log else -math.inf
        if not (_is_number(self.low) and _is_number(self.high) and above < self.low <= self.high < math.inf):
            order = "0 < low <= high" if self.log else "low <= high"
            raise InvalidInput(type(self).__name__, f"finite numbers, {order}", f"{self.low!r} and {self.high!r}")

    def draw(self, name: str, by: Draw) -> Value:
        """One number."""
        return by.suggest_float(name, self.low, self.high, log=self.log)

    def __contains__(self, value: object) -> bool:
        return _is_number(value) and self.low <= value <= self.high  # type: ignore[operator]

    def ends(self) -> tuple[Value, ...]:
        """A recipe that bears these bears what lies between."""
        return self.low, self.high

    def table(self) -> Any:
        """As TOML writes it."""
        return {"low": self.low, "high": self.high} | ({"log": True} if self.log else {})


@dataclass(frozen=True)
class LogUniform(Uniform):
    """Any number in [low, high], low > 0; each factor of ten is as likely as the next."""

    log: bool = field(default=True, init=False)


@dataclass(frozen=True)
class Whole(Uniform):
    """A whole number in [low, high]; with `log` (low > 0) each factor is as likely as the next."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.low, int) and isinstance(self.high, int)):
            raise InvalidInput("Whole", "whole numbers", f"{self.low!r} and {self.high!r}")

    def draw(self, name: str, by: Draw) -> Value:
        """One whole number."""
        return by.suggest_int(name, self.low, self.high, log=self.log)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and super().__contains__(value)


@dataclass(frozen=True, init=False)
class OneOf:
    """One of some plain values: OneOf("gru", "transformer"), OneOf(None, 30.0)."""

    choices: tuple[Value, ...]

    def __init__(self, *choices: Value) -> None:
        plain = all(choice is None or isinstance(choice, bool | int | float | str) for choice in choices)
        if not choices or not plain or len(set(choices)) != len(choices):
            raise InvalidInput("OneOf", "different plain values, at least one", repr(choices))
        object.__setattr__(self, "choices", choices)

    def draw(self, name: str, by: Draw) -> Value:
        """One of them."""
        chosen: Value = by.suggest_categorical(name, self.choices)
        return chosen

    def __contains__(self, value: object) -> bool:
        return value in self.choices

    def ends(self) -> tuple[Value, ...]:
        """A recipe must bear each."""
        return self.choices

    def table(self) -> Any:
        """As TOML writes it (TOML has no word for None)."""
        return list(self.choices)


Knob: TypeAlias = Uniform | OneOf


def knob(told: Any) -> Knob:
    """A knob from plain data; InvalidInput where it is none.

    >>> knob({"low": 1, "high": 3}), knob({"low": 1e-4, "high": 1e-2, "log": True}), knob(["gru", "hstu"])
    (Whole(low=1, high=3, log=False), LogUniform(low=0.0001, high=0.01, log=True), OneOf(choices=('gru', 'hstu')))
    """
    if isinstance(told, list | tuple):
        return OneOf(*told)
    if not isinstance(told, Mapping) or not {"low", "high"} <= set(told) <= {"low", "high", "log"}:
        raise InvalidInput("knob", TABLE, repr(told))
    low, high, log = told["low"], told["high"], told.get("log", False)
    if not isinstance(log, bool):
        raise InvalidInput("knob", TABLE, repr(told))
    if isinstance(low, int) and isinstance(high, int):
        return Whole(low, high, log)
    return LogUniform(low, high) if log else Uniform(low, high)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
