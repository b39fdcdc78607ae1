"""Screens of the commands on releases and jobs: tables that somebody who fits no models can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from regard.data.translations import Translate
from regard.measurement.tables import number
from regard.serving.screens import table
from regard.serving.vocabulary import vocabulary

MARKS = {"holds": ("✓", "green"), "fails": ("✗", "red"), "unknown": ("?", "yellow"), "abstains": ("–", "yellow")}


def listing(found: Sequence[Mapping[str, Any]], _: Translate) -> RenderableType:
    """A line for each release."""
    words = _words(_)
    rows = [
        (
            one["name"],
            words.get(one["state"], one["state"]) + (f" {one['share']:.0%}" if one["share"] else ""),
            moment(one["since"]),
            moment(one["moment"]),
            "" if one["events"] is None else f"{one['events']:,}",
            "-" if one["accuracy"] is None else number(one["accuracy"]),
            one["approver"] or "",
            one["refusal"],
        )
        for one in found
    ]
    names = (
        _("release"), _("state"), _("since (UTC)"), _("data until (UTC)"), _("events"), "N@10", _("approved by"),
        _("refused for"),
    )  # fmt: skip
    return table(_("Releases"), names, rows, right=(4, 5))


def gate(lines: Sequence[Mapping[str, Any]], _: Translate) -> RenderableType:
    """Named conditions with value, bound and verdict."""
    words, rows = vocabulary(_), []
    for line in lines:
        mark, colour = MARKS[line["verdict"]]
        side = _("at most") if line["side"] == "at most" else _("at least")
        value = "-" if line["value"] is None else number(line["value"])
        rows.append(
            (
                Text(mark, style=colour),
                words.get(line["name"], line["name"]),
                value,
                f"{side} {number(line['bound'])}",
                line["words"],
            )
        )
    return table(_("Gate"), ("", _("condition"), _("value"), _("bound"), _("what it means")), rows, right=(2,))


def shown(found: Mapping[str, Any], _: Translate) -> RenderableType:
    """One release: where it stands, its gate, its steps."""
    words = _words(_)
    state = words.get(found["state"], found["state"])
    told = _("Release {name}: {state}. Data until {moment}, seed {seed}, {files} files").format(
        name=found["name"], state=state, moment=moment(found["moment"]), seed=found["seed"], files=found["files"]
    )
    told += ", " + (_("damaged: {files}").format(files=", ".join(found["damaged"])) if found["damaged"] else _("whole"))
    if found["approver"]:
        said = _("Approved by {who} at {at}.").format(who=found["approver"], at=moment(found["approved"]))
    else:
        said = _("Not approved.")
    steps = [
        (
            moment(step["at"]),
            " → ".join(words.get(s, s) for s in (step["was"], step["state"]) if s),
            step["who"],
            step["why"] + (" " + _("(emergency)") if step["emergency"] else ""),
        )
        for step in found["steps"]
    ]
    sources = ", ".join(f"{name} ({recipe['kind']})" for name, recipe in found["recipes"].items())
    return Group(
        Text(told, style="bold"),
        Text(said),
        Text(_("Sources: {sources}").format(sources=sources)),
        Text(),
        gate(found["gate"], _),
        Text(),
        table(_("Steps"), (_("when (UTC)"), _("step"), _("who"), _("why")), steps),
    )


def difference(found: Mapping[str, Any], _: Translate) -> RenderableType:
    """Two releases beside each other."""
    rows = [
        (f"{source} {field}", str(old), str(new))
        for source, fields in found["recipes"].items()
        for field, (old, new) in fields.items()
    ]
    rows += [(name, str(old), str(new)) for name, (old, new) in found["figures"].items()]
    old, new = found["moment"]
    rows.append((_("data until (UTC)"), moment(old), moment(new)))
    old, new = ("-" if value is None else number(value) for value in found["accuracy"])
    rows.append(("N@10", old, new))
    said = _("{share:.0%} of the ten best items of {people} people are the same.")
    overlap = [] if found["overlap"] is None else [Text(said.format(share=found["overlap"], people=found["people"]))]
    return Group(table(_("What is different"), ("", found["before"], found["after"]), rows), *overlap)


def fitted(row: Mapping[str, Any], _: Translate) -> RenderableType:
    """What became of a fit that did not go live."""
    state = vocabulary(_).get(row["state"], row["state"])
    told = _("Release {name}: {state}. What was live stays live.").format(name=row["name"], state=state)
    return Group(Text(told, style="bold"), gate(row["gate"], _))


def _words(_: Translate) -> Mapping[str, str]:
    return {**vocabulary(_), "live": _("live")}


def moment(at: float | None) -> str:
    """Unix seconds as a date and a time, UTC."""
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def jobs(found: Sequence[Mapping[str, Any]], _: Translate) -> RenderableType:
    """A line for each job."""
    words = vocabulary(_)
    rows = [
        (
            str(one["id"]),
            one["name"],
            words.get(one["state"], one["state"]),
            ", ".join(f"{name} {value}" for name, value in one["asked"].items()),
            "" if one["stage"] is None else f"{one['stage']} {one['share']:.0%}",
            moment(one["at"]),
            one["said"],
        )
        for one in found
    ]
    names = (_("number"), _("job"), _("state"), _("asked"), _("stage"), _("seen (UTC)"), _("what came of it"))
    return table(_("Jobs"), names, rows, right=(0,))
