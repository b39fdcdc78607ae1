"""Newcomers: items newer than the release, proposed by content from the moment they are in the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.columns import Column, directions


@dataclass(frozen=True, eq=False)
class Newcomers:
    """Rows from `known` on, nearest in content to what the person liked first; equal ones newest first.

    The score is the cosine of the item's vector (I, d) with the sum of the liked items' directions, 0 for a stranger.
    """

    vectors: Column
    known: int
    name: str = "new"

    def __post_init__(self) -> None:
        if self.known < 0:
            raise InvalidInput("Newcomers.known", "a number of rows", str(self.known))

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k, best first."""
        held = self.vectors() if callable(self.vectors) else self.vectors
        rows = np.arange(self.known, len(held))
        rows = rows[query.lets(rows)]
        scores = self._scores(query, rows)
        order = np.lexsort((-rows, -scores))[: max(0, k)]
        return Candidates.of(self.name, rows[order], scores[order])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles."""
        return [self.retrieve(query, k) for query in queries]

    def _scores(self, query: Query, rows: Rows) -> Scores:
        liked = np.asarray(query.history.rows)[np.asarray(query.history.weights) > 0]
        if not len(rows) or not len(liked):
            return np.zeros(len(rows))
        taste = directions(self.vectors, liked).sum(axis=0)
        length = float(np.linalg.norm(taste)) or 1.0
        return np.asarray(np.einsum("nd,d->n", directions(self.vectors, rows), taste / length), np.float64)
