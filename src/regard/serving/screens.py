"""Screens: JSON answers as tables for people at a terminal, in their language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from regard.domain.run import Progress as Told
from regard.measurement.tables import number

Words: TypeAlias = Callable[[str], str]  # English -> the reader's language
Answer: TypeAlias = Mapping[str, Any]


@contextmanager
def progress(console: Console) -> Iterator[Told]:
    """A bar per step on `console`; the yielded function takes (step, share done)."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(28), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=1.0)
            bars.update(tasks[step], completed=share)

        yield tell


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str | Text]], right: Sequence[int] = ()) -> Table:
    """A plain table; the columns numbered in `right` are aligned to the right. Words in brackets stay words."""
    made = Table(
        title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 1)
    )
    for place, name in enumerate(columns):
        made.add_column(escape(name), justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def slate(answer: Answer, _: Words) -> RenderableType:
    """The list of one person with its reasons."""
    rows = [
        (str(item["position"] + 1), item["title"], f"{item['score']:.2f}", item["reason"]["text"])
        for item in answer["items"]
    ]
    title = _("For {user}").format(user=answer["user"])
    return table(title, ("", _("title"), _("score"), _("because")), rows, right=(0, 2))


def history(answer: Answer, _: Words) -> RenderableType:
    """What the person did, newest first."""
    rows = [(event["title"], ", ".join(event["tags"])) for event in answer["history"]]
    title = _("What {user} liked, newest first").format(user=answer["user"])
    return table(title, (_("title"), _("tags")), rows)


def metrics(answer: Answer, _: Words) -> RenderableType:
    """Models by metric; the best of each column in bold."""
    rows = answer["metrics"]
    names = list(rows[0]["metrics"]) if rows else []
    best = {name: max(row["metrics"][name] for row in rows) for name in names}
    shown = [(row["model"], *(_figure(row["metrics"][name], best[name]) for name in names)) for row in rows]
    figures = table(_("How good"), (_("model"), *names), shown, right=range(1, len(names) + 1))
    return Group(figures, Text(f" {answer['metrics_title']}", style="dim"))


def _figure(value: float, best: float) -> Text:
    return Text(number(value), style="bold green" if value == best else "")


def demo(answer: Answer, _: Words) -> RenderableType:
    """The demo's one page: who, the list with reasons, a why-not, the quality, where to go next."""
    return Group(
        Panel(Text(answer["about"]), title=_("Regard demo"), title_align="left", border_style="cyan"),
        _spaced(history(answer, _)),
        _spaced(slate(answer, _)),
        _spaced(Text(f"{_('Why not')} {answer['why_not']['title']}? {answer['why_not']['text']}")),
        _spaced(metrics(answer, _)),
        Rule(style="dim"),
        next_steps(answer["next"], _),
    )


def _spaced(inside: RenderableType) -> RenderableType:
    return Padding(inside, (1, 0, 0, 1))


def next_steps(commands: Sequence[str], _: Words) -> RenderableType:
    """Where to go from here."""
    return Group(Text(_("Where to go next:"), style="bold"), *(Text(f"  $ {command}") for command in commands))


def imported(report: Answer, _: Words) -> RenderableType:
    """What an import read, found and did."""
    sources = [
        (s["name"], s["kind"], s["layout"], f"{s['rows']:,}", f"{s['quarantined']:,}") for s in report["sources"]
    ]
    names = (_("file"), _("holds"), _("layout"), _("rows"), _("quarantined"))
    findings = [(f["what"], f"{f['count']:,}", f["done"], "; ".join(f["examples"][:2])) for f in report["findings"]]
    columns = (_("found"), _("count"), _("what was done"), _("examples"))
    said = _("{new:,} new events, {known:,} known before; {items:,} new items, {users:,} new people.").format(
        new=report["events_new"], known=report["events_known"], items=report["items_new"], users=report["users_new"]
    )
    return Group(
        table(_("Read"), names, sources, right=(3, 4)),
        _spaced(table(_("Cleaning report"), columns, findings, right=(1,))),
        _spaced(Text(said)),
        *(Text(_("Left out: {name} ({why})").format(name=name, why=why)) for name, why in report["left_out"]),
    )


def fitted(answer: Answer, _: Words) -> RenderableType:
    """What a fit has made."""
    rows = [(name, number(weight)) for name, weight in answer["weights"].items()]
    title = _("Release {name} is live: {events:,} events, {items:,} items").format(
        name=answer["release"], events=answer["events"], items=answer["items"]
    )
    return table(title, (_("source"), _("learned weight")), rows, right=(1,))


def explained(answer: Answer, _: Words) -> RenderableType:
    """One reason with all its amounts."""
    reason = answer["reason"]
    rows = [(c["title"], f"{c['amount']:+.4f}") for c in reason["evidence"][:12]]
    rows += [(name, f"{amount:+.4f}") for name, amount in reason["other"].items()]
    rest = sum(c["amount"] for c in reason["evidence"][12:])
    rows += (
        [(_("{n} more items of the history").format(n=len(reason["evidence"]) - 12), f"{rest:+.4f}")] if rest else []
    )
    rows.append((_("score"), f"{answer['score']:+.4f}"))
    return Group(
        Text(f"{answer['title']}: {reason['text']}"),
        Text(answer["fell"]),
        _spaced(table(_("What it rests on"), ("", ""), rows, (1,))),
    )


def not_shown(answer: Answer, _: Words) -> RenderableType:
    """One why-not, and how far each source was from it."""
    rows = [(name, str(p["rank"] or "-"), str(p["proposed"])) for name, p in answer.get("sources", {}).items()]
    said = Text(f"{_('Why not')} {answer['title']}? {answer['text']}")
    if not rows:
        return said
    return Group(said, _spaced(table("", (_("source"), _("rank there"), _("proposed")), rows, right=(1, 2))))


def alike(answer: Answer, _: Words) -> RenderableType:
    """Items like one item, by each kind of nearness."""
    words = dict.fromkeys(("use", "sentence-transformer", "endpoint"), _("told in like words"))
    titles = {"people": _("chosen by the same people"), **words}
    tables = [
        table(titles.get(name, name), ("", ""), [(i["title"], f"{i['score']:.2f}") for i in found], right=(1,))
        for name, found in answer["by"].items()
        if found
    ]
    return Group(Text(_("Like {title}").format(title=answer["title"]), style="bold"), *map(_spaced, tables))


def checks(found: Sequence[Answer], _: Words) -> RenderableType:
    """The doctor's findings, with a fix for each failure."""
    marks = {True: Text("✓", style="green"), False: Text("✗", style="red")}
    rows = [(marks[c["well"]], c["name"], c["said"], "" if c["well"] else c["fix"]) for c in found]
    return table(_("Regard doctor"), ("", _("check"), _("found"), _("fix")), rows)


def figures(title: str, counts: Answer) -> RenderableType:
    """Named numbers, moments as dates, nested ones as rows of their own."""
    rows = [(name, _plain(name, value)) for name, value in counts.items() if not isinstance(value, Mapping)]
    for name, inside in counts.items():
        rows += [(f"{name}: {key}", _plain(key, value)) for key, value in getattr(inside, "items", dict)()]
    return table(title, ("", ""), rows, right=(1,))


def _plain(name: str, value: object) -> str:
    if name.endswith("_time") and isinstance(value, float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{value:,}" if isinstance(value, int) else str(value)
