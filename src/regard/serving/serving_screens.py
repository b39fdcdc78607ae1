"""Screens of the commands that serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from regard.data.translations import Translate
from regard.serving.screens import figures, table


def keys(found: Sequence[Mapping[str, Any]], _: Translate) -> RenderableType:
    """Names, roles, and since when."""
    rows = [(key["name"], key["role"], key["created"][:19], (key["revoked"] or "")[:19]) for key in found]
    return table(_("Keys"), (_("name"), _("role"), _("created"), _("revoked")), rows)


def replayed(answer: Mapping[str, Any], _: Translate) -> RenderableType:
    """How many lists came again as they were, and what became of the others."""
    said = Text(_("{n} the same: items, scores, parts and chances, bit for bit.").format(n=answer["same"]), "green")
    for one in answer["lists"]:
        name, then, again = one["recommendation_id"], ", ".join(one["then"]), ", ".join(one["again"])
        if one["verdict"] == "gone":
            said.append("\n" + _("{name}: what made it is gone: {why}.").format(name=name, why=one["why"]), "yellow")
        if one["verdict"] == "different":
            told = _("{name}: not the same. Then: {then}. Again: {again}.")
            said.append("\n" + told.format(name=name, then=then, again=again), "red")
    return said


def moved(title: str, answer: Mapping[str, Any], _: Translate) -> RenderableType:
    """The rows of each table, and what became of regard.toml."""
    said = {
        "moved": _("regard.toml is with it."),
        "kept": _("This place has its own regard.toml, which stays; that of the export was not read."),
        "none": _("There is no regard.toml with it."),
    }
    return Group(figures(title, answer["tables"], _), Text(said[answer["settings"]]))
