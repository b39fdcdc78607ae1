"""Features: one definition each, fed by events and read by requests, the same online and offline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from regard.data.fading import Fading
from regard.domain.arrays import Array, Rows, Scores
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.request import UNKNOWN, Query
from regard.domain.weights import DAY


@dataclass(frozen=True, slots=True)
class Observed:
    """One event in rows: who, what, its weight, and when (unix seconds)."""

    user: int
    item: int
    weight: float
    time: float


class Feature(Protocol):
    """A number about each item for one request. Events may come in any order; `query.at` is now."""

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    def observe(self, event: Observed) -> None:
        """Take one more event into account."""
        ...

    def read(self, query: Query, rows: Rows) -> Scores:
        """(n,) -> (n,), finite; also for rows and people that were never observed."""
        ...

    def forget(self, user: int) -> None:
        """Keep nothing that belongs to this person."""
        ...


class Features:
    """Several features, read together; observing and reading may happen in different threads."""

    def __init__(self, features: Sequence[Feature] = ()) -> None:
        self._features = tuple(features)
        self._lock = threading.Lock()
        if len(set(self.names)) != len(self._features):
            raise InvalidInput("Features", "one feature of each name", str(self.names))

    @classmethod
    def of(cls, data: Dataset, valid_from: Callable[[], Scores] | None = None) -> Features:
        """The usual ones, as they stand after all events of `data`; `valid_from` gives the catalogue's column."""
        return cls((Popularity.of(data), Freshness.of(data, valid_from), TimesSeen.of(data)))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, (f,)."""
        return tuple(feature.name for feature in self._features)

    def observe(self, event: Observed) -> None:
        """Tell every feature of one more event."""
        with self._lock:
            for feature in self._features:
                feature.observe(event)

    def read(self, query: Query, rows: Rows) -> NDArray[np.float64]:
        """(n,) -> (n, f)"""
        columns = np.zeros((len(rows), len(self._features)))
        with self._lock:
            for place, feature in enumerate(self._features):
                columns[:, place] = feature.read(query, rows)
        return columns

    def forget(self, user: int) -> None:
        """Keep nothing that belongs to this person."""
        with self._lock:
            for feature in self._features:
                feature.forget(user)


class Popularity:
    """How much an item is met these days: the sum of event weights > 0, halved every `half_life` days."""

    def __init__(self, half_life: float = 30.0, fading: Fading | None = None, name: str = "popularity") -> None:
        _check_days("Popularity.half_life", half_life)
        self.name = name
        self._fading = fading or Fading(half_life * DAY, np.zeros(0), np.zeros(0))

    @classmethod
    def of(cls, data: Dataset, half_life: float = 30.0) -> Popularity:
        """As after all events of `data`."""
        e = data.events
        amounts = np.maximum(e.weight, 0).astype(np.float64)
        return cls(half_life, Fading.of(half_life * DAY, e.item, amounts, np.asarray(e.time), len(data.items)))

    def observe(self, event: Observed) -> None:
        """Take one more event into account."""
        self._fading.add(event.item, max(event.weight, 0.0), event.time)

    def read(self, query: Query, rows: Rows) -> Scores:
        """The faded sums at `query.at`, (n,), >= 0."""
        return self._fading.read(rows, query.at)

    def forget(self, user: int) -> None:
        """Sums over everybody name nobody."""


class Freshness:
    """Days since an item was new: since its `valid_from`, else since its first event; 0 to `most`, 0 if never met."""

    def __init__(
        self, most: float = 365.0, valid_from: Callable[[], Scores] | None = None, first: Scores | None = None
    ) -> None:
        _check_days("Freshness.most", most)
        self.name, self.most = "days_since_new", most
        self._valid_from = valid_from or (lambda: np.zeros(0))
        self._first = np.zeros(0) if first is None else first

    @classmethod
    def of(cls, data: Dataset, valid_from: Callable[[], Scores] | None = None, most: float = 365.0) -> Freshness:
        """As after all events of `data`; without `valid_from`, its own column counts."""
        first = np.full(len(data.items), np.inf)
        np.minimum.at(first, data.events.item, data.events.time)
        own = data.item_column("valid_from") or []
        column = np.array([-np.inf if time is None else time for time in own], np.float64)
        return cls(most, valid_from or (lambda: column), first)

    def observe(self, event: Observed) -> None:
        """Take one more event into account."""
        if event.item >= len(self._first):
            more = max(16, 2 * event.item) - len(self._first)
            self._first = np.concatenate([self._first, np.full(more, np.inf)])
        self._first[event.item] = min(self._first[event.item], event.time)

    def read(self, query: Query, rows: Rows) -> Scores:
        """Days, (n,), in [0, most]."""
        born = _of(self._first, rows, np.inf)
        given = _of(self._valid_from(), rows, -np.inf)
        born = np.where(np.isfinite(given), given, born)
        return np.clip((query.at - born) / DAY, 0.0, self.most)

    def forget(self, user: int) -> None:
        """The first moment of an item names nobody."""


class TimesSeen:
    """How often this person met the item, each time halved every `half_life` days: fatigue that recovers.

    What was known at the start stands as columns by person and item; what came since, in a small table a person.
    """

    def __init__(
        self, half_life: float = 7.0, offsets: NDArray[np.int64] | None = None, items: Array | None = None,
        fading: Fading | None = None,
    ) -> None:  # fmt: skip
        _check_days("TimesSeen.half_life", half_life)
        self.name, self.half_life = "times_seen", half_life
        self._offsets = np.zeros(1, np.int64) if offsets is None else offsets
        self._items = np.zeros(0, np.int64) if items is None else items
        self._known = fading or Fading(half_life * DAY, np.zeros(0), np.zeros(0))
        self._new: dict[int, dict[int, int]] = {}  # person -> item -> place in the sums of what came since
        self._since = Fading(half_life * DAY, np.zeros(0), np.zeros(0))
        self._places = 0

    @classmethod
    def of(cls, data: Dataset, half_life: float = 7.0) -> TimesSeen:
        """As after all events of `data`."""
        e, n = data.events, len(data.items)
        pairs, place = np.unique(e.user.astype(np.int64) * max(n, 1) + e.item, return_inverse=True)
        users, items = np.divmod(pairs, max(n, 1))
        ones = np.ones(len(place))
        fading = Fading.of(half_life * DAY, place, ones, np.asarray(e.time), len(pairs))
        return cls(half_life, np.searchsorted(users, np.arange(len(data.users) + 1)), items, fading)

    def observe(self, event: Observed) -> None:
        """Take one more event into account."""
        own = self._new.setdefault(event.user, {})
        if event.item not in own:
            own[event.item] = self._places
            self._places += 1
        self._since.add(own[event.item], 1.0, event.time)

    def read(self, query: Query, rows: Rows) -> Scores:
        """The faded counts at `query.at`, (n,), >= 0; 0 for an unknown person."""
        if query.user == UNKNOWN:
            return np.zeros(len(rows))
        start, end = self._span(query.user)
        items = self._items[start:end]
        place = np.searchsorted(items, rows)
        there = place < len(items)
        there[there] = items[place[there]] == rows[there]
        seen = self._known.read(np.where(there, start + place, -1), query.at)
        own = self._new.get(query.user)
        if own:
            seen += self._since.read(np.array([own.get(row, -1) for row in rows.tolist()], np.int64), query.at)
        return seen

    def forget(self, user: int) -> None:
        """Keep nothing that belongs to this person."""
        start, end = self._span(user)
        self._known.clear(slice(start, end))
        self._items[start:end] = -1
        for place in self._new.pop(user, {}).values():
            self._since.clear(place)

    def _span(self, user: int) -> tuple[int, int]:
        if not 0 <= user < len(self._offsets) - 1:
            return 0, 0
        return int(self._offsets[user]), int(self._offsets[user + 1])


def _of(column: Array, rows: Rows, missing: float) -> Scores:
    found = np.full(len(rows), missing)
    known = (rows >= 0) & (rows < len(column))
    found[known] = column[rows[known]]
    return found


def _check_days(where: str, days: float) -> None:
    if not 0 < days < np.inf:
        raise InvalidInput(where, "days > 0", repr(days))
