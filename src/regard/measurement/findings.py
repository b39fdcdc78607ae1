"""Findings: the figures of one evaluation, with intervals and paired comparisons, and on what they stand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: the mean over `people`, with its 95% bootstrap interval (None: a figure of all lists together)."""

    model: str
    slice: str
    metric: str
    value: float
    low: float | None
    high: float | None
    people: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`model` less `baseline`, over the same people: difference, its 95% interval, the two-sided bootstrap p."""

    metric: str
    model: str
    baseline: str
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """All figures of one evaluation, and on what they stand.

    `candidates`: "all", "among" (a part of the catalogue), "given" (predictions; `k` is then 0), or the name of a
    sample, which every label then carries.
    """

    split: str
    sha256: str
    k: int
    people: int
    items: int
    candidates: str
    measures: tuple[Measure, ...]
    comparisons: tuple[Comparison, ...]
    recall_by_depth: Mapping[str, tuple[float, ...]]

    @property
    def models(self) -> tuple[str, ...]:
        """The models in the order given."""
        return tuple(dict.fromkeys(m.model for m in self.measures))

    @property
    def labels(self) -> tuple[str, ...]:
        """The metrics of the main table, the leading one first."""
        return tuple(dict.fromkeys(m.metric for m in self.measures if m.slice == "all"))

    @property
    def slices(self) -> tuple[str, ...]:
        """The groups of people and items beside "all", people first."""
        return tuple(dict.fromkeys(m.slice for m in self.measures if m.slice != "all"))

    def value(self, model: str, metric: str, slice: str = "all") -> float:  # noqa: A002 (the field's word)
        """One figure; NaN where it is not defined."""
        return next(
            (m.value for m in self.measures if (m.model, m.metric, m.slice) == (model, metric, slice)), math.nan
        )
