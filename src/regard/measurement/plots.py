"""Plots of a report as inline SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regard.domain.arrays import Array
from regard.domain.errors import Unavailable
from regard.measurement.findings import Findings
from regard.measurement.metrics.predictions import expected_calibration_error, reliability

PALETTE = ("#2364aa", "#d1495b", "#0b8a6a", "#e8a33d", "#7b5ea7", "#5b6875", "#3aa6b9", "#a44a3f", "#6b8e23", "#c2569b")
SHAPE = (5.6, 3.6)  # inches


def forest_plot(report: Findings) -> str:
    """The leading metric of each model with its interval, best on top."""
    label = report.labels[0]
    found = sorted((m for m in report.measures if (m.slice, m.metric) == ("all", label)), key=lambda m: m.value)
    figure, axes = _axes(f"{label} with 95% interval", height=max(2.2, 0.42 * len(found) + 1.2))
    for row, m in enumerate(found):
        colour = _colour(report, m.model)
        if m.low is not None and m.high is not None:
            axes.plot([m.low, m.high], [row, row], color=colour, linewidth=2.4, solid_capstyle="round")
        axes.plot(m.value, row, "o", color=colour, markersize=8)
    axes.set_yticks(range(len(found)), [m.model for m in found])
    axes.set_ylim(-0.6, len(found) - 0.4)
    axes.grid(axis="y", visible=False)
    return _svg(figure)


def depth_plot(report: Findings) -> str:
    """Recall at each list length; empty where there are no lists."""
    if not report.recall_by_depth:
        return ""
    figure, axes = _axes("Recall by list length")
    for model, curve in report.recall_by_depth.items():
        axes.plot(range(1, len(curve) + 1), curve, color=_colour(report, model), linewidth=2, label=model)
    axes.set_xlabel("places")
    axes.set_xlim(1, max(report.k, 2))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def slices_plot(report: Findings) -> str:
    """The leading metric by slice; empty where there are no slices."""
    label = report.labels[0]
    parts = list(dict.fromkeys(m.slice for m in report.measures))
    if len(parts) < 2:
        return ""
    figure, axes = _axes(f"{label} by slice")
    width = 0.8 / len(report.models)
    for n, model in enumerate(report.models):
        values = [report.value(model, label, part) for part in parts]
        place = np.arange(len(parts)) + (n - (len(report.models) - 1) / 2) * width
        axes.bar(place, np.nan_to_num(values), width * 0.92, color=_colour(report, model), label=model)
    axes.set_xticks(range(len(parts)), parts)
    axes.grid(axis="x", visible=False)
    axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def trade_plot(report: Findings) -> str:
    """Quality against coverage of the catalogue: what a better list costs in variety; empty without coverage."""
    label = report.labels[0]
    across = next((name for name in report.labels if name.startswith("coverage")), None)
    if across is None or across == label:
        return ""
    figure, axes = _axes(f"{label} against coverage")
    for model in report.models:
        x, y = report.value(model, across), report.value(model, label)
        if math.isfinite(x) and math.isfinite(y):
            axes.plot(x, y, "o", color=_colour(report, model), markersize=9, label=model)
    axes.set_xlabel("share of the catalogue in at least one list")
    axes.margins(0.18)
    axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def front_plot(title: str, label: str, points: Sequence[tuple[str, float, float, bool]]) -> str:
    """What is worth choosing from among what was tried: (name, across, up, whether it stands on the front) each."""
    figure, axes = _axes(title)
    for name, x, y, on in (point for point in points if math.isfinite(point[1]) and math.isfinite(point[2])):
        axes.plot(x, y, "o", color=PALETTE[0] if on else "#c4ccd4", markersize=8 if on else 5, zorder=3 if on else 2)
        if on:
            axes.annotate(name, (x, y), xytext=(6, 5), textcoords="offset points", fontsize=9, color="#1d2733")
    axes.set_xlabel(label)
    axes.margins(0.12)
    return _svg(figure)


def reliability_plot(labels: Array, chances: Mapping[str, Array], bins: int = 15) -> str:
    """How often what each model calls a chance of p came true, against p; the larger a point, the more examples."""
    return _svg(reliability_figure(labels, chances, bins))


def reliability_figure(labels: Array, chances: Mapping[str, Array], bins: int = 15) -> Any:
    """The figure of `reliability_plot`, for those who save it otherwise."""
    figure, axes = _axes("Reliability: what was said, what came true", height=SHAPE[0] * 0.9)
    axes.plot([0, 1], [0, 1], color="#c4ccd4", linewidth=1.2, zorder=1)
    for place, (model, own) in enumerate(chances.items()):
        said, came, count = reliability(labels, own, bins)
        colour = PALETTE[place % len(PALETTE)]
        error = expected_calibration_error(labels, own, bins)
        axes.plot(said, came, color=colour, linewidth=1.6, label=f"{model}, ECE {error:.3f}")
        axes.scatter(said, came, s=16 + 160 * count / count.sum(), color=colour, zorder=3)
    axes.set_xlabel("mean chance of the bin")
    axes.set_ylabel("share of positives")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def axes_grid(titles: Sequence[str], columns: int = 1, shape: tuple[float, float] = SHAPE) -> tuple[Any, list[Any]]:
    """A figure of one small chart for each title, `shape` inches each, `columns` side by side."""
    try:
        from matplotlib.figure import Figure
    except ImportError as cause:
        raise Unavailable("plots", "matplotlib", "no such package", "pip install 'regard[demo]'") from cause
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(columns * shape[0], rows * shape[1]), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color="#1d2733")
        axes.grid(color="#e3e8ee", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors="#5b6875", labelsize=9, length=0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color("#c4ccd4")
    for unused in grid[len(titles) :]:
        unused.set_axis_off()
    return figure, grid[: len(titles)]


def _axes(title: str, height: float = SHAPE[1]) -> tuple[Any, Any]:
    figure, grid = axes_grid([title], shape=(SHAPE[0], height))
    return figure, grid[0]


def _colour(report: Findings, model: str) -> str:
    return PALETTE[report.models.index(model) % len(PALETTE)]


def _svg(figure: Any) -> str:
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "regard", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue().split("?>", 1)[1].split(">", 1)[1].strip()  # without the XML head and doctype
