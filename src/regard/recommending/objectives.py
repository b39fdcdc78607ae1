"""Objectives beyond diversity: fatigue with recovery, a share for the long tail, caps per group, pins.

An objective is given the list so far and says, in the units of the scaled score, what each candidate would add.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Gain
from regard.domain.request import Query
from regard.domain.weights import DAY
from regard.recommending.columns import Column, take
from regard.recommending.diversity import check_weight

NO_GROUP = -1


@dataclass(frozen=True, slots=True, eq=False)
class Fatigue:
    """Takes away weight * (1 - exp(-exposure)): what was met often and lately stands back, and recovers.

    Exposure is the feature column `feature` (times seen, as the feature lets it fade), or, without one, the sum over
    the history of 2 ** (-age / half_life): of the item, and with `groups` (I,) of all items of its group, so that a
    person who had five thrillers tonight rests from thrillers. The exponential recovery is that of Kapoor et al. (2015)
    and of ROGUE bandits (Mintz et al. 2020). `half_life` in days; item of group -1: on its own.
    """

    weight: float = 0.5
    half_life: float = 1.0
    groups: Column | None = None
    feature: str | None = None

    def __post_init__(self) -> None:
        check_weight("Fatigue.weight", self.weight)
        if not 0 < self.half_life < np.inf:
            raise InvalidInput("Fatigue.half_life", "days > 0", repr(self.half_life))

    def ceiling(self, query: Query) -> float:
        """It only takes away."""
        return 0.0

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate; the same for each slot."""
        seen = self._faded(query, candidates) if self.feature is None else candidates.feature(self.feature)
        loss = -self.weight * -np.expm1(-np.maximum(seen, 0.0))
        return lambda last: loss

    def _faded(self, query: Query, candidates: Candidates) -> Scores:
        met = np.asarray(query.history.rows, np.int64)
        age = np.maximum(query.at - np.asarray(query.history.times, np.float64), 0.0)
        fresh = 0.5 ** (age / (DAY * self.half_life))
        if self.groups is None:
            return _summed(met, fresh, candidates.rows)
        group_of_met = take(self.groups, met, missing=NO_GROUP)
        groups = take(self.groups, candidates.rows, missing=NO_GROUP)
        alone = _summed(met, fresh, candidates.rows)
        return np.asarray(np.where(groups == NO_GROUP, alone, _summed(group_of_met, fresh, groups)), np.float64)


def _summed(keys: NDArray[np.integer], amounts: Scores, wanted: NDArray[np.integer]) -> Scores:
    unique, place = np.unique(keys, return_inverse=True)
    if not len(unique):
        return np.zeros(len(wanted))
    sums = np.bincount(place, amounts, len(unique))
    at = np.minimum(np.searchsorted(unique, wanted), len(unique) - 1)
    return np.asarray(np.where(unique[at] == wanted, sums[at], 0.0), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LongTail:
    """Lifts items outside the head whenever the list falls behind floor(share * slots), by weight * (how many behind).

    With a weight above the other parts' range (scores range over 1) it is a quota: after p slots at least
    floor(share * p) hold tail items, as long as there are such candidates. `head` (I,) is true for items of the head
    (see `head`); an item newer than the column is tail.
    """

    head: Column
    share: float = 0.2
    weight: float = 10.0

    def __post_init__(self) -> None:
        check_weight("LongTail.weight", self.weight)
        if not 0 <= self.share <= 1:
            raise InvalidInput("LongTail.share", "a share in [0, 1]", repr(self.share))

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate."""
        tail = ~np.asarray(take(self.head, candidates.rows, missing=False), np.bool_)
        slots = given = 0

        def gain(last: int | None) -> Scores:
            nonlocal slots, given
            given += int(last is not None and tail[last])
            slots += 1
            behind = max(0, int(self.share * slots + 1e-9) - given)
            return np.asarray(self.weight * behind * tail, np.float64)

        return gain


def head(counts: NDArray[np.number], mass: float = 0.5) -> Mask:
    """The items (I,) that together, most met first, draw the share `mass` of all events: the head of the distribution.

    >>> head(np.array([1, 7, 2, 0]), mass=0.8).tolist()
    [False, True, True, False]
    """
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    inside = np.zeros(len(counts), np.bool_)
    inside[order] = (before < mass * counts.sum()) & (counts[order] > 0)
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class GroupCap:
    """Forbids an item whose group (creator, brand, series ...) already holds `most` slots.

    `groups` (I,) are codes; -1, and an item newer than the column, belong to no group. It forbids nothing where the
    request's own filter names `field`: who asks for one creator's items gets them. Where it `yields`, a list is not cut
    short while candidates are left: once all of them are forbidden, each group may hold one more, and so on.
    """

    groups: Column
    most: int = 2
    field: str = ""
    yields: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InvalidInput("GroupCap.most", "at least 1 slot", repr(self.most), "A filter drops a whole group.")

    def ceiling(self, query: Query) -> float:
        """It only forbids."""
        return 0.0

    @property
    def strict(self) -> GroupCap:
        """The same that does not yield: of the best candidates alone nobody can tell whether others are left."""
        return replace(self, yields=False)

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate."""
        if self.field in query.filtered:
            nothing = np.zeros(len(candidates))
            return lambda last: nothing
        return _Capped(self, take(self.groups, candidates.rows, missing=NO_GROUP)).gain


class _Capped:
    """One slate under a cap: what is forbidden, (n,), and how many candidates are neither that nor taken."""

    def __init__(self, cap: GroupCap, groups: NDArray[np.integer]) -> None:
        self.groups, self.most, self.yields = groups, cap.most, cap.yields
        self.held: dict[int, int] = {}
        self.forbidden = np.zeros(len(groups))
        self.free, self.left = len(groups), len(groups)

    def gain(self, last: int | None) -> Scores:
        """What each candidate gains after the candidate `last` was taken."""
        if last is not None:
            self.free -= int(self.forbidden[last] == 0)
            self.left -= 1
            self._hold(int(self.groups[last]))
            if self.yields and not self.free:
                self.most, self.free = self.most + 1, self.left
                self.forbidden[:] = 0.0
        return self.forbidden.copy()

    def _hold(self, group: int) -> None:
        if group == NO_GROUP:
            return
        self.held[group] = held = self.held.get(group, 0) + 1
        if held == self.most:
            own = self.groups == group
            self.forbidden[own] = -np.inf
            self.free -= int(np.count_nonzero(own)) - held


@dataclass(frozen=True, slots=True)
class Pin:
    """Puts items at slots: `slots` maps an item row to its position (0 is the first).

    Until its turn a pinned item is held back, at its turn it gains +inf. In a list that runs short, pins move up so
    that each still lands. Pins at or beyond `query.k` say nothing, and an item that nobody proposed cannot be lifted.
    """

    slots: Mapping[int, int]

    def __post_init__(self) -> None:
        positions = list(self.slots.values())
        if len(set(positions)) < len(positions) or min(positions, default=0) < 0:
            raise InvalidInput("Pin.slots", "one position >= 0 for each item", str(dict(self.slots)))

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate."""
        place = {int(row): index for index, row in enumerate(candidates.rows)}
        pinned = sorted((p, place[row]) for row, p in self.slots.items() if row in place and p < query.k)
        n = len(candidates)
        turns = {index: min(p, n - len(pinned) + i) for i, (p, index) in enumerate(pinned)}
        turn = -1

        def gain(last: int | None) -> Scores:
            nonlocal turn
            turn += 1
            gains = np.zeros(n)
            for index, due in turns.items():
                gains[index] = np.inf if due == turn else -np.inf if due > turn else 0.0
            return gains

        return gain
