"""Drift: is the world still the one that the live release learned, and do its lists narrow? Alarms as conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Array
from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput
from regard.measurement import shifts
from regard.measurement.metrics.lists import Lists

NO_LISTS: Lists = np.empty((0, 1), np.int64)
MOST = 4_000  # lists of a period that are looked at


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """What is known of some days: columns of data by name (n,), numbers or words; the scores of what was shown (s,);
    predicted chances and what happened (c,); the lists that were shown, (L, k) item rows, -1 past the end."""

    data: Mapping[str, Array] = field(default_factory=dict)
    scores: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    predicted: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    happened: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    lists: Lists = field(default_factory=lambda: NO_LISTS)


@dataclass(frozen=True, slots=True)
class Watch:
    """Compares a period with the one that the release started from.

    Each bound is the larger of what matters (the fields below) and of what noise alone exceeds with the chance
    alarms / (number of conditions) (Bonferroni), so that a look at quiet data raises any alarm with at most the chance
    `alarms`. data: PSI of a column. scores: KS distance. calibration: expected calibration error. gini, top, sameness:
    rises of the inequality of exposures, of the share of the most shown 1% of the items, and of the chance that two
    places of two people's lists hold the same item.
    """

    alarms: float = 0.01
    data: float = 0.2
    scores: float = 0.1
    calibration: float = 0.03
    gini: float = 0.03
    top: float = 0.03
    sameness: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alarms < 1:
            raise InvalidInput("Watch.alarms", "a chance in (0, 1)", repr(self.alarms))
        for name in ("data", "scores", "calibration", "gini", "top", "sameness"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(f"Watch.{name}", "a number >= 0", repr(getattr(self, name)))

    def look(self, before: Period, after: Period) -> tuple[Condition, ...]:
        """Every condition that both periods allow to judge; those that fail are alarms."""
        columns = [name for name in before.data if name in after.data]
        there = {
            "scores": len(before.scores) and len(after.scores),
            "calibration": len(after.predicted),
            "lists": len(before.lists) and len(after.lists),
        }
        count = len(columns) + bool(there["scores"]) + bool(there["calibration"]) + 3 * bool(there["lists"])
        chance = self.alarms / max(count, 1)
        found = [
            _condition(f"data: {name}", shifts.psi(before.data[name], after.data[name], chance), self.data, "PSI")
            for name in columns
        ]
        if there["scores"]:
            distance = shifts.ks(before.scores, after.scores, chance)
            found.append(_condition("scores", distance, self.scores, "Kolmogorov-Smirnov distance"))
        if there["calibration"]:
            gap = shifts.calibration_gap(after.predicted, after.happened, chance, self.seed)
            found.append(_condition("calibration", gap, self.calibration, "expected calibration error"))
        return (*found, *(self._lists(before.lists, after.lists, chance) if there["lists"] else ()))

    def _lists(self, before: Lists, after: Lists, chance: float) -> tuple[Condition, ...]:
        rng = np.random.default_rng(self.seed)
        some = [x if len(x) <= MOST else x[rng.choice(len(x), MOST, replace=False)] for x in (before, after)]
        told = (
            ("popularity concentration", self.gini, "rise of the Gini coefficient of exposures"),
            ("top share", self.top, "rise of the share of the most shown 1% of the items"),
            ("homogenisation", self.sameness, "rise of the chance that two places hold one item"),
        )
        figures = (shifts.gini_of, shifts.top_share, shifts.sameness)
        found = shifts.rises(some[0], some[1], figures, chance, seed=self.seed)
        return tuple(_condition(name, one, least, words) for one, (name, least, words) in zip(found, told, strict=True))


def alarms(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Those that do not hold."""
    return tuple(one for one in conditions if one.verdict == "fails")


def _condition(name: str, found: tuple[float, float], matters: float, words: str) -> Condition:
    value, noise = found
    return Condition(name, value, max(matters, noise), words=words)
