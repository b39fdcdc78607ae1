"""Looks: what a source said of many requests at once, from which it proposes and scores without being asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Mask, Rows, Scores, Vectors, among, kth_highest
from regard.domain.candidates import Candidates
from regard.models.scoring import spoken
from regard.recommending.columns import take
from regard.recommending.retrievers import Masks, NearestNeighbours, dots


class Look(Protocol):
    """What was said of Q requests."""

    def best(self, k: int, masks: Masks = None) -> Sequence[Candidates]:
        """At most k items for each request, best first, equal ones by row; of those that its own mask allows."""
        ...

    def at(self, place: int, rows: Rows) -> Scores:
        """The scores (n,) of some known rows for one of the requests."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Everything:
    """The scores of all items, (Q, I)."""

    name: str
    scores: NDArray[np.float32]

    def best(self, k: int, masks: Masks = None) -> Sequence[Candidates]:
        """At most k items for each; none where all scores are 0."""
        own = masks or [None] * len(self.scores)
        chosen = [spoken(row, k, mask) for row, mask in zip(self.scores, own, strict=True)]
        return [Candidates.of(self.name, rows, row[rows]) for rows, row in zip(chosen, self.scores, strict=True)]

    def at(self, place: int, rows: Rows) -> Scores:
        """(n,)"""
        return np.asarray(self.scores[place, rows], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Vectors (Q, d) to be multiplied with those of the items, and what comes `beside` the products, (Q, I) sparse.

    `beside` is >= 0; None: nothing. Few of the items are ever looked at.
    """

    near: NearestNeighbours
    vectors: Vectors
    beside: sparse.csr_array | None = None
    _spread: dict[int, Scores] = field(
        default_factory=dict, init=False, repr=False
    )  # `beside` of the requests looked at, (I,) each

    def best(self, k: int, masks: Masks = None) -> Sequence[Candidates]:
        """At most k items for each; those of a zero vector are those that something comes beside."""
        found = self.near.nearest(self.vectors, k, masks)
        if self.beside is None:
            return found
        own = masks or [None] * len(found)
        return [self._joined(place, one, k, mask) for place, (one, mask) in enumerate(zip(found, own, strict=True))]

    def at(self, place: int, rows: Rows) -> Scores:
        """(n,)"""
        products = dots(self.near.items[rows], self.vectors[place]).astype(np.float64)
        return products if self.beside is None else products + self._beside(place, rows)

    def _joined(self, place: int, found: Candidates, k: int, mask: Mask | None) -> Candidates:
        """The best k by the whole sum. A row that was not found has a product of at most the last one's, so that only
        those beside which much comes may still be among them (Fagin, Lotem & Naor 2003, section 4)."""
        columns, amounts = self._row(place)
        if mask is not None:
            there = take(mask, columns, missing=False)
            columns, amounts = columns[there], amounts[there]
        rows, scores = found.rows, found.scores + self._beside(place, found.rows)
        strong = amounts >= kth_highest(amounts, k) if len(columns) > k else np.ones(len(columns), np.bool_)
        rows, scores = self._with(place, rows, scores, columns[strong])
        if len(columns) > k:
            last = found.scores[-1] if len(found) >= k else 0.0
            rows, scores = self._with(place, rows, scores, columns[amounts + last >= kth_highest(scores, k)])
        order = np.lexsort((rows, -scores))[:k]
        return Candidates.of(self.near.name, rows[order], scores[order])

    def _with(self, place: int, rows: Rows, scores: Scores, more: Rows) -> tuple[Rows, Scores]:
        """The same rows with those that are not among them yet."""
        more = more[~among(more, rows)]
        return np.concatenate([rows, more]), np.concatenate([scores, self.at(place, more)])

    def _row(self, place: int) -> tuple[Rows, Scores]:
        assert self.beside is not None
        start, stop = self.beside.indptr[place : place + 2]
        return self.beside.indices[start:stop], self.beside.data[start:stop]

    def _beside(self, place: int, rows: Rows) -> Scores:
        if place not in self._spread:
            columns, amounts = self._row(place)
            spread = np.zeros(self.near.n_items)
            spread[columns] = amounts
            self._spread[place] = spread
        return self._spread[place][rows]
