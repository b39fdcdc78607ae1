"""Report: the table of an evaluation with intervals and paired comparisons, as text, JSON and a page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.measurement.bootstrap import Resampling, column_means, interval, two_sided_p
from regard.measurement.findings import Comparison, Findings, Measure
from regard.measurement.page import page
from regard.measurement.tables import as_rich, as_text


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What was found of one model: (Q,) values by (slice, metric), figures of all lists together, recall at 1..k."""

    per_person: Mapping[tuple[str, str], Scores]
    overall: Mapping[str, float]
    recall_by_depth: Scores


@dataclass(frozen=True, slots=True, eq=False)
class Report(Findings):
    """Findings that can be printed, kept and shown."""

    def metrics(self) -> list[dict[str, Any]]:
        """[{"model", "metrics": {label: value}}], one per model."""
        return [
            {"model": model, "metrics": {label: _plain(self.value(model, label)) for label in self.labels}}
            for model in self.models
        ]

    def table(self) -> list[dict[str, str | float]]:
        """Flat rows of the main table: "model" and one column per metric."""
        return [{"model": model, **{label: self.value(model, label) for label in self.labels}} for model in self.models]

    def to_json(self) -> str:
        """Everything, as one JSON object; undefined figures are null."""
        return json.dumps(_plain({**asdict(self), "recall_by_depth": dict(self.recall_by_depth)}), ensure_ascii=False)

    def to_html(self, path: Path | str) -> Path:
        """A page with tables and plots in one file; Unavailable without matplotlib."""
        target = Path(path)
        target.write_text(page(self), encoding="utf-8")
        return target

    def __str__(self) -> str:
        return as_text(self)

    def __rich__(self) -> Any:
        return as_rich(self)


def report_of(
    figures: Mapping[str, Figures], setting: Mapping[str, Any], resamples: int, seed: int, baseline: str | None
) -> Report:
    """Means, intervals and paired comparisons of all models; the same resampled people for each."""
    if not figures:
        raise InvalidInput("evaluate.models", "at least one model", "none")
    first = next(iter(figures.values()))
    keys = list(first.per_person)
    stacked = {name: np.column_stack([f.per_person[key] for key in keys]) for name, f in figures.items()}
    sure = Resampling(resamples, seed)
    measures = [m for name, f in figures.items() for m in _measures(name, f, stacked[name], sure, setting)]
    best = baseline or max(stacked, key=lambda name: float(np.nanmean(stacked[name][:, 0])))
    if best not in stacked:
        raise InvalidInput("evaluate.baseline", f"one of {', '.join(stacked)}", best)
    main = [column for column, (part, _) in enumerate(keys) if part == "all"]
    labels = [_label(keys[column][1], setting) for column in main]
    compared = [
        c
        for name in stacked
        if name != best
        for c in _compare((name, best), labels, stacked[name][:, main] - stacked[best][:, main], sure)
    ]
    depth = {name: tuple(f.recall_by_depth.tolist()) for name, f in figures.items()}
    return Report(**setting, measures=tuple(measures), comparisons=tuple(compared), recall_by_depth=depth)


def _measures(
    model: str, figures: Figures, values: Scores, sure: Resampling, setting: Mapping[str, Any]
) -> list[Measure]:
    low, high = interval(sure.means(values))
    mean, people = column_means(values)
    found = [
        Measure(model, part, _label(name, setting), float(mean[c]), float(low[c]), float(high[c]), int(people[c]))
        for c, (part, name) in enumerate(figures.per_person)
    ]
    n = len(values)
    return found + [Measure(model, "all", _label(m, setting), v, None, None, n) for m, v in figures.overall.items()]


def _compare(pair: tuple[str, str], labels: list[str], differences: Scores, sure: Resampling) -> list[Comparison]:
    draws = sure.means(differences)
    low, high = interval(draws)
    mean, people = column_means(differences)
    return [
        Comparison(label, *pair, float(mean[c]), float(low[c]), float(high[c]), two_sided_p(draws[:, c]))
        for c, label in enumerate(labels)
        if people[c]
    ]


def _label(metric: str, setting: Mapping[str, Any]) -> str:
    """N -> N@10; of a sample: N@10 (uniform-100)."""
    name = f"{metric}@{setting['k']}" if metric.isupper() else metric
    return name if setting["candidates"] in ("all", "among") else f"{name} ({setting['candidates']})"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
