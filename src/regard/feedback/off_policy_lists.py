"""Off-policy estimators of whole lists: what a list would have earned, by what a person is thought to look at.

Slots hold chances given the slots before them, as Regard logs them. A list is worth the sum of its slots' rewards;
w_k = pi(a_k | x, a_<k) / pi0(a_k | x, a_<k). Contributions are one for each slate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput
from regard.feedback.expected_rewards import ExpectedRewards, RewardModel
from regard.feedback.logged_actions import Contributions, LoggedActions, Target, importance


@dataclass(frozen=True, slots=True)
class ListIPS:
    """Mean over lists of sum_k w r_k, where w is what the answer to slot k is thought to hang on.

    looks "at_one": the slot alone, w_k (Li et al. 2018, IIPS; the chances must then be those of the slot whatever
    stands above it). "downwards": the slots down to k, w_1 ... w_k (McInerney et al. 2020, RIPS; a person who walks
    down the list). "at_all": the whole list, the product of all (SIPS).
    """

    looks: Literal["at_one", "downwards", "at_all"] = "downwards"

    def __post_init__(self) -> None:
        if self.looks not in ("at_one", "downwards", "at_all"):
            raise InvalidInput("ListIPS.looks", "at_one, downwards or at_all", repr(self.looks))

    def __call__(self, log: LoggedActions, target: Target) -> Contributions:
        """(m,)"""
        weights = importance(log, target)
        units, upto, _ = _walk(log, weights)
        if self.looks == "downwards":
            weights = upto
        elif self.looks == "at_all":
            whole = np.ones(int(units.max()) + 1)
            np.multiply.at(whole, units, weights)
            weights = whole[units]
        return Contributions(_sums(units, weights * log.reward), weights, math.inf)

    def __str__(self) -> str:
        return {"at_one": "IIPS", "downwards": "RIPS", "at_all": "SIPS"}[self.looks]


@dataclass(frozen=True, slots=True)
class CascadeDR:
    """Doubly robust for people who walk down a list (Kiyohara et al. 2022, section 3.1).

    Mean over lists of sum_k w_1..w_k (r_k - Q_k(a_k)) + w_1..w_k-1 sum_a pi(a | x, a_<k) Q_k(a). Q_k is what slot k
    and all below it bring under the target, learned from the last slot upwards: y_k = r_k + E_pi Q_k+1.
    """

    rewards: RewardModel = field(default_factory=ExpectedRewards)

    def __call__(self, log: LoggedActions, target: Target) -> Contributions:
        """(m,)"""
        chances = target.everything(str(self))
        units, upto, before = _walk(log, importance(log, target))
        own, expected = self._ahead(log, chances, units)
        return Contributions(_sums(units, upto * (log.reward - own) + before * expected), upto, math.inf)

    def _ahead(self, log: LoggedActions, chances: Scores, units: Rows) -> tuple[Scores, Scores]:
        """Q_k of what was shown and its mean over the target's choices, (n,) both."""
        own, expected = np.zeros(len(log)), np.zeros(len(log))
        below = np.zeros(int(units.max()) + 1)  # what the next slot of each slate is worth
        depth = int(log.places.max()) + 1
        for place in reversed(range(depth)):
            here = np.flatnonzero(log.places == place)
            q = self.rewards(_slots(log, here, below[units[here]], depth - place), chances.shape[1])
            own[here] = q[np.arange(len(here)), log.action[here]]
            expected[here] = (chances[here] * q).sum(axis=1)
            below[units[here]] = expected[here]
        return own, expected

    def __str__(self) -> str:
        return "Cascade-DR"


def _sums(units: Rows, amounts: Scores) -> Scores:
    """What the slots (n,) of each slate add up to, (m,)."""
    return np.asarray(np.bincount(units, amounts), np.float64)


def _slots(log: LoggedActions, here: Rows, below: Scores, left: int) -> LoggedActions:
    """The slots `here`, rewarded with what they and the `left` - 1 slots under them bring."""
    low, high = log.bounds
    return LoggedActions(
        log.action[here],
        log.reward[here] + below,
        log.propensity[here],
        context=None if log.context is None else log.context[here],
        slate=None if log.slate is None else log.slate[here],
        bounds=(min(low, low * left), max(high, high * left)),
    )


def _walk(log: LoggedActions, w: Scores) -> tuple[Rows, Scores, Scores]:
    """The slate of each slot, and the product of weights down to it, with it and without it; (n,) each."""
    units, places = log.units, log.places
    running = np.ones(int(units.max()) + 1)
    met = np.zeros(len(running), np.int64)  # slots of each slate so far
    upto, before = np.empty(len(log)), np.empty(len(log))
    for place in range(int(places.max()) + 1):
        here = np.flatnonzero(places == place)
        np.add.at(met, units[here], 1)
        if (met[units[here]] != place + 1).any():
            slate = units[here][met[units[here]] != place + 1][0]
            raise InvalidInput("LoggedActions.position", "0, 1, 2, ... in each slate", f"gap or twin in slate {slate}")
        before[here] = running[units[here]]
        running[units[here]] *= w[here]
        upto[here] = running[units[here]]
    return units, upto, before
