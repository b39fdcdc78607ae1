"""Screens of the commands that serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from regard.data.translations import Translate
from regard.serving.screens import table


def keys(found: Sequence[Mapping[str, Any]], _: Translate) -> RenderableType:
    """Names, roles, and since when."""
    rows = [(key["name"], key["role"], key["created"][:19], (key["revoked"] or "")[:19]) for key in found]
    return table(_("Keys"), (_("name"), _("role"), _("created"), _("revoked")), rows)


def replayed(answer: Mapping[str, Any], _: Translate) -> RenderableType:
    """Whether a list came again as it was."""
    if answer["same"]:
        said = _("The same {n} items with the same scores, parts and chances, bit for bit.")
        return Text(said.format(n=len(answer["then"])), style="green")
    said = _("Not the same. Then: {then}. Again: {again}.")
    if answer["items_changed_since"]:
        said += " " + _("Items have changed since.")
    return Text(said.format(then=", ".join(answer["then"]), again=", ".join(answer["again"])), style="red")
