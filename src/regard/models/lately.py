"""Lately: what a person has met by topic, on the whole and of late, so that scores can see who is tired of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Vectors, check_finite, check_shape
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.domain.weights import DAY

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lately:
    """A person's state is 1 + H rows over g topics: what they like, then what they had lately, fading H times.

    `topics` (I, g): what each item is about, any vectors. Row 0 of a state is the mean of the topics met, row h sums
    them with weight 2 ** (-age / half_life_h), half-lives in days: the exposure of recharging bandits (Leqi et al.
    2021). Only events of positive weight count; an item newer than `topics` is about nothing.
    """

    topics: Vectors
    half_lives: tuple[float, ...] = (1.0, 4.0, 16.0)

    def __post_init__(self) -> None:
        check_shape("Lately.topics", self.topics, (None, None))
        check_finite("Lately.topics", self.topics)
        if not all(0 < days < np.inf for days in self.half_lives):
            raise InvalidInput("Lately.half_lives", "days > 0", repr(self.half_lives))

    def about(self, rows: Rows) -> Floats:
        """The topics of item rows (...), (..., g); zeros for none and for newer ones."""
        known = (rows >= 0) & (rows < len(self.topics))
        return np.asarray(np.where(known[..., None], self.topics[np.where(known, rows, 0)], 0.0), np.float64)

    def state(self, query: Query) -> Floats:
        """What is known of one person at the query's moment, (1 + H, g)."""
        past = query.history
        counted = np.asarray(past.weights) > 0
        topics = self.about(np.asarray(past.rows, np.int64)[counted])
        if not len(topics):
            return np.zeros((1 + len(self.half_lives), self.topics.shape[1]))
        days = np.maximum(query.at - np.asarray(past.times, np.float64)[counted], 0.0) / DAY
        fresh = 0.5 ** (days[None] / np.array(self.half_lives)[:, None])  # (H, h)
        return np.concatenate([topics.mean(axis=0)[None], fresh @ topics])

    def states(self, queries: Sequence[Query]) -> Floats:
        """(Q, 1 + H, g)"""
        empty = np.empty((0, 1 + len(self.half_lives), self.topics.shape[1]))
        return np.stack([self.state(query) for query in queries]) if len(queries) else empty

    def columns(self, states: Floats, rows: Rows) -> Floats:
        """How well each item of `rows` (Q, n) meets each row of the person's state: (Q, n, 1 + H)."""
        return np.asarray(np.einsum("qhg,qng->qnh", states, self.about(rows)))

    def after(self, states: Floats, rows: Rows) -> Floats:
        """The states (Q, 1 + H, g) once the items of `rows` (Q, m; -1: none) were consumed too; what is liked stays."""
        found = states.copy()
        found[:, 1:] += self.about(rows).sum(axis=1)[:, None]
        return found


def leading(vectors: Vectors, width: int) -> Vectors:
    """Topics (I, g), g <= width, of items with vectors (I, d): the directions in which these differ most (principal
    components). All 0, as of an item that nobody knows, is what is usual."""
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.eigh(np.asarray(centred.T @ centred, np.float64))[1][:, ::-1]
    return np.asarray(centred @ directions[:, :width], np.float32)
