"""Versus: two models on the same questions, the one less the other for each group of people, paired."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regard.domain.arrays import Scores
from regard.domain.protocols import Retriever
from regard.measurement.bootstrap import Resampling, interval
from regard.measurement.evaluate import figures_of
from regard.measurement.report import Figures
from regard.measurement.splits import Split
from regard.measurement.truth import Protocol

LEADING = "N"
CARE = ("diversity", "novelty", "calibration", "coverage", "gini")  # what lists are like, whatever was right in them


@dataclass(frozen=True, slots=True)
class Change:
    """The leading metric of a slice before and after, over the same `people`; the difference with its 95% interval."""

    slice: str
    before: float
    after: float
    low: float
    high: float
    people: int

    @property
    def difference(self) -> float:
        """after - before."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Versus:
    """What changed: the metric by slice ("all" first), and what the lists are like (before, after) by name."""

    metric: str
    split: str
    sha256: str
    changes: tuple[Change, ...]
    care: Mapping[str, tuple[float, float]]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, told: Mapping[str, Any]) -> Versus:
        """From what `plain` gave."""
        changes = tuple(Change(**one) for one in told["changes"])
        care = {name: (float(a), float(b)) for name, (a, b) in told["care"].items()}
        return cls(told["metric"], told["split"], told["sha256"], changes, care)


def versus(before: Retriever, after: Retriever, split: Split, k: int = 10, protocol: Protocol | None = None) -> Versus:
    """`after` against `before` on the test events of `split`, each person's figures paired."""
    rules = protocol or Protocol()
    metrics = (LEADING, *CARE)
    figures, setting = figures_of({"before": before, "after": after}, split, k, metrics, rules)
    sure = Resampling(rules.resamples, rules.seed)
    keys = [key for key in figures["after"].per_person if key[1] == LEADING]
    changes = tuple(_change(key, figures, sure) for key in keys)
    care = {name: (_mean(figures["before"], name), _mean(figures["after"], name)) for name in metrics[1:]}
    known = {name: pair for name, pair in care.items() if all(map(math.isfinite, pair))}
    return Versus(f"{LEADING}@{k}", setting["split"], setting["sha256"], changes, known)


def _change(key: tuple[str, str], figures: Mapping[str, Figures], sure: Resampling) -> Change:
    one, other = (figures[name].per_person[key] for name in ("before", "after"))
    difference: Scores = other - one
    known = np.isfinite(difference)
    low, high = interval(sure.means(difference[:, None]))
    return Change(
        key[0], float(one[known].mean()), float(other[known].mean()), float(low[0]), float(high[0]), int(known.sum())
    )


def _mean(figures: Figures, name: str) -> float:
    if name in figures.overall:
        return figures.overall[name]
    values = figures.per_person.get(("all", name))
    return float("nan") if values is None or not np.isfinite(values).any() else float(np.nanmean(values))
