"""Logged actions: what was shown with which chance, and what came back; a policy that is to be judged by them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Array, Mask, Rows, Scores, Vectors, check_finite, check_shape
from regard.domain.errors import InvalidInput

SLACK = 1e-6  # by how much chances may miss their sum


@dataclass(frozen=True, slots=True, eq=False)
class LoggedActions:
    """n slots that somebody saw, the chances with which they were filled, and what came back.

    `bounds` are the lowest and the highest reward that there can be. `chances` are those of every action at each
    slot, `propensity` is the one of the action that was shown; for lists both are given the slots before. Slots of
    one `slate` belong together (None: each stands alone); its slots lie in order of `position` from 0 up.
    """

    action: Rows  # (n,) 0 to A - 1
    reward: Scores  # (n,)
    propensity: Scores  # (n,) in (0, 1]
    position: Rows | None = None  # (n,) 0 is the first; None: there is but one
    context: Vectors | None = None  # (n, d) what was known at that moment
    slate: Rows | None = None  # (n,)
    chances: Scores | None = None  # (n, A)
    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        n, (low, high) = len(self.action), self.bounds
        for name, width in (("reward", ()), ("propensity", ()), ("position", ()), ("context", (None,)), ("slate", ())):
            column: Array | None = getattr(self, name)
            if column is not None:
                check_shape(f"LoggedActions.{name}", column, (n, *width))
                check_finite(f"LoggedActions.{name}", column)
        if n == 0:
            raise InvalidInput("LoggedActions", "at least one slot", "none")
        if not ((self.propensity > 0) & (self.propensity <= 1 + SLACK)).all():
            worst = min(self.propensity.min(), 2 - self.propensity.max())
            raise InvalidInput("LoggedActions.propensity", "chances in (0, 1]", repr(float(worst)))
        if not ((self.reward >= low) & (self.reward <= high)).all():
            got = f"{self.reward.min():g} to {self.reward.max():g}"
            raise InvalidInput("LoggedActions.reward", f"within {self.bounds}", got, "Give `bounds`.")
        if self.chances is not None:
            check_chances("LoggedActions.chances", self.chances, self.action)
            apart = np.abs(self.chances[np.arange(n), self.action] - self.propensity).max()
            if apart > SLACK:
                raise InvalidInput("LoggedActions.propensity", "the chance of the shown action", f"{apart:g} off")

    def __len__(self) -> int:
        return len(self.action)

    @property
    def places(self) -> Rows:
        """The 0-based position of each slot, (n,)."""
        return np.zeros(len(self), np.int64) if self.position is None else self.position

    @property
    def units(self) -> Rows:
        """Which independent unit each slot belongs to: its slate, else itself; 0 to m - 1, (n,)."""
        if self.slate is None:
            return np.arange(len(self))
        return np.asarray(np.unique(self.slate, return_inverse=True)[1].reshape(-1), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A policy to be judged: its chance of what was `shown`, and of every action (None: not known), at each slot."""

    shown: Scores  # (n,)
    chances: Scores | None = None  # (n, A)
    name: str = "new"

    def __post_init__(self) -> None:
        check_finite(f"{self.name}.shown", self.shown)
        if len(self.shown) and self.shown.min() < 0:
            raise InvalidInput(f"{self.name}.shown", "chances >= 0", repr(float(self.shown.min())))

    @classmethod
    def of(cls, log: LoggedActions, chances: Scores, name: str = "new") -> Target:
        """From the chances (n, A) of every action."""
        check_chances(f"{name}.chances", chances, log.action)
        return cls(chances[np.arange(len(log)), log.action], chances, name)

    def everything(self, asks: str) -> Scores:
        """The chances (n, A) of every action, which `asks` cannot do without."""
        if self.chances is None:
            raise InvalidInput(asks, "the chances of every action", "those of shown ones", "IPS() needs no others.")
        return self.chances


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What each of m independent units (slots or slates) adds to an estimate, which is the mean of `amounts`.

    `weights` say how much more often the policy would have done what was done: on them the estimate stands. `span` is
    the most by which two amounts can differ, known beforehand; infinite where nobody can say.
    """

    amounts: Scores  # (m,)
    weights: Scores
    span: float

    @property
    def mean(self) -> float:
        """The estimate."""
        return float(self.amounts.mean())

    def less(self, other: Contributions) -> Contributions:
        """The difference of two policies, unit by unit, so that what both share falls out."""
        return Contributions(self.amounts - other.amounts, self.weights, self.span + other.span)


def by_unit(log: LoggedActions, amounts: Scores, weights: Scores, span: float) -> Contributions:
    """Contributions of slots (n,) as those of independent units: slots of one slate share their luck.

    A unit u of m adds t + m/n sum_{i in u} (a_i - t), t the mean over slots: the linearised ratio of means of slates
    (Cochran 1977, 9A.2).
    """
    if log.slate is None:
        return Contributions(amounts, weights, span)
    unit, mean = log.units, amounts.mean()
    size = np.bincount(unit)
    grown = len(size) / len(log)
    return Contributions(mean + grown * np.bincount(unit, amounts - mean), weights, span * grown * float(size.max()))


def importance(log: LoggedActions, target: Target) -> Scores:
    """w = pi(a|x) / pi0(a|x) of what was shown, (n,)."""
    check_shape(f"{target.name}.shown", target.shown, (len(log),))
    return np.asarray(target.shown / log.propensity)


def largest(log: LoggedActions, target: Target) -> float:
    """The most that a weight could be at these slots: over all actions where they are known, else 1 / least chance."""
    if log.chances is None or target.chances is None:
        return 1 / float(log.propensity.min())
    possible: Mask = log.chances > 0
    return float(np.max(np.divide(target.chances, log.chances, out=np.zeros_like(log.chances), where=possible)))


def check_chances(where: str, chances: Scores, action: Rows) -> None:
    """Raise InvalidInput unless `chances` (n, A) are chances over the actions, each row summing to 1."""
    check_shape(where, chances, (len(action), None))
    if action.min() < 0 or action.max() >= chances.shape[1]:
        raise InvalidInput(where, f"a column for each action up to {action.max()}", f"{chances.shape[1]} columns")
    sums = chances.sum(axis=1)
    worst = float(sums[np.argmax(np.abs(sums - 1))])
    if not (math.isclose(worst, 1, abs_tol=SLACK * chances.shape[1]) and (chances >= 0).all()):
        raise InvalidInput(where, "chances >= 0 that sum to 1", f"a row that sums to {worst:g}")
