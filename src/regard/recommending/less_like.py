"""Less like this: what a person asked to see less of pulls its near-duplicates down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.protocols import Gain
from regard.domain.request import Query
from regard.domain.weights import LESS
from regard.recommending.columns import Column, directions
from regard.recommending.diversity import check_weight


@dataclass(frozen=True, slots=True, eq=False)
class LessLike:
    """Takes away `weight` from candidates whose cosine with an item of a `less` event is above `near`, however long ago
    that was (`Query.unwanted`, and those of the history).

    A weight of 1 is the distance between the best and the worst candidate, so near-duplicates stand behind nearly all
    others and everything else keeps its order. `vectors` (I, d); an item without a vector is like nothing.
    """

    vectors: Column
    weight: float = 1.0
    near: float = 0.8

    def __post_init__(self) -> None:
        check_weight("LessLike.weight", self.weight)
        check_weight("LessLike.near", self.near)

    def ceiling(self, query: Query) -> float:
        """It only takes away."""
        return 0.0

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate; the same for each slot."""
        loss = self._loss(query, candidates)
        return lambda last: loss

    def _loss(self, query: Query, candidates: Candidates) -> Scores:
        unwanted = np.union1d(query.unwanted, query.history.rows_of(LESS))
        if not len(unwanted):
            return np.zeros(len(candidates))
        alike = directions(self.vectors, candidates.rows) @ directions(self.vectors, unwanted).T
        return np.asarray(-self.weight * (alike.max(axis=1, initial=-1.0) > self.near), np.float64)
