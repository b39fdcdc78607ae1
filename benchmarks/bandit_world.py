"""A world of contexts and actions whose expected rewards are known: logs to judge policies on, and the truth beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit, softmax

from regard.domain.arrays import Scores
from regard.feedback.logged_actions import LoggedActions

Kind: TypeAlias = Literal["watched", "clicked"]
WIDTH, ACTIONS = 5, 30  # numbers that describe a moment; actions
CROWD = 100_000  # contexts over which the truth is taken
CALM = 4.0  # a share watched is Beta(CALM q, CALM (1 - q)): spread .22 around one half


@dataclass(frozen=True, eq=False)
class Policy:
    """Softmax over what it believes of each action (1 + WIDTH, ACTIONS); the lower `heat`, the surer its choice."""

    belief: Scores
    heat: float
    name: str

    def chances(self, x: Scores) -> Scores:
        """(n, ACTIONS)"""
        return np.asarray(softmax((self.belief[0] + x @ self.belief[1:]) / self.heat, axis=1))


@dataclass(frozen=True, eq=False)
class World:
    """q(x, a) = expit(u_a + x v_a); rewards are shares watched, or clicks."""

    taste: Scores  # (1 + WIDTH, ACTIONS)
    kind: Kind

    @classmethod
    def settle(cls, rng: np.random.Generator, kind: Kind = "watched") -> World:
        """Another world."""
        return cls(rng.normal(0, [[1.0], *[[0.5]] * WIDTH], (1 + WIDTH, ACTIONS)), kind)

    def policy(self, rng: np.random.Generator, wrong: float, heat: float, name: str) -> Policy:
        """One that believes the truth plus errors of spread `wrong` times the truth's own."""
        return Policy(self.taste + wrong * rng.normal(0, self.taste.std(), self.taste.shape), heat, name)

    def expected(self, x: Scores) -> Scores:
        """q(x, a), (n, ACTIONS)"""
        return np.asarray(expit(self.taste[0] + x @ self.taste[1:]))

    def values(self, policies: Sequence[Policy], rng: np.random.Generator) -> Scores:
        """What each policy earns, over the same CROWD contexts."""
        x = rng.normal(size=(CROWD, WIDTH))
        q = self.expected(x)
        return np.array([(policy.chances(x) * q).sum(axis=1).mean() for policy in policies])

    def log(self, policy: Policy, n: int, rng: np.random.Generator) -> LoggedActions:
        """n rounds under the policy, with its chances of every action."""
        x = rng.normal(size=(n, WIDTH))
        chances = policy.chances(x)
        action = np.minimum((rng.random((n, 1)) > np.cumsum(chances, axis=1)).sum(axis=1), ACTIONS - 1)
        q = self.expected(x)[np.arange(n), action]
        reward = (
            rng.beta(CALM * q, CALM * (1 - q)) if self.kind == "watched" else (rng.random(n) < q).astype(np.float64)
        )
        propensity = chances[np.arange(n), action]
        return LoggedActions(action, reward, propensity, context=x.astype(np.float32), chances=chances)
