"""Off-policy evaluation: what a new policy would bring, from the log of the old one; no answer without support."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from regard.domain.arrays import Scores
from regard.feedback.logged_actions import Contributions, LoggedActions, Target
from regard.feedback.off_policy_estimators import DoublyRobust, OffPolicy
from regard.feedback.off_policy_intervals import Bootstrap, Interval
from regard.measurement.tables import in_columns, number

# Without the corrections that rest on one slot for more than ten. On the Open Bandit sample any switch from 1 to 10
# does alike; see benchmarks/results/off-policy.md.
DEFAULT = DoublyRobust(switch=10.0)
HEADINGS = ("policy", "estimator", "reward", "95% low", "95% high", "rests on", "tried before", "answer")


@dataclass(frozen=True, slots=True)
class Need:
    """What a log must hold before we speak: an effective sample (share of its slots), and support of the target."""

    effective: float = 0.01
    support: float = 0.9

    def lacks(self, policy: str, effective: float, support: float) -> str:
        """Why there is no answer, or ""."""
        if support < self.support:
            return f"only {support:.0%} of what {policy} would show was ever tried (asked: {self.support:.0%})"
        if effective < self.effective:
            return f"too rare in the log: {effective:.2%} of it counts for {policy} (asked: {self.effective:.0%})"
        return ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a policy would bring, per slot or per list, and on what that stands.

    `effective` is the share of the log that it counts like (Kish 1965: (sum w)^2 / sum w^2), `support` the share of
    what the policy would show that the log could have shown. Where it `abstains` the figures are NaN.
    """

    policy: str
    estimator: str
    value: float
    low: float
    high: float
    units: int  # independent slots or lists
    effective: float
    support: float
    abstains: str = ""  # why there is no answer

    @property
    def sure(self) -> str:
        """For a difference: "better", "worse" or "no difference to be seen"; "" without an answer."""
        if self.abstains:
            return ""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no difference to be seen"

    def cells(self) -> tuple[str, ...]:
        """One row under `HEADINGS`."""
        figures = (number(self.value), number(self.low), number(self.high))
        rests = f"{self.effective * self.units:,.0f} of {self.units:,}"
        answer = f"none: {self.abstains}" if self.abstains else "yes"
        return (self.policy, self.estimator, *figures, rests, f"{self.support:.0%}", answer)

    def __str__(self) -> str:
        if self.abstains:
            return f"{self.policy}: no answer, {self.abstains}"
        counts = f"counts like {self.effective * self.units:,.0f} of {self.units:,}"
        return f"{self.policy}: {number(self.value)} ({number(self.low)} to {number(self.high)}); {counts}"


@dataclass(frozen=True, slots=True)
class _Standing:
    """What an estimate stands on, and what it lacks."""

    effective: float
    support: float
    lacks: str


@dataclass(frozen=True, slots=True)
class Judge:
    """How policies are judged without traffic: by which estimator, between which bounds, and when not at all."""

    estimator: OffPolicy = DEFAULT
    interval: Interval = field(default_factory=Bootstrap)
    need: Need = field(default_factory=Need)

    def estimate(self, log: LoggedActions, target: Target) -> Estimate:
        """What `target` would bring, from a log that another policy wrote."""
        found = self.estimator(log, target)
        return self._said(target.name, found, self._standing(log, target, found))

    def difference(self, log: LoggedActions, new: Target, old: Target) -> Estimate:
        """What `new` would bring more than `old`, on the same log, unit by unit.

        What both would have done alike falls out, so the interval is far shorter than two separate ones would allow.
        Abstains where either has no support.
        """
        founds = [self.estimator(log, target) for target in (new, old)]
        standings = [self._standing(log, *one) for one in zip((new, old), founds, strict=True)]
        worse = min(standings, key=lambda one: (not one.lacks, one.effective))
        return self._said(f"{new.name} - {old.name}", founds[0].less(founds[1]), worse)

    def _standing(self, log: LoggedActions, target: Target, found: Contributions) -> _Standing:
        effective, support = effective_share(found.weights), supported(log, target, found.weights)
        return _Standing(effective, support, self.need.lacks(target.name, effective, support))

    def _said(self, policy: str, found: Contributions, on: _Standing) -> Estimate:
        value, low, high = math.nan, math.nan, math.nan
        if not on.lacks:
            value, (low, high) = found.mean, self.interval(found)
        units = len(found.amounts)
        return Estimate(policy, str(self.estimator), value, low, high, units, on.effective, on.support, on.lacks)


def table(estimates: Sequence[Estimate]) -> str:
    """One line each, in columns, for people."""
    return "\n".join(in_columns([HEADINGS, *(one.cells() for one in estimates)]))


def effective_share(weights: Scores) -> float:
    """(sum w)^2 / (n sum w^2) of weights (n,): the share of equally weighted slots that would tell as much."""
    square = float((weights**2).sum())
    return float(weights.sum()) ** 2 / (len(weights) * square) if square > 0 else 0.0


def supported(log: LoggedActions, target: Target, weights: Scores) -> float:
    """The share of the target's choices that the log could have held.

    By the chances of both where they are known; by what was seen at each position where only the target's are; else
    the mean weight, which has that share as its expectation.
    """
    if target.chances is None:
        return min(1.0, float(weights.mean()))
    if log.chances is not None:
        return float((target.chances * (log.chances > 0)).sum(axis=1).mean())
    seen = np.zeros((int(log.places.max()) + 1, target.chances.shape[1]), np.bool_)
    seen[log.places, log.action] = True
    return float((target.chances * seen[log.places]).sum(axis=1).mean())
