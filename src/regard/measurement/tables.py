"""Tables: a report as plain text and for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from regard.measurement.report import Report


def number(value: float) -> str:
    """Four decimals without a leading zero where it can, as the field prints them; a dash where undefined."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def heading(report: Report) -> str:
    """On what the figures stand, in one line."""
    candidates = {"all": "every item ranked", "among": "a part of the items ranked"}.get(
        report.candidates, f"SAMPLED candidates: {report.candidates}"
    )
    return (
        f"{report.split}; {report.people:,} people, {report.items:,} items, {candidates}, ties counted against us; "
        f"test sha256 {report.sha256[:16]}"
    )


def as_text(report: Report) -> str:
    """The main table in fixed width."""
    rows = [("model", *report.labels)]
    rows += [(m, *(number(report.value(m, label)) for label in report.labels)) for m in report.models]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([heading(report), *lines])


def as_rich(report: Report) -> Table:
    """The main table for a terminal; the best figure of the leading metrics in bold."""
    table = Table(caption=heading(report), caption_justify="left")
    table.add_column("model", no_wrap=True)
    for label in report.labels:
        table.add_column(label, justify="right", no_wrap=True)
    ranking = {label for label in report.labels if "@" in label}
    best = {label: max(_finite(report, label), default=math.nan) for label in ranking}
    for model in report.models:
        cells = []
        for label in report.labels:
            value = report.value(model, label)
            cells.append(f"[bold]{number(value)}[/]" if value == best.get(label) else number(value))
        table.add_row(model, *cells)
    return table


def _finite(report: Report, label: str) -> list[float]:
    return [v for model in report.models if math.isfinite(v := report.value(model, label))]
