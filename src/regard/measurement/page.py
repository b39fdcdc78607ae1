"""Page: a report as one self-contained HTML file with tables and plots."""

from __future__ import annotations

from html import escape

from regard.measurement.findings import Comparison, Findings, Measure
from regard.measurement.plots import depth_plot, forest_plot, slices_plot, trade_plot
from regard.measurement.tables import heading, number

STYLE = """
:root { color-scheme: light; --ink: #1d2733; --soft: #5b6875; --line: #e3e8ee; --paper: #fbfcfd; --card: #fff;
        --best: #0b6e4f; --bestback: #e9f6f1; }
* { box-sizing: border-box } body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px }
h1 { font-size: 28px; margin: 0 0 4px; letter-spacing: -.01em } h2 { font-size: 18px; margin: 40px 0 10px }
p { margin: 0 0 12px; color: var(--soft); max-width: 78ch }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
.facts { display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0 8px }
.facts span { background: var(--card); border: 1px solid var(--line); border-radius: 999px; padding: 3px 12px }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 8px 16px;
  overflow-x: auto }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 16px }
.plots .card { padding: 12px } .plots svg { width: 100%; height: auto; display: block }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: 7px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th { font-weight: 600; color: var(--soft); font-size: 13px } tr:last-child td { border-bottom: 0 }
th:first-child, td:first-child { text-align: left } td small { color: var(--soft); display: block; font-size: 12px }
td.best { background: var(--bestback); color: var(--best); font-weight: 600 }
.below { margin-top: 12px }
.warning { background: #fff4e0; border: 1px solid #f0c36d; border-radius: 8px; padding: 8px 14px; color: #6b4700 }
"""


def page(report: Findings) -> str:
    """The whole HTML document; Unavailable without matplotlib."""
    figures = [forest_plot(report), depth_plot(report), slices_plot(report), trade_plot(report)]
    plots = "".join(f'<div class="card">{figure}</div>' for figure in figures if figure)
    ranking = [label for label in report.labels if "@" in label]
    others = [label for label in report.labels if "@" not in label]
    parts = [
        f"<h1>How good: {escape(report.split)}</h1>",
        f"<p>{escape(heading(report))}</p>",
        _facts(report),
        _warning(report),
        "<h2>Figures</h2><p>Mean over people, below it the 95% bootstrap interval. The best of each ranking metric is "
        "marked.</p>",
        f'<div class="card">{_main_table(report, ranking)}</div>' if ranking else "",
        f'<div class="card below">{_main_table(report, others)}</div>' if others else "",
        f'<h2>Plots</h2><div class="plots">{plots}</div>',
        _comparisons(report.comparisons, ranking[:2] or others),
        _slices(report),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation: {escape(report.split)}</title><style>{STYLE}</style></head>"
    )
    return f"{head}<body><main>{''.join(parts)}</main></body></html>"


def _facts(report: Findings) -> str:
    lists = [f"{report.items:,} items", f"lists of {report.k}"] if report.k else []
    facts = [
        f"{report.people:,} people",
        *lists,
        f"{len(report.models)} models",
        f"test sha256 <code>{report.sha256}</code>",
    ]
    return f'<div class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</div>'


def _warning(report: Findings) -> str:
    if report.candidates in ("all", "among", "given"):
        return ""
    return (
        f'<div class="warning">Ranked among sampled candidates ({escape(report.candidates)}). Such figures may order '
        "models wrongly (Krichene and Rendle 2020) and cannot be compared with figures over every item.</div>"
    )


def _main_table(report: Findings, labels: list[str]) -> str:
    found = {(m.model, m.metric): m for m in report.measures if m.slice == "all"}
    rows = []
    for model in report.models:
        cells = [_cell(found.get((model, label)), _is_best(report, model, label)) for label in labels]
        rows.append(f"<tr><td>{escape(model)}</td>{''.join(cells)}</tr>")
    return f"<table><tr><th>model</th>{_heads(labels)}</tr>{''.join(rows)}</table>"


def _cell(measure: Measure | None, best: bool) -> str:
    if measure is None:
        return "<td>-</td>"
    sure = "" if measure.low is None or measure.high is None else f"{number(measure.low)} to {number(measure.high)}"
    mark = ' class="best"' if best else ""
    return f"<td{mark}>{number(measure.value)}<small>{sure}</small></td>"


def _is_best(report: Findings, model: str, label: str) -> bool:
    values = [report.value(other, label) for other in report.models]
    return "@" in label and len(values) > 1 and report.value(model, label) >= max(values)


def _comparisons(comparisons: tuple[Comparison, ...], leading: list[str]) -> str:
    if not comparisons:
        return ""
    rows = "".join(
        f"<tr><td>{escape(c.model)}</td><td>{escape(c.metric)}</td><td>{c.difference:+.4f}</td>"
        f"<td>{c.low:+.4f} to {c.high:+.4f}</td><td>{c.p:.3f}</td></tr>"
        for c in comparisons
        if c.metric in leading
    )
    return (
        f"<h2>Against {escape(comparisons[0].baseline)}</h2><p>Differences over the same people, paired bootstrap: an "
        "interval that holds 0 means that the data do not tell the two apart.</p>"
        '<div class="card"><table><tr><th>model</th><th>metric</th><th>difference</th><th>95% interval</th><th>p</th>'
        f"</tr>{rows}</table></div>"
    )


def _slices(report: Findings) -> str:
    parts = report.slices
    if not parts:
        return ""
    label = report.labels[0]
    people = {m.slice: m.people for m in report.measures if m.metric == label}
    heads = _heads([f"{part} ({people.get(part, 0):,})" for part in parts])
    rows = "".join(
        f"<tr><td>{escape(model)}</td>"
        + "".join(f"<td>{number(report.value(model, label, part))}</td>" for part in parts)
        + "</tr>"
        for model in report.models
    )
    return (
        f"<h2>For whom: {escape(label)} by slice</h2><p>Cold people have no history; light and heavy are the quarters "
        "of the others with the shortest and the longest one; the long tail counts only items outside the head that "
        "holds 80% of all events, cold items only those that nobody met in the train part, warm items only the others. "
        'People in brackets.</p><div class="card"><table><tr><th>model</th>'
        f"{heads}</tr>{rows}</table></div>"
    )


def _heads(names: list[str]) -> str:
    return "".join(f"<th>{escape(name)}</th>" for name in names)
