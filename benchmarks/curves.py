"""Curves: quality against seconds of training, and how long a model takes to be as good as another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
OURS, THEIRS = "#0b6e4f", "#8895a3"  # colours of plots


def time_to_equal(rows: Sequence[Row], metric: str) -> list[dict[str, Any]]:
    """For each peer with a curve and each model of ours: the seconds until ours is as good as the peer ends.

    The peer's seconds count until it is first as good as it ends. Ours are those of the cheapest fit that gets there,
    None where none does; so is then the ratio ours / peer.
    """
    found = []
    for peer in (row for row in rows if row["system"] != "regard" and row["curve"]):
        quality = peer["metrics"][metric]
        theirs = _first(peer, metric, quality)
        for own in (row for row in rows if row["system"] == "regard" and row["seed"] == peer["seed"]):
            seconds = _first(own, metric, quality)
            found.append(
                {
                    "model": own["model"],
                    "peer": f"{peer['system']} {peer['model']}",
                    "seed": peer["seed"],
                    "metric": metric,
                    "quality": quality,
                    "peer_seconds": theirs,
                    "our_seconds": seconds,
                    "ratio": None if seconds is None or not theirs else seconds / theirs,
                }
            )
    return found


def points(row: Row, metric: str) -> list[tuple[float, float]]:
    """(seconds, quality) of one row, in order of seconds: its curve, or its one fit."""
    curve = [(step["seconds"], step["metrics"][metric]) for step in row["curve"]]
    return sorted(curve or [(row["fit_seconds"], row["metrics"][metric])])


def _first(row: Row, metric: str, quality: float) -> float | None:
    return next((seconds for seconds, reached in points(row, metric) if reached >= quality), None)


def sentences(equal: Sequence[Row]) -> list[str]:
    """What `time_to_equal` found, for people."""
    said = []
    for row in equal:
        reached = f"{row['metric']} of {row['quality']:.4f} ({row['peer_seconds']:.0f} s)"
        goal = f"{row['model']} to {row['peer']}'s {reached}"
        if row["ratio"] is None:
            said.append(f"{goal}: not reached.")
        else:
            said.append(f"{goal}: {row['our_seconds']:.0f} s, {row['ratio']:.2f} of the peer's time.")
    return said


def learned(row: Row) -> bool:
    """Whether a row has a learning curve, or what early stopping saw of it."""
    return bool(row.get("curve") or row.get("watched"))


def plot_curves(found: Mapping[str, Any], path: Path) -> bool:
    """Quality against seconds of training for every row that has a curve, and what early stopping saw of it (dashed);
    False where none has either."""
    from matplotlib.figure import Figure

    parts = list(dict.fromkeys(row["dataset"] for row in found["rows"] if learned(row)))
    if not parts:
        return False
    figure = Figure(figsize=(7.4 * len(parts), 4.4), layout="constrained", dpi=130)
    for axes, part in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        rows = [row for row in found["rows"] if row["dataset"] == part and "curve" in row]
        metric = next(iter(rows[0]["metrics"]))
        for row in rows:
            ours = row["system"] == "regard"
            seconds, quality = zip(*points(row, metric), strict=True)
            colour, name = (OURS, row["model"]) if ours else (THEIRS, f"{row['system']} {row['model']}")
            if row.get("watched"):
                _, spent, seen = zip(*row["watched"], strict=True)
                axes.plot(spent, seen, ".--", color=colour, linewidth=1)
                axes.annotate(
                    "on validation", (spent[0], seen[0]), (5, -9), textcoords="offset points", fontsize=8, color=colour
                )
            axes.plot(seconds, quality, "o-", color=colour, markersize=5)
            axes.annotate(
                name, (seconds[-1], quality[-1]), (5, 5), textcoords="offset points", fontsize=8, color=colour
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.margins(0.15, 0.1)
        axes.set_title(f"{found['id']} {part}: learning curves", loc="left", fontweight="bold", fontsize=11)
        axes.set_xlabel(f"seconds of training, threads: {found['threads']}")
        axes.set_ylabel(metric)
        axes.grid(color="#e3e8ee")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    return True
