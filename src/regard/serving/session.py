"""Sessions: what one process remembers of people; each request adds what the store has that is newer."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from regard.data.attributes import values_of
from regard.data.tails import NEWEST, Ask, Happened
from regard.domain.arrays import Rows
from regard.domain.records import NOTHING, Value
from regard.domain.request import NO_ROWS, UNKNOWN, History
from regard.domain.weights import EventWeight, weigh
from regard.serving.settings import now

AHEAD = 300.0  # seconds by which the clock of a sender may run ahead
PEOPLE = 100_000  # remembered by one process, some 20 kB each at most
STRANGERS = 10_000  # whose last list is remembered, some 2 kB each at most
UNLOGGED = 4096  # lists remembered by one process, so that paging goes on after an outage of the store
SEEN = np.dtype([("seq", "i8"), ("item", "i8"), ("type", "i8"), ("value", "f8"), ("time", "f8")])


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Person:
    """One person as of event number `seq`: `newest` (h,) of SEEN by time, and `met`, all items ever met, sorted.

    `unwanted`, sorted: those that they ever asked to see less of, by events of the type whose code is `less`. What was
    still to come when the last of it was told stands in `coming` (c,) of SEEN by time, and only there.
    """

    row: int = UNKNOWN
    seq: int = 0
    retracted: int = 0
    said: tuple[str, str] = ("{}", "{}")
    attributes: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    consent: Mapping[str, bool] = field(default_factory=dict)
    newest: NDArray[np.void] = field(default_factory=lambda: np.empty(0, SEEN))
    met: Rows = field(default_factory=lambda: NO_ROWS)
    coming: NDArray[np.void] = field(default_factory=lambda: np.empty(0, SEEN))
    unwanted: Rows = field(default_factory=lambda: NO_ROWS)
    less: int = -1

    @property
    def profiled(self) -> bool:
        """Whether this person allows a list to be made of what they did; only they change it.

        Without it, of all that they did a list keeps to one thing: what they wished away is not shown.
        """
        return self.consent.get("personalise", True)

    def by(self, at: float) -> Person:
        """This person at the moment `at`, when some of what was to come has happened."""
        if not len(self.coming):
            return self
        come, coming = happened_by(self.coming, at)
        if not len(come):
            return self
        newest, met = _by_time(self.newest, come)[-NEWEST:], np.union1d(self.met, come["item"])
        less = come["item"][come["type"] == self.less]
        unwanted = np.union1d(self.unwanted, less) if len(less) else self.unwanted
        return replace(self, newest=newest, met=met, coming=coming, unwanted=unwanted)


_histories: WeakKeyDictionary[Person, tuple[tuple[Any, ...], History]] = WeakKeyDictionary()


class Sessions:
    """The people met lately, at most PEOPLE, the longest unmet forgotten first; what STRANGERS were shown last, and
    what UNLOGGED lists showed."""

    def __init__(self) -> None:
        self._people: OrderedDict[str, Person] = OrderedDict()
        self._shown: OrderedDict[tuple[str, str], tuple[float, Rows]] = OrderedDict()
        self._unlogged: OrderedDict[UUID, tuple[str, Rows]] = OrderedDict()

    def show(self, who: str, what: str, rows: Rows, at: float) -> None:
        """Remember what somebody was shown of something at `at`, row by row (n,): who has no row in the store, or a
        list that is in no log."""
        self._shown[who, what] = (at, rows)
        self._shown.move_to_end((who, what))
        if len(self._shown) > STRANGERS:
            self._shown.popitem(last=False)

    def unshow(self, who: str, what: str) -> None:
        """The log knows better from here on."""
        self._shown.pop((who, what), None)

    def shown(self, who: str, what: str, since: float) -> Rows:
        """What somebody unknown was shown of it since then; nothing is remembered: no rows."""
        at, rows = self._shown.get((who, what), (since, NO_ROWS))
        return rows if at >= since else NO_ROWS

    def ask(self, user: str) -> Ask:
        """What has to be asked about this person."""
        held = self._people.get(user)
        until = now() + AHEAD
        return Ask(user, until=until) if held is None else Ask(user, held.row, held.seq, held.retracted, until)

    def known(self, user: str) -> Person:
        """As we last knew this person, where the store cannot be asked."""
        return self._people.get(user) or Person()

    def observe(self, user: str, told: Happened) -> Person:
        """This person with what the store told since."""
        held = self._people.get(user)
        if told.row == UNKNOWN:
            if self._people.pop(user, None) is not None:
                self.forget(user)
            return Person()
        if held is None or (held.row, held.retracted) != (told.row, told.retracted):
            held = Person(told.row, retracted=told.retracted)
        if held.seq < told.newest or held.said != (told.attributes, told.consent) or told.met is not None:
            held = _grown(held, told)
        self._people[user] = held
        self._people.move_to_end(user)
        if len(self._people) > PEOPLE:
            self._people.popitem(last=False)
        return held

    def forget(self, user: str) -> None:
        """Remember nothing of this person."""
        self._people.pop(user, None)
        for one in [one for one in self._shown if one[0] == user]:
            del self._shown[one]
        for name in [name for name, (whose, _) in self._unlogged.items() if whose == user]:
            del self._unlogged[name]

    def keep(self, unlogged: UUID, user: str, shown: Rows) -> None:
        """Remember what a list showed that is in no log, with all before it, (n,) rows; the oldest is forgotten."""
        self._unlogged[unlogged] = user, shown
        if len(self._unlogged) > UNLOGGED:
            self._unlogged.popitem(last=False)

    def kept(self, unlogged: UUID) -> Rows | None:
        """What such a list showed, and those before it, (n,) rows; None: it is in the log, or not known here."""
        return self._unlogged.get(unlogged, (None, None))[1]


def _grown(held: Person, told: Happened) -> Person:
    said = (told.attributes, told.consent)
    new = np.array([event for event in told.events if event[0] > held.seq or held.seq == 0], SEEN)
    new = new[~np.isin(new["seq"], np.concatenate([held.newest["seq"], held.coming["seq"]]))]
    met = held.met if told.met is None else np.union1d(held.met, told.met)
    unwanted = held.unwanted if told.unwanted is None else np.union1d(held.unwanted, told.unwanted)
    if said == held.said:
        attributes, consent = held.attributes, held.consent
    else:
        attributes, consent = values_of(json.loads(said[0])), json.loads(said[1])
    seq, coming = max(held.seq, told.newest), _by_time(held.coming, new)
    return Person(
        told.row, seq, told.retracted, said, attributes, consent, held.newest, met, coming, unwanted, told.less
    ).by(now())


def _by_time(*events: NDArray[np.void]) -> NDArray[np.void]:
    together = np.concatenate(events)
    return together[np.lexsort((together["seq"], together["time"]))]


def happened_by(events: NDArray[np.void], at: float) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Events (h,) of SEEN that happened by `at`, and those to come; a clock may run AHEAD."""
    done = events["time"] <= at + AHEAD
    return events[done], events[~done]


def history_of(person: Person, types: tuple[str, ...], weights: tuple[EventWeight, ...], at: float) -> History:
    """What a person did; the same object while they do nothing else, so that what was made of it can be kept."""
    if len(person.newest) and person.newest["time"][-1] > at:  # from a clock that runs ahead
        return history(person.newest, types, weights, at)
    read, found = _histories.get(person, (None, None))
    if found is None or read != (types, weights):
        found = history(person.newest, types, weights, at)
        _histories[person] = (types, weights), found
    return found


def history(events: NDArray[np.void], types: Sequence[str], weights: Sequence[EventWeight], at: float) -> History:
    """Events (h,) of SEEN as the corridor reads them; no time is later than `at`."""
    codes, values = events["type"], events["value"]
    named, place = np.unique(codes, return_inverse=True)
    names = tuple(types[code] for code in named)
    times = np.minimum(events["time"], at)
    worth = weigh(names, place, values, weights)
    rows = np.ascontiguousarray(events["item"])
    return History(rows, worth, times, place.astype(np.int64), values.astype(np.float32), names)
