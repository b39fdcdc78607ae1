"""Item, User, Event: the record kinds that we keep. Ids are strings here and only at the edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from regard.domain.errors import InvalidInput

Value: TypeAlias = str | float | bool | tuple[str, ...]  # one typed attribute; a tuple is a multi-value
NOTHING: Mapping[str, Value] = MappingProxyType({})


def plain(value: Any) -> Value | None:
    """One attribute as a cell of a table holds it: lists as tuples, dates and moments (without a zone: UTC) as unix
    seconds; None where nothing is said.

    >>> plain(["a", "b"]), plain([]), plain(float("nan")), plain(date(1970, 1, 2)), plain(datetime(1970, 1, 2, 1))
    (('a', 'b'), None, None, 86400.0, 90000.0)
    """
    if isinstance(value, list):
        return tuple(value) or None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    found: Value | None = value
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _check_id(where: str, text: str) -> None:
    if not text:
        raise InvalidInput(where, "a non-empty id", repr(text))


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be recommended.

    `images` and `audio` are references (paths or URLs), never bytes. `valid_from`/`valid_until` are unix seconds
    (None: open). A hidden item stays known, so that its history still teaches, but is never shown.
    """

    id: str
    title: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()
    creator: str = ""
    images: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    valid_from: float | None = None
    valid_until: float | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        _check_id("Item.id", self.id)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who receives lists. `consent` says what they allow, by purpose (`personalise`, `mood`, ...)."""

    id: str
    attributes: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    consent: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_id("User.id", self.id)


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did with an item: `type` (view, buy, rating ...), `value`, `time` in unix seconds.

    `slate` names the recommendation that it answers and `position` (0 is the first slot) where the item stood there.
    `id` makes the event idempotent; empty means: the hash of its content and its occurrence number.
    """

    user: str
    item: str
    type: str = "view"
    value: float = 1.0
    time: float = 0.0
    slate: str = ""
    position: int | None = None
    context: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    id: str = ""

    def __post_init__(self) -> None:
        _check_id("Event.user", self.user)
        _check_id("Event.item", self.item)
        for name, number in (("value", self.value), ("time", self.time)):
            if not math.isfinite(number):
                raise InvalidInput(f"Event.{name}", "a finite number", repr(number))
