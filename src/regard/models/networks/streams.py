"""Streams: the events of all people as rows of one length without padding, each person apart; and their time gaps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regard.domain.dataset import Dataset

GAPS = 40  # codes of time gaps
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """B rows of L events: items met, their gaps, the item met next (-1: none), and whose events stand together.

    All (B, L). `segment` numbers the pieces of a row from the left; what follows a cut is a piece of its own.
    """

    items: Codes
    gaps: Codes
    targets: Codes
    segment: Codes


@dataclass(frozen=True, eq=False)
class Stream:
    """Every event of positive weight that has a next one teaches once an epoch.

    People are shuffled, their events laid end to end and cut into rows of `window`; what is short at the end is filled
    with events that teach nothing. So no row is padded but the last, and cuts fall elsewhere in every epoch.
    item, gap: (n,) of all people's events, oldest first; offsets (U + 1,). rows: of one batch. learner: what learns
    from it, as part of its identity.
    """

    item: Codes
    gap: Codes
    offsets: Codes
    window: int
    rows: int
    learner: str = ""

    @staticmethod
    def of(data: Dataset, window: int, rows: int, learner: str) -> Stream:
        """The positive events of `data`."""
        right = data.where(np.asarray(data.events.weight > 0)).events
        return Stream(
            right.item.astype(np.int64), gaps(right.time, right.offsets), right.offsets, window, rows, learner
        )

    @cached_property
    def pairs(self) -> int:
        """How many events have a next one."""
        return int(np.maximum(np.diff(self.offsets) - 1, 0).sum())

    @cached_property
    def identity(self) -> str:
        """The hash of the events, of how they are cut and of who learns."""
        whole = hashlib.sha256(f"{self.window} {self.rows} {self.learner}".encode())
        for column in (self.item, self.gap, self.offsets):
            whole.update(np.ascontiguousarray(column, np.int64).tobytes())
        return whole.hexdigest()

    def __len__(self) -> int:
        return -(-self.pairs // (self.window * self.rows))

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Each event with a next one, once."""
        count = np.maximum(np.diff(self.offsets) - 1, 0)
        people = rng.permutation(np.flatnonzero(count))
        person = np.repeat(np.arange(len(people)), count[people])
        start = np.cumsum(count[people]) - count[people]
        place = np.arange(self.pairs) - start[person] + self.offsets[people][person]
        rows = -(-self.pairs // self.window)
        columns = [self._cut(column, rows) for column in (place, person)]
        for first in rng.permutation(np.arange(0, rows, self.rows)):
            yield self._batch(*(column[first : first + self.rows] for column in columns))

    def _cut(self, column: Codes, rows: int) -> Codes:
        """(pairs,) -> (rows, window), filled with -1."""
        return np.pad(column, (0, rows * self.window - len(column)), constant_values=-1).reshape(rows, self.window)

    def _batch(self, place: Codes, person: Codes) -> Batch:
        there = place >= 0
        segment = np.cumsum(np.diff(person, axis=1, prepend=person[:, :1]) != 0, axis=1)
        targets = np.where(there, self.item[np.where(there, place + 1, 0)], -1)
        return Batch(self.item[place], self.gap[place], targets, segment)


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
