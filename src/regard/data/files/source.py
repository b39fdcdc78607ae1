"""Source: one file of a known layout, with how to read it and how its columns become our fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import polars as pl

from regard.data.files.delimited import Batch
from regard.data.files.naming import LISTS, Kind
from regard.data.files.opening import LIMITS, Limits
from regard.data.files.rules import NUMBER, Rule

Shape: TypeAlias = Callable[[pl.DataFrame], pl.DataFrame]


class Form(Protocol):
    """How the bytes of a file become batches of columns."""

    def read(self, path: Path, limits: Limits = ...) -> Iterator[Batch]:
        """The file in batches."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """`fields` maps columns to our fields; other columns become attributes (or context).

    `shape` mends a batch after renaming (titles with years, genre flags). `multi` separates multi-values, in the
    columns `lists` (None: wherever it occurs). `type` is the type of events that name none.
    """

    path: Path
    kind: Kind
    layout: str
    form: Form
    fields: Mapping[str, str]
    shape: Shape | None = None
    multi: str | None = None
    lists: tuple[str, ...] | None = ()
    texts: tuple[str, ...] = ()  # attributes that stay text though they look like numbers
    type: str = "view"
    value: Rule = NUMBER
    time_form: str | None = None
    precedence: int = 0

    @property
    def name(self) -> str:
        """What reports and provenance call this file: its folder and name."""
        return f"{self.path.absolute().parent.name}/{self.path.name}"

    def batches(self, limits: Limits = LIMITS) -> Iterator[Batch]:
        """The rows under our field names."""
        for batch in self.form.read(self.path, limits):
            frame = batch.frame.rename(dict(self.fields), strict=False)
            if self.multi not in (None, "|"):
                joined = [name for name in self.lists or () if name in LISTS and name in frame.columns]
                frame = frame.with_columns(pl.col(joined).str.replace_all(self.multi, "|", literal=True))
            yield Batch(self.shape(frame) if self.shape and len(frame) else frame, batch.bad, batch.share)


@dataclass(frozen=True, slots=True)
class Mapped:
    """How a table of unknown column names is to be read: our field -> its column (`user` and `item` for events).

    `type`: what such an event is called; `time_form`: how times are written (strptime), where they are neither
    numbers nor ISO 8601. Example:
    `Mapped({"user": "CustomerID", "item": "StockCode", "time": "InvoiceDate"}, "buy", "%m/%d/%y %H:%M")`.
    """

    columns: Mapping[str, str]
    type: str = ""
    time_form: str | None = None
