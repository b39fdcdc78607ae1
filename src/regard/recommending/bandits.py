"""Bandits: policies that try what the scores may be wrong about: Thompson sampling and upper confidence bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from regard.domain.arrays import Scores, Vectors
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.beliefs import Belief, ByItem
from regard.recommending.lots import normals
from regard.recommending.policies import Epsilon, certain

HUGE = 1e30  # how far below the best a gain is seen to be at most, so that it fits a float32


@dataclass(frozen=True, slots=True, eq=False)
class Thompson:
    """Each candidate as often as it is best (Thompson 1933; Chapelle & Li 2011): its share of wins in `draws` draws.

    The shares of gain + drawn error, mixed with `floor` of the uniform over all that is allowed, *are* the policy; the
    slot is drawn from them, so its propensity is exact although the posterior was only sampled. The draws come from
    `seed` and the query's moment and person: a logged list is replayed with the very same ones, and all slots of a list
    see the same. With a `Linear` belief over the ranker's last layer this is the neural-linear policy.
    """

    belief: Belief = field(default_factory=ByItem)
    draws: int = 256
    floor: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise InvalidInput("Thompson.draws", "at least 1 draw", repr(self.draws))
        if not 0 <= self.floor <= 1:
            raise InvalidInput("Thompson.floor", "a share in [0, 1]", repr(self.floor), "Without one, no support.")

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,)"""
        best = int(np.argmax(gains))
        if gains[best] == np.inf:
            return certain(best, len(gains))
        found = np.maximum(gains - gains[best], -HUGE).astype(np.float32) + _errors(self, query, candidates)
        winners = np.argmax(found, axis=1)
        winners[found[np.arange(self.draws), winners] <= found[:, best]] = best  # of equals the one with the best gain
        shares = np.bincount(winners, minlength=len(gains)) / self.draws
        allowed = gains > -np.inf
        return np.asarray((1 - self.floor) * shares + self.floor * allowed / allowed.sum())


@lru_cache(maxsize=2)  # every slot of a list asks the same
def _errors(policy: Thompson, query: Query, candidates: Candidates) -> Vectors:
    """(draws, n)"""
    return policy.belief.drawn(query, candidates, lambda n: normals(policy.seed, query, policy.draws, n))


@dataclass(frozen=True, slots=True, eq=False)
class UpperBound:
    """The highest gain + expected error + `width` deviations (LinUCB of Li et al. 2010 where the belief is `Linear`).

    A bound alone would always take the same one and leave no support to learn from, so it stands under `epsilon`.
    """

    belief: Belief = field(default_factory=ByItem)
    width: float = 1.0
    epsilon: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.width < np.inf:
            raise InvalidInput("UpperBound.width", "deviations >= 0", repr(self.width))
        if not 0 < self.epsilon <= 1:
            raise InvalidInput(
                "UpperBound.epsilon", "a share in (0, 1]", repr(self.epsilon), "Else nothing has support."
            )

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,)"""
        mean, deviation = self.belief.moments(query, candidates)
        return Epsilon(self.epsilon).probabilities(query, candidates, gains + mean + self.width * deviation)
