"""Results: one benchmark's object as JSON, as a Markdown table and as a plot of quality against fit time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.curves import OURS, THEIRS, learned, plot_curves, sentences

FOLDER = Path(__file__).parent / "results"
WIDE = 1e4  # of fit times: from here on a tick a decade is enough
JUDGED = "Ties count against the model. 95% bootstrap intervals over people."


def keep(found: Mapping[str, Any], folder: Path = FOLDER) -> list[Path]:
    """Write ID.json, ID.md and ID.png below `folder`, and ID-curves.png where something has a learning curve."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / found["id"]
    target.with_suffix(".json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    target.with_suffix(".md").write_text(markdown(found), "utf-8")
    plot(found, target.with_suffix(".png"))
    kept = [target.with_suffix(ending) for ending in (".json", ".md", ".png")]
    curves = target.with_name(f"{found['id']}-curves.png")
    return [*kept, curves] if plot_curves(found, curves) else kept


def publish(lines: Sequence[str], out: str | None) -> None:
    """A page for people: printed, and kept in the file `out` where one is named."""
    print("\n".join(lines))
    if out is not None:
        Path(out).write_text("\n".join(lines), "utf-8")


def markdown(found: Mapping[str, Any]) -> str:
    """The table for people, best first within a data set."""
    lines = [
        f"# {found['id']}: {found['dataset']}",
        "",
        f"{found['protocol']}. {found.get('judged', JUDGED)}",
        "",
        f"Measured on {found['machine']}. Fit time is the shortest of up to three fits in one fresh process; peak "
        "memory is that of the whole process after the first fit, with the library and the data in it.",
    ]
    for part in dict.fromkeys(row["dataset"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["dataset"] == part]
        lines += ["", f"## {part}", "", f"Test events sha256 `{rows[0]['split_sha256']}`.", "", *_table(rows)]
    if found["left_out"]:
        left_out = [f"{row['system']} {row['model']} ({row['why']})" for row in found["left_out"]]
        lines += ["", f"Not run here: {'; '.join(left_out)}."]
    for note in (*found.get("notes", ()), *sentences(found.get("equal", ()))):
        lines += ["", note]
    lines += ["", f"![quality against fit time]({found['id']}.png)", ""]
    if any(map(learned, found["rows"])):
        lines += [f"![learning curves]({found['id']}-curves.png)", ""]
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    labels = list(rows[0]["metrics"])
    lines = [
        f"| system | model | {' | '.join(labels)} | fit s | peak MB | seed |",
        f"|---|---|{'---|' * (len(labels) + 3)}",
    ]
    for row in sorted(rows, key=lambda row: -row["metrics"][labels[0]]):
        cells = [_figure(row, label) for label in labels]
        system = f"**{row['system']}**" if row["system"] == "regard" else row["system"]
        where = f" ({row['device']})" if row.get("device") else ""
        costs = f"{row['fit_seconds']:.3g}{where} | {_peak(row)} | {row['seed']}"
        lines.append(f"| {system} | {row['model']} | {' | '.join(cells)} | {costs} |")
    return lines


def _peak(row: Mapping[str, Any]) -> str:
    return "not measured" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}"


def _figure(row: Mapping[str, Any], label: str) -> str:
    value = f"{row['metrics'][label]:.4f}".replace("0.", ".", 1)
    low, high = row.get("intervals", {}).get(label, (None, None))
    return value if low is None else f"{value} ({low:.3f}-{high:.3f})".replace("0.", ".")


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Quality (up) against fit seconds (to the right, logarithmic), ours in colour; names in a column beside it."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    parts = list(dict.fromkeys(row["dataset"] for row in found["rows"]))
    figure = Figure(figsize=(7.4 * len(parts), 4.4), layout="constrained", dpi=130)
    for axes, part in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        rows = [row for row in found["rows"] if row["dataset"] == part]
        label = next(iter(rows[0]["metrics"]))
        points = [(max(row["fit_seconds"], 1e-4), row["metrics"][label]) for row in rows]
        for row, point in zip(rows, points, strict=True):
            ours = row["system"] == "regard"
            axes.plot(*point, "o", color=OURS if ours else THEIRS, markersize=9 if ours else 7, zorder=3)
        axes.set_xscale("log")
        axes.margins(0.08)
        span = max(x for x, _ in points) / min(x for x, _ in points)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if span < WIDE else (1,)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{found['id']} {part}", loc="left", fontweight="bold", fontsize=11)
        axes.set_xlabel(f"fit seconds, threads: {found['threads']}")
        axes.set_ylabel(label)
        axes.grid(color="#e3e8ee")
        axes.spines[["top", "right"]].set_visible(False)
        _name(axes, rows, points)
    figure.savefig(path)


def _name(axes: Any, rows: list[dict[str, Any]], points: list[tuple[float, float]]) -> None:
    """Each point's name to the right of the plot, at its own height or as near to it as the others allow."""
    low, high = axes.get_ylim()
    order = sorted(range(len(rows)), key=lambda n: points[n][1])
    heights = [(points[n][1] - low) / (high - low) for n in order]
    gap = min(0.055, 1 / len(rows))
    for n in range(1, len(heights)):
        heights[n] = max(heights[n], heights[n - 1] + gap)
    top = 1.0
    for n in reversed(range(len(heights))):
        heights[n] = min(heights[n], top)
        top = heights[n] - gap
    for n, height in zip(order, heights, strict=True):
        ours = rows[n]["system"] == "regard"
        axes.annotate(
            rows[n]["model"] if ours else f"{rows[n]['system']} {rows[n]['model']}",
            points[n],
            xytext=(1.03, height),
            textcoords="axes fraction",
            verticalalignment="center",
            fontsize=8,
            color=OURS if ours else "#4a5561",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#c9d1da", "linewidth": 0.7, "relpos": (0, 0.5)},
        )
