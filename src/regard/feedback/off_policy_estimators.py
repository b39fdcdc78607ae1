"""Off-policy estimators: what a policy would have earned on a log that another one wrote, slot by slot.

An estimator is a frozen recipe: called with a log and a target it gives `Contributions`, whose mean is the estimate;
`str` names it. Notation: pi the target, pi0 who wrote the log, x the moment, a what was shown, r what came back,
w = pi(a|x) / pi0(a|x), q(x, a) the expected reward.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from regard.domain.arrays import Rows, Scores, check_shape
from regard.domain.errors import InvalidInput
from regard.feedback.expected_rewards import ExpectedRewards, RewardModel
from regard.feedback.logged_actions import Contributions, LoggedActions, Target, by_unit, importance, largest

OffPolicy: TypeAlias = Callable[[LoggedActions, Target], Contributions]


@dataclass(frozen=True, slots=True)
class IPS:
    """Inverse propensity score: mean of w r (Horvitz & Thompson 1952). Unbiased; loud where w is large."""

    def __call__(self, log: LoggedActions, target: Target) -> Contributions:
        """(m,)"""
        w = importance(log, target)
        return by_unit(log, w * log.reward, w, _weighted_span(largest(log, target), log.bounds))

    def __str__(self) -> str:
        return "IPS"


@dataclass(frozen=True, slots=True)
class SNIPS:
    """Self-normalised IPS: sum of w r / sum of w (Swaminathan & Joachims 2015, eq. 8). A weighted mean of rewards.

    Its contributions are those of the ratio's first-order expansion, t + w (r - t) / mean w (Owen 2013, eq. 9.8).
    """

    def __call__(self, log: LoggedActions, target: Target) -> Contributions:
        """(m,)"""
        w = importance(log, target)
        if not w.any():
            return by_unit(log, np.zeros(len(log)), w, math.inf)
        mean = float(w @ log.reward / w.sum())
        return by_unit(log, mean + w * (log.reward - mean) / w.mean(), w, math.inf)

    def __str__(self) -> str:
        return "SNIPS"


@dataclass(frozen=True, slots=True)
class DoublyRobust:
    """Mean of sum_a pi(a|x) q(x, a) + w (r - q(x, a)) [w <= switch] (Dudik et al. 2011, eq. 3; Wang et al. 2017, 3.2).

    Right where either the chances or q are right. `switch` leaves corrections with larger weights out, trading a
    little bias for much less noise: infinite is doubly robust itself, 0 the direct method, which trusts q alone.
    """

    switch: float = math.inf
    rewards: RewardModel = field(default_factory=ExpectedRewards)

    def __post_init__(self) -> None:
        if not self.switch >= 0:
            raise InvalidInput("DoublyRobust.switch", "a weight >= 0", repr(self.switch))

    def __call__(self, log: LoggedActions, target: Target) -> Contributions:
        """(m,)"""
        chances = target.everything(str(self))
        q = self.rewards(log, chances.shape[1])
        w = importance(log, target)
        own = q[np.arange(len(log)), log.action]
        amounts = (chances * q).sum(axis=1) + np.where(w <= self.switch, w, 0.0) * (log.reward - own)
        reach = log.bounds[1] - log.bounds[0]
        return by_unit(log, amounts, w, reach * (1 + 2 * min(self.switch, largest(log, target))))

    def __str__(self) -> str:
        return {0.0: "direct", math.inf: "DR"}.get(self.switch, f"switch-DR {self.switch:g}")


@dataclass(frozen=True, slots=True, eq=False)
class MIPS:
    """Marginalised IPS: mean of w(e) r, w(e) = p(e|x, pi) / p(e|x, pi0) (Saito & Joachims 2022, eq. 5 and 6).

    e is the group of an action (`groups` (A,): topic, cluster of an embedding), p(e|x, pi) the sum of pi(a|x) over
    it. Right where an action acts on the reward through its group alone. Where the log has no chances of every
    action, p(e|pi0) is the share of slots at that position which held the group.
    """

    groups: Rows

    def __call__(self, log: LoggedActions, target: Target) -> Contributions:
        """(m,)"""
        chances = target.everything(str(self))
        check_shape("MIPS.groups", self.groups, (chances.shape[1],))
        own, everybody = self.groups[log.action], np.arange(len(log))
        wanted = self._of_groups(chances)
        had = self._seen(log, own) if log.chances is None else self._of_groups(log.chances)
        w = wanted[everybody, own] / had[everybody, own]
        most = np.max(np.divide(wanted, had, out=np.zeros_like(wanted), where=had > 0))
        # whether we may speak at all is decided by the actions, not by the groups that we hope stand for them
        return by_unit(log, w * log.reward, importance(log, target), _weighted_span(float(most), log.bounds))

    def _of_groups(self, chances: Scores) -> Scores:
        """Chances of actions (n, A) as those of groups (n, E)."""
        return np.asarray(chances @ np.eye(int(self.groups.max()) + 1)[self.groups])

    def _seen(self, log: LoggedActions, own: Rows) -> Scores:
        """How often each group stood at the position of each slot, (n, E)."""
        seen = np.zeros((int(log.places.max()) + 1, int(self.groups.max()) + 1))
        np.add.at(seen, (log.places, own), 1.0)
        return np.asarray((seen / np.maximum(seen.sum(axis=1, keepdims=True), 1))[log.places])

    def __str__(self) -> str:
        return f"MIPS {int(self.groups.max()) + 1} groups"


def _weighted_span(most: float, bounds: tuple[float, float]) -> float:
    """How far apart weight times reward can lie, with weights from 0 to `most`."""
    return max(0.0, most * bounds[1]) - min(0.0, most * bounds[0])
