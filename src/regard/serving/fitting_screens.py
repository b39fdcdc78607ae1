"""Fitting screens: figures while something is fitted, and what a search has found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import nan
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from regard.domain.run import Tracker, silent
from regard.measurement.tables import number
from regard.serving.screens import Answer, Words, table
from regard.serving.vocabulary import vocabulary


def told(console: Console, _: Words) -> Tracker:
    """A line on `console`, above its bars, for all that a fit tells; nothing where nobody looks."""
    if not console.is_terminal:
        return silent
    words = vocabulary(_)

    def tell(step: str, figures: Mapping[str, float]) -> None:
        said = re.sub(r"\b[a-z]+\b", lambda found: words.get(found[0], found[0]), step)
        shown = ", ".join(f"{words.get(name, name)} {number(value)}" for name, value in figures.items())
        console.print(Text(f"{said}: {shown}", style="dim"))

    return tell


def searched(answer: Answer, _: Words) -> RenderableType:
    """The front of a search, for a person to choose from."""
    words = vocabulary(_)
    fields = list(answer["space"])
    counts = {state: sum(t["state"] == state for t in answer["trials"]) for state in ("done", "pruned", "failed")}
    said = ", ".join(f"{words[state]} {n}" for state, n in counts.items() if n)
    title = _("Search of {source}: {n} trials ({said}); to choose from:").format(
        source=answer["source"], n=len(answer["trials"]), said=said
    )
    variety = words.get(answer["variety"], answer["variety"])
    names = (words["trial"], *fields, f"N@{answer['k']}", _("95% interval"), variety, _("ms a list"))
    by_number = {trial["number"]: trial for trial in answer["trials"]}
    rows = [_searched(by_number[number], fields) for number in answer["front"]]
    below = [
        Text(_("On {split}; every figure is of the validation part.").format(split=answer["split"]), style="dim"),
        Text(_("ms a list: measured on this machine just now, not a promise."), style="dim"),
        Text(
            _("Nothing is chosen for you: write the values you like into [sources.{source}] of regard.toml.").format(
                source=answer["source"]
            )
        ),
    ]
    written = [Text(_("Written: {file}").format(file=file)) for file in answer["written"]]
    return Group(table(title, names, rows, right=range(len(names))), *below, *written)


def _searched(trial: Mapping[str, Any], fields: list[str]) -> tuple[str, ...]:
    values = (trial["values"][field] for field in fields)
    shown = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)
    figures = {name: nan if trial[name] is None else trial[name] for name in ("accuracy", "low", "high", "variety")}
    sure = f"{number(figures['low'])}–{number(figures['high'])}"
    shown_figures = (number(figures["accuracy"]), sure, number(figures["variety"]), f"{trial['latency']:.3g}")
    return (str(trial["number"]), *shown, *shown_figures)
