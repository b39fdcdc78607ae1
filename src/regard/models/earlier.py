"""Earlier: what had happened in a group (of an item, of a person) strictly before each of many moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Array


@dataclass(frozen=True, eq=False)
class Earlier:
    """For n questions (group, moment): the known events of that group before that moment lie in `start:end`.

    `order` sorts the known events by group and time; what happened in the very moment does not count as earlier, so
    that nothing can be learned from the answer itself.

    >>> found = Earlier.of(np.array([7, 7, 8]), np.array([1.0, 2.0, 1.0]), np.array([7, 7, 9]), np.array([2.0, 3, 3]))
    >>> found.count.tolist(), found.sum(np.array([10.0, 20.0, 40.0])).tolist()
    ([1, 2, 0], [10.0, 30.0, 0.0])
    """

    order: NDArray[np.int64]  # (m,) of the known events
    start: NDArray[np.int64]  # (n,) places in `order`
    end: NDArray[np.int64]  # (n,)

    @staticmethod
    def of(groups: Array, times: Array, asked: Array, moments: Array) -> Earlier:
        """Known events are of `groups` (m,) at `times` (m,); asked are the groups `asked` (n,) at `moments` (n,)."""
        ranks = np.unique(np.concatenate([times, moments]), return_inverse=True)[1].astype(np.int64)
        width = np.int64(len(ranks) + 1)
        order = np.lexsort((times, groups))
        known = (groups.astype(np.int64) * width + ranks[: len(times)])[order]
        own = asked.astype(np.int64) * width
        start = np.searchsorted(known, own)
        return Earlier(order, start, np.maximum(start, np.searchsorted(known, own + ranks[len(times) :])))

    @property
    def count(self) -> NDArray[np.int64]:
        """How many, (n,)."""
        return self.end - self.start

    def sum(self, values: Array) -> NDArray[np.float64]:
        """The sum of the known events' `values` (m,), (n,)."""
        running = np.concatenate([[0.0], np.cumsum(values[self.order], dtype=np.float64)])
        return np.asarray(running[self.end] - running[self.start])

    def first(self, values: Array) -> NDArray[np.float64]:
        """The value of the first one, (n,); NaN where there is none."""
        found = np.full(len(self.start), np.nan)
        there = self.count > 0
        found[there] = values[self.order][self.start[there]]
        return found

    def newest(self, values: Array, window: int) -> NDArray[np.int64]:
        """The values of the newest `window`, oldest first, right-aligned, -1 where there is none, (n, window)."""
        place = self.end[:, None] + np.arange(-window, 0)
        there = place >= self.start[:, None]
        found = np.full(place.shape, -1, np.int64)
        found[there] = values[self.order][place[there]]
        return found
