"""Ranked: a whole corridor as a Retriever, so that what it holds best can be judged like any source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.candidates import Candidates
from regard.domain.request import Query
from regard.recommending.recommender import Recommender


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The candidates of a corridor, best first by its scorer, before any slot is filled; `step` requests at once."""

    recommender: Recommender
    step: int = 32
    name: str = "ranked"

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k of what a list of `query.k` is made of."""
        return self.retrieve_many([query], k)[0]

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles."""
        found = []
        for first in range(0, len(queries), self.step):
            considered = self.recommender.consider_many(queries[first : first + self.step])
            found += [self._best(candidates, k) for candidates, _ in considered]
        return found

    def _best(self, candidates: Candidates, k: int) -> Candidates:
        mean = np.empty(0) if candidates.mean is None else candidates.mean
        order = np.lexsort((candidates.rows, -mean))[:k]
        return Candidates.of(self.name, candidates.rows[order], mean[order])
