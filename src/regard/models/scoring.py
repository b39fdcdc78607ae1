"""FullScores: a model that gives every item of its catalogue a score is a Retriever and a Scorer through this class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Mask, Rows, Scores, Vectors, kth_highest
from regard.domain.candidates import Candidates, Scored
from regard.domain.dataset import Dataset
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import NO_ROWS, Query
from regard.domain.weights import Weighting

CELLS = 8_000_000  # scores held at once while many queries are answered: 32 MB
Recipe = TypeVar("Recipe")


class FullScores(ABC):
    """Scores for all I items at once; gives `retrieve`, `retrieve_many` and `score`.

    A row of zeros says nothing (empty or unknown history), so nothing is proposed. Seen items are proposed too: only
    filters drop. Each row of `scores` must not depend on the other queries of the batch, so that batches equal singles.
    """

    name: str  # the source's name in candidates, slots and explanations

    @property
    @abstractmethod
    def n_items(self) -> int:
        """I, how many items the model knows."""

    @abstractmethod
    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I), finite; all zero where the model has nothing to say."""

    def support(self) -> NDArray[np.floating]:
        """How many people each item was learned from, (I,); the spread of a score falls with it. Default: nobody."""
        return np.zeros(self.n_items)

    def retrieve(self, query: Query, k: int) -> Candidates:
        """The k best items, best first, equal scores by row."""
        return self.retrieve_many([query], k)[0]

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles; scores at most CELLS cells at a time."""
        step = max(1, CELLS // max(1, self.n_items))
        found: list[Candidates] = []
        for start in range(0, len(queries), step):
            some = queries[start : start + step]
            for query, row in zip(some, self.scores(some), strict=True):
                rows = spoken(row, k, query.allowed)
                found.append(Candidates.of(self.name, rows, row[rows]))
        return found

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """Mean: the item's score. Spread: deviation of the person's scores / sqrt(1 + support) (Auer 2002).

        Items newer than the model (row >= I) get the lowest score of all and the spread of an item without support.
        """
        row = self.scores([query])[0].astype(np.float64)
        known = candidates.rows < self.n_items
        rows = candidates.rows[known]
        mean = np.full(len(candidates), row.min() if len(row) else 0.0)
        mean[known] = row[rows]
        spread = np.full(len(candidates), _width(row))
        spread[known] /= np.sqrt(1.0 + self.support()[rows])
        return Scored(mean, spread)

    def newer(self, query: Query, kind: str) -> Evidence:
        """The evidence for an item newer than the model: none but the lowest score, which stands in for its own."""
        lowest = float(self.scores([query])[0].min()) if self.n_items else 0.0
        return Evidence(kind, NO_ROWS, np.empty(0), {"new item": lowest})


class FactorScores(FullScores):
    """FullScores that are products of two vectors, but for what `sides` gives beside them: a large catalogue can be
    searched instead of scored whole."""

    @abstractmethod
    def factors(self) -> Vectors:
        """The items' side of the products, (I, d)."""

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        """`factors` in float64, (I, d)."""
        return np.asarray(self.factors(), np.float64)

    @abstractmethod
    def encode(self, queries: Sequence[Query]) -> Vectors:
        """A person's vector, (Q,) -> (Q, d)."""

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I), with nothing beside; in float64 before it is rounded, so that batches equal singles."""
        return (self.encode(queries).astype(np.float64) @ self.exact.T).astype(np.float32)

    def sides(self, queries: Sequence[Query], people: Vectors) -> tuple[Vectors, sparse.csr_array | None]:
        """What makes the scores, to the rounding of float32: vectors (Q, d) whose products with `factors` they are, and
        what a few items each have beside their product, (Q, I), >= 0 and each once; None: nothing. `people`: what
        `encode` says of the queries."""
        return people, None


class InductiveScores(FactorScores):
    """FactorScores whose items' vectors follow from what items say, so that items newer than the model have them too
    (inductive: Hamilton et al. 2017)."""

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I)"""
        return self.scored(self.encode(queries))

    def scored(self, people: Vectors) -> NDArray[np.float32]:
        """The scores that people's vectors give, (Q, d) -> (Q, I); in float64 before they are rounded, so that batches
        equal singles."""
        return (people.astype(np.float64) @ self.exact.T).astype(np.float32)

    @abstractmethod
    def encode_items(self, items: Sequence[Item], contents: Mapping[str, Vectors]) -> Vectors:
        """The vectors (m, d) of newer items, by their records and content vectors (m, c) by the encoder's name; zero
        where nothing is known. Their products with `encode` are their scores."""

    @abstractmethod
    def evidence(self, query: Query, vector: Vectors) -> Evidence:
        """What speaks for an item with this vector (d,): sums to its score."""


def _width(row: Scores) -> float:
    """The standard deviation of a person's scores; where all are equal, their size."""
    if not len(row):
        return 0.0
    size = float(np.abs(row).max())
    deviation = float(row.std())
    return deviation if deviation > 1e-9 * size else size


def best(scores: NDArray[np.floating], k: int) -> Rows:
    """The rows of the k highest of `scores` (I,), highest first, equal ones by row."""
    n = len(scores)
    if k <= 0:
        return NO_ROWS
    if k >= n:
        return np.argsort(-scores, kind="stable")
    last = kth_highest(scores, k)
    above = np.flatnonzero(scores > last)
    chosen = np.concatenate([above, np.flatnonzero(scores == last)[: k - len(above)]])
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def spoken(scores: NDArray[np.floating], k: int, allowed: Mask | None) -> Rows:
    """The same among the `allowed` (I,) ones (None: all); none where all scores are 0, which says nothing."""
    if not scores.any():
        return NO_ROWS
    if allowed is None:
        return best(scores, k)
    rows = np.flatnonzero(allowed[: len(scores)])
    return np.asarray(rows[best(scores[rows], k)])


def recipe_from(kind: type[Recipe], stored: Mapping[str, Any]) -> Recipe:
    """The recipe that `dataclasses.asdict` turned into plain values, as an artifact keeps it."""
    values = {f.name: stored[f.name] for f in fields(kind) if f.name in stored}  # type: ignore[arg-type]
    if isinstance(values.get("weighting"), Mapping):
        values["weighting"] = Weighting(**values["weighting"])
    return kind(**values)


def places_of(data: Dataset) -> sparse.csr_array:
    """The place (from 1) of each person's newest event with each item in their history, (U, I).

    Events of one moment share the first place. The pattern is that of `data.matrix(...)`.
    """
    events = data.events
    first = np.ones(len(events), np.bool_)
    first[1:] = (events.user[1:] != events.user[:-1]) | (events.time[1:] != events.time[:-1])
    shared = np.maximum.accumulate(np.where(first, np.arange(len(events)), 0))
    place = np.where(events.weight > 0, shared - events.offsets[events.user] + 1.0, 0.0)
    return Weighting(binary=False).matrix(events.offsets, events.item, place, events.time, len(data.items))


def people_of(matrix: sparse.csr_array) -> Scores:
    """How many people met each item, (I,), of an interaction matrix (U, I)."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float64)
