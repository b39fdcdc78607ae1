"""Streams: the events of all people as rows of one length without padding, each person apart; and their time gaps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.events import Events

GAPS = 40  # codes of time gaps
START = -1  # in place of an item: nothing was met before
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """B rows of L places; at each place what was met before (START: nothing yet) and what is met next. All (B, L).

    items, gaps, actions, values: of the event before. targets: the item met next (-1: it teaches nothing). segment
    numbers the pieces of a row from the left; what follows a cut is a piece of its own. person: whose; moment: the
    number of the event met next (its context counts). earlier (N, S): items that lie before each of the N pieces, -1
    where there are less; piece (B, L): which of them.
    """

    items: Codes
    gaps: Codes
    actions: Codes
    values: NDArray[np.float32]
    targets: Codes
    segment: Codes
    person: Codes
    moment: Codes
    earlier: Codes
    piece: Codes


@dataclass(frozen=True, eq=False)
class Stream:
    """Every event of positive weight is foretold once an epoch from those before it, a person's first one from nothing.

    People are shuffled, their events laid end to end and cut into rows of `window`; what is short at the end is filled
    with places that teach nothing. So no row is padded but the last, and cuts fall elsewhere in every epoch.
    item, gap, action, value, number: (n,) of all people's events, oldest first (`number`: their places in the data);
    offsets (U + 1,). wanted (n,): which of them teach. rows: of one batch. summary: how many events before a piece are
    summed up. learner: what learns from it, as part of its identity.
    """

    item: Codes
    gap: Codes
    action: Codes
    value: NDArray[np.float32]
    number: Codes
    offsets: Codes
    wanted: NDArray[np.bool_]
    window: int
    rows: int
    summary: int = 0
    learner: str = ""

    @staticmethod
    def of(data: Dataset, reading: Reading, rows: int, learner: str = "", wanted: tuple[str, ...] = ()) -> Stream:
        """The positive events of `data`; those of the types `wanted` teach (none named: all).

        InvalidInput where there are events, but none of these types.
        """
        positive = np.asarray(data.events.weight > 0)
        right = data.events.where(positive)
        return Stream(
            right.item.astype(np.int64),
            gaps(right.time, right.offsets),
            reading.actions(right.types, right.type),
            reading.scaled(right.value),
            np.flatnonzero(positive),
            right.offsets,
            teaching(right, wanted),
            reading.window,
            rows,
            reading.summary,
            learner,
        )

    @cached_property
    def identity(self) -> str:
        """The hash of the events, of how they are cut and of who learns."""
        whole = hashlib.sha256(f"{self.window} {self.rows} {self.summary} {self.learner}".encode())
        for column in (self.item, self.gap, self.action, self.value, self.offsets, self.wanted):
            whole.update(np.ascontiguousarray(column).tobytes())
        return whole.hexdigest()

    def __len__(self) -> int:
        return -(-len(self.item) // (self.window * self.rows))

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Each event once as the next one."""
        count = np.diff(self.offsets)
        people = rng.permutation(np.flatnonzero(count))
        person = np.repeat(people, count[people])
        start = np.cumsum(count[people]) - count[people]
        place = np.arange(len(person)) + np.repeat(self.offsets[people] - start, count[people])
        rows = -(-len(person) // self.window)
        columns = [self._cut(column, rows) for column in (place, person)]
        for first in rng.permutation(np.arange(0, rows, self.rows)):
            yield self._batch(*(column[first : first + self.rows] for column in columns))

    def newest(self, people: Rows) -> tuple[Batch, Codes]:
        """What foretells the event after each person's last, one row each, (Q, L); and the place of it, (Q,)."""
        end = self.offsets[people + 1]
        length = np.minimum(end - self.offsets[people] + 1, self.window)
        place = (end - length + 1)[:, None] + np.arange(int(length.max(initial=1)))
        there = np.arange(place.shape[1]) < length[:, None]
        return self._batch(np.where(there, place, -1), np.broadcast_to(people[:, None], place.shape)), length - 1

    @cached_property
    def _padded(self) -> tuple[Any, ...]:
        """The columns, where there is no event at all with one that nobody reads."""
        columns = (self.item, self.gap, self.action, self.value, self.number, self.wanted)
        return columns if len(self.item) else tuple(np.zeros(1, column.dtype) for column in columns)

    def _cut(self, column: Codes, rows: int) -> Codes:
        """(pairs,) -> (rows, window), filled with -1."""
        return np.pad(column, (0, rows * self.window - len(column)), constant_values=-1).reshape(rows, self.window)

    def _batch(self, place: Codes, person: Codes) -> Batch:
        """place (B, L): the event met next, -1 where there is none; it may lie just behind the last of all."""
        there = (place >= 0) & (place < len(self.item))
        item, gap, action, value, number, wanted = self._padded
        person = np.where(place >= 0, person, -1)
        known = np.where(there, place, 0)
        first = (place < 0) | (place == self.offsets[np.maximum(person, 0)])
        last = np.where(first, 0, place - 1)
        segment = np.cumsum(np.diff(person, axis=1, prepend=person[:, :1]) != 0, axis=1)
        return Batch(
            np.where(first, START, item[last]),
            np.where(first, 0, gap[last]),
            np.where(first, START, action[last]),
            np.where(first, np.float32(0), value[last]),
            np.where(there & wanted[known], item[known], -1),
            segment,
            person,
            np.where(there, number[known], -1),
            *self._earlier(place, person, segment),
        )

    def _earlier(self, place: Codes, person: Codes, segment: Codes) -> tuple[Codes, Codes]:
        begins = np.diff(segment, axis=1, prepend=-1) != 0
        piece = np.cumsum(begins.ravel()).reshape(begins.shape) - 1
        own, at = person[begins], place[begins]
        floor = self.offsets[np.maximum(own, 0)]
        count = np.where(own >= 0, np.clip(at - 1 - floor, 0, self.summary), 0)
        back = np.arange(int(count.max(initial=0)))[None, :]
        return np.where(back < count[:, None], self._padded[0][np.maximum((at - 2)[:, None] - back, 0)], -1), piece


def teaching(events: Events, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which events are of the types `wanted` (none named: all), (n,); InvalidInput where there are others only."""
    found = events.are(*(wanted or events.types))
    if len(events) and not found.any():
        there = ", ".join(events.types[code] for code in np.unique(events.type))
        hint = "Name types that people do, or none: then all teach."
        raise InvalidInput("Behaviour.actions", f"some of {there}", repr(wanted), hint)
    return found


@dataclass(frozen=True)
class Reading:
    """How events are read: the newest `window` places one by one, up to `summary` events before them in sum.

    types: the actions that are told apart; centre, width: of the values (mean and deviation in train).
    """

    window: int
    summary: int = 0
    types: tuple[str, ...] = ()
    centre: float = 1.0
    width: float = 1.0
    codes: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", {name: code for code, name in enumerate(self.types)})

    @staticmethod
    def learn(data: Dataset, window: int, summary: int) -> Reading:
        """What the positive events of `data` are called, and what their values are like."""
        right = data.events.where(np.asarray(data.events.weight > 0))
        there = sorted({right.types[code] for code in np.unique(right.type)})
        value = right.value.astype(np.float64)
        centre, width = (float(value.mean()), float(value.std()) or 1.0) if len(value) else (1.0, 1.0)
        return Reading(window, summary, tuple(there), centre, width)

    def told(self) -> dict[str, Any]:
        """As an artifact keeps it."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    @staticmethod
    def from_told(told: Mapping[str, Any]) -> Reading:
        """As it was."""
        return Reading(**{**told, "types": tuple(told["types"])})

    def actions(self, types: tuple[str, ...], codes: NDArray[np.integer]) -> Codes:
        """Codes into `types` become our own, -1 for what we do not know."""
        table = np.array([*(self.codes.get(name, -1) for name in types), -1], np.int64)
        return table[np.asarray(codes, np.int64)]

    def scaled(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Values in deviations from the mean, at most 4."""
        return np.clip((np.asarray(values) - self.centre) / self.width, -4, 4).astype(np.float32)


def gaps(time: NDArray[np.floating], offsets: Codes) -> Codes:
    """How long after the same person's event before: 0 for their first, else 1 + log2(1 + seconds), rounded down.

    time (n,) unix seconds, oldest first within offsets[u]:offsets[u+1] -> (n,) codes below GAPS.

    >>> gaps(np.array([5.0, 5.0, 8.0, 9.0]), np.array([0, 3, 4])).tolist()
    [0, 1, 3, 0]
    """
    since = np.maximum(np.diff(np.asarray(time, np.float64), prepend=0.0), 0.0)
    found: Codes = np.minimum(1 + np.log2(1 + since), GAPS - 1).astype(np.int64)
    found[offsets[:-1][np.diff(offsets) > 0]] = 0
    return found


def gaps_since(data: Dataset, later: Dataset) -> Codes:
    """Gap codes of the events of `later`, the first of each person counted from their last in `data`."""
    codes = gaps(later.events.time, later.events.offsets)
    for user in np.flatnonzero((np.diff(later.events.offsets) > 0) & (np.diff(data.events.offsets) > 0)):
        last, first = data.events.offsets[user + 1] - 1, later.events.offsets[user]
        pair = np.array([data.events.time[last], later.events.time[first]])
        codes[first] = gaps(pair, np.array([0, 2]))[1]
    return codes
