"""Segments of people by the length of their known history: cold, light, medium, heavy; the bounds are learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.dataset import Dataset
from regard.domain.request import Query
from regard.models.cutting import known_items

SEGMENTS = ("cold", "light", "medium", "heavy")
COLD = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Light is up to `light` items, heavy is `heavy` or more, medium lies between, cold is none."""

    light: float
    heavy: float

    @staticmethod
    def of(lengths: NDArray[np.integer]) -> Bounds:
        """The quarters of those who are not cold, as in `measurement.slices`; without any, everybody warm is light."""
        warm = lengths[lengths > 0]
        if not len(warm):
            return Bounds(np.inf, np.inf)
        light, heavy = np.quantile(warm, (0.25, 0.75))
        return Bounds(float(light), float(heavy))

    @staticmethod
    def of_data(data: Dataset) -> Bounds:
        """The quarters of all whom a cut of `data` can ask, those with two or more items, by their whole histories.

        So who is light or heavy in a cut is so at a request, too, although the cut has shortened everybody's history.
        """
        lengths = np.diff(data.matrix().indptr)
        return Bounds.of(lengths[lengths > 1])

    def codes(self, lengths: NDArray[np.integer]) -> NDArray[np.int64]:
        """The place in SEGMENTS of each length, (Q,); where both bounds are one number, it is light."""
        warm = np.where(lengths <= self.light, 1, np.where(lengths < self.heavy, 2, 3))
        return np.where(lengths <= 0, COLD, warm)

    def of_queries(self, queries: Sequence[Query]) -> NDArray[np.int64]:
        """The place in SEGMENTS of each request, (Q,)."""
        return self.codes(np.array([known_items(query) for query in queries], np.int64))
