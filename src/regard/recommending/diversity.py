"""Diversity inside one list: maximal marginal relevance, and determinantal point processes by fast greedy search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Gain
from regard.domain.request import Query
from regard.recommending.columns import Column, directions

NO_VOLUME = 1e-10  # the squared volume that an exact copy of what is shown still adds; its logarithm stays finite


@dataclass(frozen=True, slots=True, eq=False)
class MMR:
    """Takes away -weight * (the highest cosine to an item already in the list); nothing from the first slot.

    With scores scaled to [0, 1] this orders as lambda = 1 / (1 + weight) of Carbonell & Goldstein (1998).
    `vectors` (I, d); an item without a vector is like nothing.
    """

    vectors: Column
    weight: float = 0.3

    def __post_init__(self) -> None:
        check_weight("MMR.weight", self.weight)

    def ceiling(self, query: Query) -> float:
        """The most that it adds: to the opposite of all that is shown."""
        return self.weight

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate."""
        units = directions(self.vectors, candidates.rows)
        closest = np.full(len(candidates), -np.inf, np.float32)

        def gain(last: int | None) -> Scores:
            if last is None:
                return np.zeros(len(units))
            # each sum by itself: a product of matrices rounds by where a row lies, and few must say what all say
            np.maximum(closest, np.einsum("nd,d->n", units, units[last]), out=closest)
            return -self.weight * closest.astype(np.float64)

        return gain


@dataclass(frozen=True, slots=True, eq=False)
class DPP:
    """Adds weight * log of the squared volume that an item adds to the list's: greedy MAP of a DPP.

    The kernel is L = Diag(q) S Diag(q) with log q = score / (2 weight) and S = (1 + cosine) / 2, so that
    score + gain = weight * (log det L[list + item] - log det L[list]); incremental Cholesky factors as in Chen, Zhang
    & Zhou (2018), algorithm 1: O(n k) a slot where the naive search takes O(n k^3). `vectors` (I, d).
    """

    vectors: Column
    weight: float = 0.1

    def __post_init__(self) -> None:
        check_weight("DPP.weight", self.weight)

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate."""
        halves = directions(self.vectors, candidates.rows) * np.float32(0.5**0.5)
        n = len(halves)
        factors = np.empty((min(query.k, n), n))  # the rows of the Cholesky factor, one per item shown
        volume = np.ones(n)  # d_i^2 of the paper
        shown = 0

        def gain(last: int | None) -> Scores:
            nonlocal shown, volume
            if last is not None:
                like = halves @ halves[last] + 0.5  # (1 + cosine) / 2
                most = np.sqrt(volume)  # of a factor; where copies are shown, rounding would grow past it
                own = (like - factors[:shown, last] @ factors[:shown]) / most[last]
                factors[shown] = np.clip(own, -most, most)
                volume = np.maximum(volume - factors[shown] ** 2, NO_VOLUME)
                shown += 1
            return self.weight * np.log(volume)

        return gain


def check_weight(where: str, weight: float) -> None:
    """InvalidInput unless 0 <= weight < inf."""
    if not 0 <= weight < np.inf:
        raise InvalidInput(where, "a number >= 0", repr(weight))
