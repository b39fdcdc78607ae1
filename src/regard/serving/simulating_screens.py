"""Simulating screens: what the loops did, for people at a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from regard.measurement.tables import number
from regard.serving.screens import Answer, Words, table
from regard.serving.vocabulary import vocabulary

SHOWN = 6  # rounds of a table at a terminal, evenly spread; the files hold all


def simulated(answer: Answer, _: Words) -> RenderableType:
    """The verdicts, and some rounds of each loop."""
    words = vocabulary(_)
    names = (
        _("loop"),
        _("clicks, greedy = 100%"),
        _("satisfaction"),
        _("variety lost"),
        _("coverage lost, points"),
        _("alarms in rounds"),
    )
    rows = [
        (
            words.get(one["loop"], one["loop"]),
            f"{one['clicks']:.1%}",
            f"{one['satisfaction']:.1%}",
            f"{one['variety_lost']:.1%}",
            f"{one['coverage_lost']:.1f}",
            ", ".join(map(str, one["alarms"])) or "-",
        )
        for one in answer["verdicts"]
    ]
    planted = _("In the last loop an amplifier of popularity was planted in round {n}.").format(n=answer["planted"])
    written = [Text(_("Written: {file}").format(file=file)) for file in answer["written"]]
    by_round = [_rounds(words.get(name, name), rounds, _) for name, rounds in answer["rounds"].items()]
    verdicts = table(_("What became of the lists"), names, rows, right=range(1, 5))
    return Group(verdicts, Text(f" {planted}", style="dim"), *by_round, *written)


def _rounds(name: str, rounds: list[Answer], _: Words) -> RenderableType:
    last = len(rounds) - 1
    chosen = sorted({round(place * last / max(SHOWN - 1, 1)) for place in range(SHOWN)})
    columns = {
        "clicks": _("clicks a list"),
        "satisfaction": _("likes a list"),
        "variety": _("variety"),
        "coverage": _("coverage"),
        "concentration": _("concentration"),
    }
    rows = [(str(rounds[place]["number"]), *(number(rounds[place][key]) for key in columns)) for place in chosen]
    return table(name, (_("round"), *columns.values()), rows, right=range(6))
