"""Tables: a report as plain text and for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from regard.measurement.findings import Findings

SHORT = ("N", "R", "HR", "MRR", "coverage", "novelty")  # what a terminal shows


def number(value: float) -> str:
    """Four decimals without a leading zero where it can, as the field prints them; a dash where undefined."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def heading(report: Findings) -> str:
    """On what the figures stand, in one line."""
    if report.candidates == "given":
        return f"predictions; {report.people:,} people or examples; test sha256 {report.sha256[:16]}"
    candidates = {"all": "every item ranked", "among": "a part of the items ranked"}.get(
        report.candidates, f"SAMPLED candidates: {report.candidates}"
    )
    return (
        f"{report.people:,} people, {report.items:,} items, {candidates}, ties counted against us; "
        f"test sha256 {report.sha256[:16]}"
    )


def as_text(report: Findings) -> str:
    """The main table in fixed width, below it the leading metric by slice."""
    rows = [("model", *report.labels)]
    rows += [(m, *(number(report.value(m, label)) for label in report.labels)) for m in report.models]
    lines = [f"{report.split}: {heading(report)}", *in_columns(rows)]
    if report.slices:
        lines += ["", f"{report.labels[0]} by slice (people)", *in_columns(_by_slice(report))]
    return "\n".join(lines)


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines of fixed width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_rich(report: Findings) -> RenderableType:
    """The leading figures for a terminal of 80 columns, the best of each ranking metric in bold; then by slice."""
    table = Table(title=report.split, title_justify="left", caption=heading(report), caption_justify="left")
    table.add_column("model", no_wrap=True)
    shown = [label for label in report.labels if label.split("@")[0] in SHORT] or list(report.labels[:6])
    for label in shown:
        table.add_column(label, justify="right", no_wrap=True)
    ranking = {label for label in report.labels if "@" in label}
    best = {label: max(_finite(report, label), default=math.nan) for label in ranking}
    for model in report.models:
        cells = []
        for label in shown:
            value = report.value(model, label)
            cells.append(f"[bold]{number(value)}[/]" if value == best.get(label) else number(value))
        table.add_row(Text(model), *cells)
    return Group(table, _slices_table(report)) if report.slices else table


def _slices_table(report: Findings) -> Table:
    head, *rows = _by_slice(report)
    table = Table(title=f"{report.labels[0]} by slice (people)", title_justify="left")
    for name in head:
        table.add_column(Text(name), justify="left" if name == head[0] else "right")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _by_slice(report: Findings) -> list[tuple[str, ...]]:
    """A row for each slice and a column for each model, of the leading metric; names and people first."""
    label = report.labels[0]
    rows: list[tuple[str, ...]] = [("slice", *report.models)]
    for part in report.slices:
        people = next(m.people for m in report.measures if (m.slice, m.metric) == (part, label))
        rows.append((f"{part} ({people:,})", *(number(report.value(m, label, part)) for m in report.models)))
    return rows


def _finite(report: Findings, label: str) -> list[float]:
    return [v for model in report.models if math.isfinite(v := report.value(model, label))]
