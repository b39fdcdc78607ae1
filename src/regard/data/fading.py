"""Sums that halve with time, kept one event at a time or all at once, with the same result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Scores


class Fading:
    """Sums of amounts that halve every `half_life` seconds, by row: each as of its own newest moment.

    A sum S with newest moment r takes an amount a at time t as S 2^(-(t - r) / h) + a, r = t where t >= r, and as
    S + a 2^(-(r - t) / h) where t < r; so the order of arrival does not matter.
    """

    def __init__(self, half_life: float, sums: Scores, newest: Scores) -> None:
        self.half_life, self._sums, self._newest = half_life, sums, newest

    @classmethod
    def of(cls, half_life: float, keys: NDArray[np.integer], amounts: Scores, times: Scores, n: int) -> Fading:
        """The sums (n,) after all amounts at once."""
        newest = np.full(n, -np.inf)
        np.maximum.at(newest, keys, times)
        sums = np.bincount(keys, amounts * 0.5 ** ((newest[keys] - times) / half_life), n).astype(np.float64)
        return cls(half_life, sums, newest)

    def __len__(self) -> int:
        return len(self._sums)

    def add(self, key: int, amount: float, time: float) -> None:
        """One more amount."""
        if key >= len(self._sums):
            more = max(16, 2 * key) - len(self._sums)
            self._sums = np.concatenate([self._sums, np.zeros(more)])
            self._newest = np.concatenate([self._newest, np.full(more, -np.inf)])
        last = self._newest[key]
        if time >= last:
            self._sums[key] = self._sums[key] * 0.5 ** ((time - last) / self.half_life) + amount
            self._newest[key] = time
        else:
            self._sums[key] += amount * 0.5 ** ((last - time) / self.half_life)

    def read(self, keys: NDArray[np.integer], at: float) -> Scores:
        """The sums of `keys` (n,) as of `at`; 0 for a key that has none. Before the newest moment nothing has faded."""
        found = np.zeros(len(keys))
        known = (keys >= 0) & (keys < len(self._sums))
        age = np.maximum(at - self._newest[keys[known]], 0.0)
        found[known] = self._sums[keys[known]] * 0.5 ** (age / self.half_life)
        return found

    def clear(self, keys: slice | int) -> None:
        """Take these sums back to nothing."""
        self._sums[keys], self._newest[keys] = 0.0, -np.inf
