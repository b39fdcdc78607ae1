"""Taking in: what the words of `regard import` and `regard quarantine` ask of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regard.data.files.source import Mapped
from regard.data.importing import ImportOptions
from regard.data.postgres import Store
from regard.data.quarantine import export_quarantine, summarise
from regard.domain.errors import InvalidInput


def options(columns: Sequence[str], event: str, time_form: str, precedence: Sequence[str]) -> ImportOptions:
    """Words such as `user=CustomerID` and `items.csv=2` as options; InvalidInput names the word that says nothing.

    >>> options(["user=Who", "item=What"], "buy", "", ["items.csv=2"]).precedence
    {'items.csv': 2}
    """
    named = _pairs("--map", "FIELD=COLUMN, for example user=CustomerID", columns)
    if not named and (event or time_form):
        raise InvalidInput("--type, --time-form", "columns named by --map", "none")
    ranks = _pairs("--precedence", "FILE=NUMBER, for example items.csv=2", precedence)
    for name, rank in ranks.items():
        if not rank.removeprefix("-").isdecimal() or len(rank) > 9:
            raise InvalidInput("--precedence", "FILE=NUMBER, a whole number", f"{name}={rank}")
    mapped = Mapped(named, event, time_form or None) if named else None
    return ImportOptions({name: int(rank) for name, rank in ranks.items()}, mapped)


def _pairs(where: str, expected: str, words: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value or name in pairs:
            raise InvalidInput(where, expected + ", each once", repr(word))
        pairs[name] = value
    return pairs


def refused(store: Store, out: Path | None) -> dict[str, Any]:
    """What the quarantine holds, by file and field; with `out`, written there to be mended."""
    found = summarise(store)
    files = export_quarantine(store, out) if out else []
    return {"rows": sum(one["rows"] for one in found), "by": found, "files": [str(file) for file in files]}
