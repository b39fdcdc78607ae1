"""Rows judged by the rules, vectorised: what fits goes on in our own columns, what does not is kept with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from regard.data.files.delimited import ROW, Batch
from regard.data.files.naming import LISTS, RESERVED, Kind
from regard.data.files.reading import EXTRA
from regard.data.files.rules import AHEAD, FLAG, ID, KEPT, LIST, OBJECT, POSITION, TEXT, Rule, time_rule
from regard.data.files.source import Source

COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "events": ("id", "user", "item", "type", "value", "time", "slate", "position", "context"),
    "items": ("id", "title", "text", "tags", "creator", "images", "audio", "attributes", "valid_from", "valid_until",
              "hidden"),
    "users": ("id", "attributes", "consent"),
}  # fmt: skip
_PLAIN_NUMBER = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?$"  # no leading zeros: those are codes
_CODE = re.compile(r"(?i)(id|zip|code|phone|year)$")


def rules_of(source: Source, now: float) -> dict[str, Rule]:
    """The rule of each field of this source, in the order in which they are checked."""
    rest = {EXTRA: KEPT}
    if source.kind == "events":
        optional = {"id": ID, "slate": ID, "position": POSITION, "context": OBJECT}
        time = time_rule(now + AHEAD, source.time_form)
        return {"user": ID, "item": ID, "type": ID, "value": source.value, "time": time, **optional, **rest}
    if source.kind == "users":
        return {"id": ID, "attributes": OBJECT, "consent": OBJECT, **rest}
    texts = dict.fromkeys(("title", "text", "creator"), TEXT)
    anytime = time_rule(None)
    return {
        "id": ID, **texts, **dict.fromkeys(LISTS, LIST), "attributes": OBJECT,
        "valid_from": anytime, "valid_until": anytime, "hidden": FLAG, **rest,
    }  # fmt: skip


@dataclass(slots=True)
class Cleaner:
    """Cleans the batches of one source and counts what it sees; `now` (unix seconds) judges times."""

    source: Source
    now: float
    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    mixed: Counter[str] = field(default_factory=Counter)
    converted: Counter[str] = field(default_factory=Counter)
    first: dict[str, str | None] = field(default_factory=dict)  # the only value so far of a column; gone: it varies
    types: dict[str, str] = field(default_factory=dict)  # of attribute columns, from the first batch

    def clean(self, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows that fit (columns of their kind, `_row`, `_extra`, `quarantine`), and others (row, field, expected,
        got, raw, quarantine)."""
        self._count(batch.frame)
        self.rows += len(batch)
        frame = self._defaults(batch.frame)
        frame = frame.with_columns(self._packed(frame))
        rules = {name: rule for name, rule in rules_of(self.source, self.now).items() if name in frame.columns}
        needed = {"user", "item", "time"} if self.source.kind == "events" else {"id"}
        judged = frame.select(
            *(rule.column(pl.col(name)).alias(name) for name, rule in rules.items()), ROW, self._reference(frame)
        )
        rated = frame["type"] == "rating" if "type" in frame.columns else False  # a rating without a value says nothing
        wrong = [
            judged[name].is_null() & (frame[name].is_not_null() | (rated if name == "value" else name in needed))
            for name in rules
        ]
        why = frame.select(field=pl.coalesce(pl.when(w).then(pl.lit(n)) for n, w in zip(rules, wrong, strict=True)))[
            "field"
        ]
        good = judged.filter(why.is_null())
        lines = [(one.row, "line", one.expected, one.got, one.raw) for one in batch.bad]
        return self._completed(good), self._refused(frame, why, rules, lines)

    def _defaults(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self.source.kind != "events":
            return frame
        given = pl.col("type") if "type" in frame.columns else pl.lit(None, pl.String)
        value = pl.col("value") if "value" in frame.columns else pl.lit(None, pl.String)
        return frame.with_columns(type=given.fill_null(self.source.type), value=value)

    def _reference(self, frame: pl.DataFrame) -> pl.Expr:
        there = "quarantine" in frame.columns
        return (pl.col("quarantine").cast(pl.Int64, strict=False) if there else pl.lit(None, pl.Int64)).alias(
            "quarantine"
        )

    def _completed(self, good: pl.DataFrame) -> pl.DataFrame:
        columns = COLUMNS[self.source.kind]
        good = good.with_columns(pl.lit(None).alias(name) for name in columns if name not in good.columns)
        if self.source.kind == "events":
            good = good.with_columns(
                pl.col("value").cast(pl.Float32).fill_null(1.0), pl.col("time").cast(pl.Float64).fill_null(0.0)
            )
        return good.select(ROW, *columns, EXTRA, "quarantine")

    def _refused(
        self,
        frame: pl.DataFrame,
        why: pl.Series,
        rules: Mapping[str, Rule],
        lines: list[tuple[int, str, str, str, str]],
    ) -> pl.DataFrame:
        expected = {name: rule.expected for name, rule in rules.items()} | {"line": ""}
        texts = [name for name in frame.columns if name not in (ROW, *RESERVED)]
        said = frame.with_columns(field=why).filter(why.is_not_null())
        got = pl.coalesce(pl.when(pl.col("field") == name).then(pl.col(name)) for name in rules)
        bad = said.select(
            pl.col(ROW).alias("row"),
            "field",
            pl.col("field").replace_strict(expected, return_dtype=pl.String).alias("expected"),
            pl.concat_str(pl.lit("'"), got.str.slice(0, 200), pl.lit("'")).fill_null("nothing").alias("got"),
            pl.struct(texts).struct.json_encode().alias("raw"),
            self._reference(said),
        )
        names = ("row", "field", "expected", "got", "raw")
        broken = pl.DataFrame(lines, schema=dict(zip(names, (pl.Int64, *4 * (pl.String,)), strict=True)), orient="row")
        line = pl.struct(line=pl.col("raw")).struct.json_encode().alias("raw")
        return pl.concat([bad, broken.with_columns(line, quarantine=pl.lit(None, pl.Int64))])

    # Columns without a field of their own ------------------------------------------------------------------

    def _packed(self, frame: pl.DataFrame) -> pl.Series:
        """All other columns as one JSON object a row."""
        if EXTRA in frame.columns:
            return frame[EXTRA]
        known = {*COLUMNS[self.source.kind], ROW, *RESERVED}
        others = [name for name in frame.columns if name not in known]
        if not others or not len(frame):
            return pl.Series(EXTRA, [None] * len(frame), pl.String)
        packed = frame.select(pl.struct([self._typed(frame[name]) for name in others]).struct.json_encode())
        return packed.to_series().alias(EXTRA)

    def _typed(self, column: pl.Series) -> pl.Series:
        if column.dtype != pl.String:
            return column
        kind = self.types.setdefault(column.name, self._type(column))
        if kind == "list":
            return column.str.split(self.source.multi or "|")
        if kind == "text":
            return column
        fits = column.str.contains(_PLAIN_NUMBER) if kind == "number" else column.is_in(["true", "false"])
        strays = int((~fits).sum())
        if strays:  # of another type than in the first rows: this batch keeps its texts
            self.mixed[column.name] += strays
            return column
        return column.cast(pl.Float64) if kind == "number" else column == "true"

    def _type(self, column: pl.Series) -> str:
        source, name, held = self.source, column.name, column.drop_nulls()
        if source.multi and source.lists is None and held.str.contains(source.multi, literal=True).any():
            return "list"
        if name in (source.lists or ()):
            return "list"
        if name in source.texts or (_CODE.search(name) and name != "year") or not len(held):
            return "text"
        if held.str.contains(_PLAIN_NUMBER).all():
            return "number"
        return "flag" if held.is_in(["true", "false"]).all() else "text"

    # What the report tells ---------------------------------------------------------------------------------

    def _count(self, frame: pl.DataFrame) -> None:
        for name in frame.columns:
            if name in (ROW, EXTRA, *RESERVED) or not len(frame):
                continue
            column = frame[name]
            nulls = column.null_count()
            if nulls:
                self.missing[name] += nulls
            if self.rows == 0:
                self.first[name] = column[0]
            if name in self.first and not nulls and column.dtype == pl.String and (column == self.first[name]).all():
                continue
            self.first.pop(name, None)
        if self.source.kind == "events" and "time" in frame.columns:
            text = frame["time"]
            self.converted["ISO 8601 times"] += int(text.str.contains(r"^\d{4}-").sum())
            self.converted["times in milliseconds or finer"] += int(text.str.contains(r"^\d{12,}").sum())

    @property
    def constant(self) -> dict[str, str | None]:
        """Columns that held one value in all of at least two rows."""
        return self.first if self.rows > 1 else {}
