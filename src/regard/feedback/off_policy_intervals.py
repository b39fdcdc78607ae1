"""Off-policy intervals: where an estimate probably lies, by resampling, or by a bound that always holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from regard.domain.errors import InvalidInput
from regard.feedback.logged_actions import Contributions
from regard.measurement.bootstrap import LEVEL, Resampling

Interval: TypeAlias = Callable[[Contributions], tuple[float, float]]  # (low, high) of the mean


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The studentised bootstrap (percentile-t; Efron & Tibshirani 1993, 12.5): short, and right for large logs.

    Each resample's mean is measured in its own standard errors, so a few large weights that come with a large
    spread do not make the interval too short, as plain percentiles would.
    """

    resampling: Resampling = field(default_factory=Resampling)
    level: float = LEVEL

    def __call__(self, found: Contributions) -> tuple[float, float]:
        """(low, high)"""
        mean, n = found.mean, len(found.amounts)
        apart = found.amounts - mean
        error = apart.std() / math.sqrt(n)
        if error == 0:
            return mean, mean
        drawn, square = self.resampling.means(np.column_stack([apart, apart**2])).T
        errors = np.sqrt(np.maximum(square - drawn**2, 0) / n)
        known = errors > 0  # a resample without any spread tells nothing
        tail = (1 - self.level) / 2
        least, most = np.quantile(drawn[known] / errors[known], (tail, 1 - tail)) if known.any() else (-np.inf, np.inf)
        return float(mean - most * error), float(mean - least * error)

    def __str__(self) -> str:
        return "bootstrap"


@dataclass(frozen=True, slots=True)
class Bernstein:
    """The empirical Bernstein bound (Maurer & Pontil 2009, theorem 4, once for each side): wide, but never wrong.

    mean -+ sqrt(2 V ln(4 / d) / n) + 7 s ln(4 / d) / (3 (n - 1)), d = 1 - level, V the sample variance, s the span.
    It holds for any sample size, where units are independent and the span was known beforehand.
    """

    level: float = LEVEL

    def __call__(self, found: Contributions) -> tuple[float, float]:
        """(low, high)"""
        if not math.isfinite(found.span):
            raise InvalidInput("Bernstein", "contributions of a known span", "no bound", "Bootstrap() needs none.")
        n, loss = len(found.amounts), math.log(4 / (1 - self.level))
        if n < 2:
            return -math.inf, math.inf
        half = math.sqrt(2 * found.amounts.var(ddof=1) * loss / n) + 7 * found.span * loss / (3 * (n - 1))
        return found.mean - half, found.mean + half

    def __str__(self) -> str:
        return "Bernstein"
