"""Screens: JSON answers as tables for people at a terminal, in their language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import nan
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
from regard.domain.run import silent
from regard.measurement.tables import number
from regard.serving.vocabulary import vocabulary

Words: TypeAlias = Callable[[str], str]  # English -> the reader's language
Answer: TypeAlias = Mapping[str, Any]


@contextmanager
def progress(console: Console) -> Iterator[Told]:
    """A bar per step on `console`; the yielded function takes (step, share done)."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(28), TimeElapsedColumn())
    if not console.is_terminal:
        yield silent
        return
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=1.0)
            bars.update(tasks[step], completed=share)

        yield tell


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str | Text]], right: Sequence[int] = ()
) -> RenderableType:
    """A plain table; the columns numbered in `right` are aligned to the right. Words in brackets stay words."""
    made = Table(header_style="dim", box=None, padding=(0, 1), show_header=any(columns))
    for place, name in enumerate(columns):
        made.add_column(escape(name), justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return Group(Text(title, style="bold"), made) if title else made


def slate(answer: Answer, _: Words) -> RenderableType:
    """The list of one person with its reasons."""
    rows = [
        (str(item["position"] + 1), item["title"], f"{item['score']:.2f}", item["reason"]["text"])
        for item in answer["items"]
    ]
    title = _("For {user}").format(user=answer["user"])
    if not rows:
        dropped = ", ".join(f"{name} {n:,}" for name, n in answer["dropped"].items())
        return Text(_("{title}: nothing is left to show (dropped: {dropped}).").format(title=title, dropped=dropped))
    return table(title, ("", _("title"), _("score"), _("because")), rows, right=(0, 2))


def history(answer: Answer, _: Words) -> RenderableType:
    """What the person did, newest first."""
    rows = [(event["title"], ", ".join(event["tags"])) for event in answer["history"]]
    title = _("What {user} liked, newest first").format(user=answer["user"])
    return table(title, (_("title"), _("tags")), rows)


def metrics(answer: Answer, _: Words) -> RenderableType:
    """Models by metric, then the first metric by kind of people and items; the best of each column in bold."""
    parts = [_by_model(_("How good"), answer["metrics"], _)]
    if answer.get("slices"):
        parts.append(_by_model(_("For whom, and on what (N@10)"), answer["slices"], _))
    return Group(*parts, Text(f" {answer['metrics_title']}", style="dim"))


def _by_model(title: str, rows: Sequence[Answer], _: Words) -> RenderableType:
    words = vocabulary(_)
    names = list(rows[0]["metrics"]) if rows else []
    best = {name: max((row["metrics"][name] for row in rows if _known(row, name)), default=nan) for name in names}
    shown = [
        (row["model"], *(_figure(row["metrics"][name] if _known(row, name) else nan, best[name]) for name in names))
        for row in rows
    ]
    heads = (_("model"), *(words.get(name, name) for name in names))
    return table(title, heads, shown, right=range(1, len(names) + 1))


def _known(row: Answer, name: str) -> bool:
    return row["metrics"][name] is not None


def _figure(value: float, best: float) -> Text:
    return Text(number(value), style="bold green" if value == best else "")


def demo(answer: Answer, _: Words) -> RenderableType:
    """The demo's one page: who, the list with reasons, a why-not, the quality, where to go next."""
    return Group(
        Panel(Text(answer["about"]), title=_("Regard demo"), title_align="left", border_style="cyan"),
        _spaced(history(answer, _)),
        _spaced(slate(answer, _)),
        _spaced(_why_not(answer["why_not"], _)),
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
    words = vocabulary(_)
    sources = [
        (
            s["name"],
            words.get(s["kind"], s["kind"]),
            words.get(s["layout"], s["layout"]),
            f"{s['rows']:,}",
            f"{s['quarantined']:,}",
        )
        for s in report["sources"]
    ]
    names = (_("file"), _("holds"), _("layout"), _("rows"), _("quarantined"))
    said = _("{new:,} new events, {known:,} known before; {items:,} new items, {users:,} new people.").format(
        new=report["events_new"], known=report["events_known"], items=report["items_new"], users=report["users_new"]
    )
    return Group(
        table(_("Read"), names, sources, right=(3, 4)),
        _spaced(Text(_("Cleaning report"), style="bold")),
        _spaced(_found(report["findings"], words) if report["findings"] else Text(_("Nothing odd was found."))),
        _spaced(Text(said)),
        *([Text(_(" {n:,} rows left the quarantine.").format(n=report["resolved"]))] if report["resolved"] else []),
        *(
            [Text(_(" Rows in quarantine can be mended: regard quarantine --out bad/"))]
            if report["quarantined"]
            else []
        ),
        *(_spaced(Text(_("Left out: {name} ({why})").format(name=n, why=why))) for n, why in report["left_out"]),
    )


def _found(findings: Sequence[Answer], words: Mapping[str, str]) -> RenderableType:
    """What was found, how often, what was done; the examples below it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in findings:
        said = Text(words.get(finding["what"], finding["what"]), style="bold")
        said.append(f"  {words.get(finding['done'], finding['done'])}", style="not bold")
        grid.add_row(f"{finding['count']:,}", said)
        for example in finding["examples"]:
            grid.add_row("", Text(example, style="dim"))
    return grid


def quarantined(answer: Answer, _: Words) -> RenderableType:
    """What the quarantine holds, and where it was written."""
    if not answer["rows"]:
        return Text(_("The quarantine is empty."))
    rows = [
        (one["source"], one["field"], f"{one['rows']:,}", f"{one['first_row']}: {one['got']}", one["expected"])
        for one in answer["by"]
    ]
    names = (_("file"), _("field"), _("rows"), _("first row"), _("expected"))
    told = [Text(_("Written: {file}").format(file=file)) for file in answer["files"]]
    after = _("Mend the fields in these files, then: regard import FILE") if told else _("To mend them: --out FOLDER")
    return Group(table(_("In quarantine"), names, rows, right=(2,)), *told, _spaced(Text(after)))


def fitted(answer: Answer, _: Words) -> RenderableType:
    """What a fit has made."""
    words, weights = vocabulary(_), answer["weights"]
    segments = list(next(iter(weights.values()), ()))
    rows = [(name, *(number(own[segment]) for segment in segments)) for name, own in weights.items()]
    title = _("Release {name} is live: {events:,} events, {items:,} items").format(
        name=answer["release"], events=answer["events"], items=answer["items"]
    )
    columns = (_("learned weight"), *(words.get(segment, segment) for segment in segments))
    return table(title, columns, rows, right=range(1, len(columns)))


def explained(answer: Answer, _: Words) -> RenderableType:
    """One reason with all its amounts."""
    reason = answer["reason"]
    rows = [(c["title"], f"{c['amount']:+.4f}") for c in reason["evidence"][:12]]
    rest = reason["evidence"][12:]
    if rest:
        said = _("{n} more items of the history").format(n=len(rest))
        rows.append((said, f"{sum(c['amount'] for c in rest):+.4f}"))
    words = vocabulary(_)
    for name, amount in reason["other"].items():
        rows.append((": ".join(words.get(part, part) for part in name.split(": ")), f"{amount:+.4f}"))
    rows.append((_("score"), f"{answer['score']:+.4f}"))
    return Group(
        Text(f"{answer['title']}: {reason['text']}"),
        Text(answer["fell"]),
        _spaced(table(_("What it rests on"), ("", ""), rows, (1,))),
    )


def _why_not(answer: Answer, _: Words) -> Text:
    return Text(_("Why not {title}? {text}").format(title=answer["title"], text=answer["text"]))


def not_shown(answer: Answer, _: Words) -> RenderableType:
    """One why-not, and how far each source was from it."""
    rows = [(name, str(p["rank"] or "-"), str(p["proposed"])) for name, p in answer.get("sources", {}).items()]
    said = _why_not(answer, _)
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
    words = vocabulary(_)
    marks = {True: Text("✓", style="green"), False: Text("✗", style="red")}
    rows = [
        (marks[c["well"]], words.get(c["name"], c["name"]), c["said"], "" if c["well"] else c["fix"]) for c in found
    ]
    return table(_("Regard doctor"), ("", _("check"), _("found"), _("fix")), rows)


def figures(title: str, counts: Answer, _: Words) -> RenderableType:
    """Named numbers, moments as dates, nested ones as rows of their own."""
    words = vocabulary(_)
    rows = [
        (words.get(name, name), _plain(name, value)) for name, value in counts.items() if not isinstance(value, Mapping)
    ]
    for name, inside in counts.items():
        of = words.get(name, name)
        rows += [(f"{of}: {key}", _plain(key, value)) for key, value in getattr(inside, "items", dict)()]
    return table(title, ("", ""), rows, right=(1,))


def _plain(name: str, value: object) -> str:
    if name.endswith("_time") and isinstance(value, float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M")
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
