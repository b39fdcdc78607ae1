"""Actions: what a person may do with an item that can be foreseen, and what each of them is worth to a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask
from regard.domain.errors import InvalidInput
from regard.domain.events import Events

POSITIVE = "positive"  # an event of any type, of positive weight
VALUE = " value"  # "rating value": how many stars, how many seconds
WORTH: Mapping[str, float] = {
    "view": 0.1,
    "click": 0.2,
    "like": 1.0,
    "rating": 1.0,
    "rating value": 0.5,
    "buy": 3.0,
    POSITIVE: 1.0,
    "skip": -0.2,
    "dislike": -1.0,
}


@dataclass(frozen=True)
class ActionWeights:
    """What each action adds to a final score: score = sum_a weight_a P(a), with values scaled to [0, 1].

    `table` holds (action, weight) pairs over the weights of WORTH; an action that stands in neither weighs 1.

    >>> ActionWeights((("buy", 5.0),)).of("buy"), ActionWeights().of("dislike"), ActionWeights().of("wave")
    (5.0, -1.0, 1.0)
    """

    table: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for name, weight in self.table:
            if not isinstance(weight, (int, float)) or not np.isfinite(weight):
                raise InvalidInput(f"ActionWeights.{name}", "a finite number", repr(weight))

    def of(self, action: str) -> float:
        """The weight of one action."""
        return float(dict(self.table).get(action, WORTH.get(action, 1.0)))


@dataclass(frozen=True)
class Action:
    """`name`: an event type, POSITIVE, or a type with VALUE after it; of a value, the span that becomes [0, 1]."""

    name: str
    low: float = 0.0
    high: float = 1.0

    @property
    def is_value(self) -> bool:
        """Whether a number is expected, not a chance."""
        return self.name.endswith(VALUE)

    @property
    def type(self) -> str:
        """The event type that it is about; empty for POSITIVE."""
        return "" if self.name == POSITIVE else self.name.removesuffix(VALUE)

    def labels(self, events: Events) -> NDArray[np.float32]:
        """What each event says of this action, (n,): 1 where it is one, else 0; of a value the scaled number or NaN.

        An event of weight 0 or less is none of its type, unless no event of that type weighs more (a dislike).
        """
        if self.name == POSITIVE:
            return (events.weight > 0).astype(np.float32)
        own = events.type == _code(events, self.type)
        if self.is_value:
            scaled = (events.value.astype(np.float64) - self.low) / max(self.high - self.low, 1e-12)
            return np.where(own, np.clip(scaled, 0.0, 1.0), np.nan).astype(np.float32)
        return np.asarray(own & self._counting(events, own), np.float32)

    def _counting(self, events: Events, own: Mask) -> Mask:
        weighing = events.weight > 0
        return weighing if weighing[own].any() else np.ones(len(events), np.bool_)


def actions_of(events: Events, named: Sequence[str], values: Sequence[str], single: bool) -> tuple[Action, ...]:
    """The actions `named`, or those that the events show: POSITIVE where each meeting is one event (`single`) and some
    weigh nothing, else each type that weighs something or whose worth is negative; then the `values` of types.
    """
    shown = [name for code, name in enumerate(events.types) if _is_wanted(events, code, name)]
    if single and (events.weight <= 0).any():
        shown = [POSITIVE]
    found = [Action(name) for name in named or shown]
    for name in values:
        own = events.value[events.type == _code(events, name)]
        if len(own):
            found.append(Action(name + VALUE, float(own.min()), float(own.max())))
    return tuple(found)


def _is_wanted(events: Events, code: int, name: str) -> bool:
    own = events.weight[events.type == code]
    return bool(len(own)) and (bool((own > 0).any()) or WORTH.get(name, 1.0) < 0)


def _code(events: Events, type_: str) -> int:
    return events.types.index(type_) if type_ in events.types else -2
