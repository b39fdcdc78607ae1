"""What an import found and did: counts, examples, and the proof that no row was lost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regard.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that was found: how often, what was done, and up to five examples."""

    what: str
    count: int
    done: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One file: its layout, its rows, and how many of them were refused."""

    name: str
    kind: str
    layout: str
    rows: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The cleaning report. Event rows read = new + already known + quarantined; nothing is dropped silently."""

    sources: tuple[SourceReport, ...]
    events_new: int
    events_known: int
    items_new: int
    users_new: int
    resolved: int  # rows that left the quarantine
    findings: tuple[Finding, ...]
    left_out: tuple[tuple[str, str], ...] = ()  # files of a folder that were not read, and why

    def __post_init__(self) -> None:
        if self.events_read != self.events_new + self.events_known + self.events_quarantined:
            got = f"{self.events_new} new, {self.events_known} known, {self.events_quarantined} quarantined"
            raise InvalidInput("ImportReport", f"{self.events_read} events accounted for", got, "Please report this.")

    @property
    def events_read(self) -> int:
        """Event rows in all files."""
        return sum(source.rows for source in self.sources if source.kind == "events")

    @property
    def events_quarantined(self) -> int:
        """Event rows that were refused."""
        return sum(source.quarantined for source in self.sources if source.kind == "events")

    @property
    def quarantined(self) -> int:
        """Rows of all kinds that were refused."""
        return sum(source.quarantined for source in self.sources)

    @property
    def rows_read(self) -> int:
        """Rows in all files."""
        return sum(source.rows for source in self.sources)

    def rows(self) -> list[tuple[str, int, str, str]]:
        """The findings for a table: what, how often, what was done, examples."""
        return [(f.what, f.count, f.done, "; ".join(f.examples)) for f in self.findings]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        said: dict[str, Any] = dataclasses.asdict(self)
        totals = ("rows_read", "events_read", "events_quarantined", "quarantined")
        plain: dict[str, Any] = json.loads(json.dumps({name: getattr(self, name) for name in totals} | said))
        return plain

    def finding(self, what: str) -> Finding | None:
        """The finding of that name, or None."""
        return next((finding for finding in self.findings if finding.what == what), None)


def shorten(examples: Sequence[object]) -> tuple[str, ...]:
    """At most five examples, each at most 200 characters."""
    return tuple(text if len(text) <= 200 else text[:199] + "…" for text in map(str, examples[:5]))
