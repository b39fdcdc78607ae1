"""Newcomers: items newer than the release, proposed by content from the moment they are in the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Scores, Vectors
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
        return self.retrieve_many([query], k)[0]

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles; the newer items are measured once."""
        held = self.vectors() if callable(self.vectors) else self.vectors
        newer = np.array(held[self.known :], np.float32)  # a copy: an item may change meanwhile
        lengths = np.sqrt(np.einsum("nd,nd->n", newer, newer))
        lengths[lengths == 0] = 1.0
        found = []
        for query in queries:
            rows, scores = np.arange(self.known, len(held)), self._scores(query, newer) / lengths
            kept = query.lets(rows)
            rows, scores = rows[kept], scores[kept]
            order = np.lexsort((-rows, -scores))[: max(0, k)]
            found.append(Candidates.of(self.name, rows[order], scores[order]))
        return found

    def _scores(self, query: Query, newer: Vectors) -> Scores:
        """The products of newer items (n, d) with the direction of what was liked, (n,)."""
        liked = np.asarray(query.history.rows)[np.asarray(query.history.weights) > 0]
        if not len(newer) or not len(liked):
            return np.zeros(len(newer))
        taste = directions(self.vectors, liked).sum(axis=0)
        length = float(np.linalg.norm(taste)) or 1.0
        return np.asarray(np.einsum("nd,d->n", newer, taste / length), np.float64)
