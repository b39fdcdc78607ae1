"""Policies: from gains to the chance of taking the next slot. The only randomness of the corridor, and the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.request import Query

# Each policy is given at least one gain above -inf. A gain of -inf gets chance 0. Where a gain is +inf (a pin), the
# first such item gets chance 1 whatever the policy.


def certain(index: int, n: int) -> Scores:
    """All of the chance on one candidate, (n,)."""
    chances = np.zeros(n)
    chances[index] = 1.0
    return chances


@dataclass(frozen=True, slots=True)
class Greedy:
    """Always the highest gain; equal ones by the order of the candidates."""

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,)"""
        return certain(int(np.argmax(gains)), len(gains))


@dataclass(frozen=True, slots=True)
class Boltzmann:
    """Chance in proportion to exp(gain / temperature) (Luce 1959; Sutton & Barto 2018, 2.8).

    `temperature` is in units of gain: 1 is the distance between the best and the worst candidate's score.
    """

    temperature: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.temperature < np.inf:
            raise InvalidInput(
                "Boltzmann.temperature", "a number > 0", repr(self.temperature), "Greedy() is its limit."
            )

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,)"""
        best = int(np.argmax(gains))
        if gains[best] == np.inf:
            return certain(best, len(gains))
        weights = np.exp((gains - gains[best]) / self.temperature)
        return np.asarray(weights / weights.sum())


@dataclass(frozen=True, slots=True)
class Epsilon:
    """The highest gain, but with chance `epsilon` any allowed candidate alike (Sutton & Barto 2018, 2.2)."""

    epsilon: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise InvalidInput("Epsilon.epsilon", "a share in [0, 1]", repr(self.epsilon))

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,)"""
        best = int(np.argmax(gains))
        chances = certain(best, len(gains))
        if gains[best] == np.inf:
            return chances
        allowed = gains > -np.inf
        return np.asarray((1 - self.epsilon) * chances + self.epsilon * allowed / allowed.sum())
