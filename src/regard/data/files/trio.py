"""The classic trio: user_data.csv, content_data.csv and labels.csv, whose rows belong together by their place."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from regard.data.files.delimited import ROW, Batch, Delimited, read_header
from regard.data.files.naming import fields_of
from regard.data.files.opening import LIMITS, Limits
from regard.data.files.rules import FLAG, Rule
from regard.data.files.source import Source
from regard.domain.errors import InvalidInput

NAMES = ("user_data", "content_data", "labels")
LABEL = Rule("a label 0 or 1", lambda text: FLAG.one(text), lambda column: FLAG.column(column).cast(pl.Float64))
_NUMBER = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?$", re.I)


def stem(path: Path) -> str:
    """The name without suffixes: "labels.csv.gz" -> "labels"."""
    return path.name.split(".")[0].lower()


def is_trio(files: Sequence[Path]) -> bool:
    """Whether all three are among the files."""
    return set(NAMES) <= {stem(file) for file in files}


def sources(files: Sequence[Path]) -> list[Source]:
    """People and items by their features (equal rows are one), and a like or dislike for each label."""
    paths = {stem(file): file for file in files}
    users, items = (_features(paths[name], kind) for name, kind in (("user_data", "u"), ("content_data", "i")))
    form = _Aligned(users, items, _form(paths["labels"], "label"))
    labels = Source(paths["labels"], "events", "trio", form, {}, shape=_liked, value=LABEL)
    return [users, items, labels]


def part(path: Path) -> Source | None:
    """One of the three by itself, to be completed by `sources` once the others are there; None if it is none."""
    if stem(path) not in NAMES or not path.name.endswith((".csv", ".csv.gz")):
        return None
    return Source(path, "users", "trio", _form(path, "feature"), {})


def _liked(frame: pl.DataFrame) -> pl.DataFrame:
    liked = FLAG.column(pl.col("value"))
    return frame.with_columns(type=pl.when(liked).then(pl.lit("like")).otherwise(pl.lit("dislike")))


def _form(path: Path, word: str) -> Delimited:
    line = read_header(path, 1)[0]
    separator = max((",", "\t", ";"), key=line.count)
    fields = [field.strip() for field in next(csv.reader([line], delimiter=separator))]
    header = not all(_NUMBER.match(field) for field in fields if field)
    names = [field or f"{word}_{n}" for n, field in enumerate(fields, 1)] if header else []
    names = names or [f"{word}_{n}" for n in range(1, len(fields) + 1)]
    if len(set(names)) < len(names):
        raise InvalidInput(f"{path}, header", "each column once", ", ".join(names)[:200])
    return Delimited(separator, tuple(names), header)


def _features(path: Path, letter: str) -> Source:
    form = _form(path, "feature")
    known = next((name for name in form.names if name.lower() in ("id", "user_id", "item_id", "content_id")), None)

    def named(frame: pl.DataFrame) -> pl.DataFrame:
        return frame if known else frame.with_columns(id=_hashed(frame, letter))

    kind, fields = ("users" if letter == "u" else "items"), {known: "id"} if known else {}
    return Source(path, kind, "trio", form, fields, shape=named)  # type: ignore[arg-type]


def _hashed(frame: pl.DataFrame, letter: str) -> pl.Series:
    features = frame.select(pl.concat_str(pl.exclude(ROW).fill_null(""), separator="\x1f")).to_series()
    names = {text: f"{letter}-{hashlib.sha256(text.encode()).hexdigest()[:16]}" for text in features.unique()}
    return features.replace_strict(names, return_dtype=pl.String)


@dataclass(frozen=True, slots=True)
class _Aligned:
    """Labels joined with the ids of the people and items that stand in the same row of the other files."""

    users: Source
    items: Source
    labels: Delimited

    def read(self, path: Path, limits: Limits = LIMITS) -> Iterator[Batch]:
        """Batches of user, item, value (the label) and, where there is such a column, time."""
        time = next((name for name, field in fields_of(self.labels.names, "events").items() if field == "time"), None)
        others = [name for name in self.labels.names if name != time] or list(self.labels.names)
        column = "label" if "label" in others else others[-1]
        chosen = {"value": column, **({"time": time} if time and time != column else {})}
        who, n_users = _ids(self.users, "user", limits)
        what, n_items = _ids(self.items, "item", limits)
        n = sum(map(len, self.labels.read(path, limits)))
        if not n == n_users == n_items:
            got = f"{n_users} users, {n_items} items, {n} labels"
            raise InvalidInput(str(path.parent), "three files with equally many rows", got)
        for batch in self.labels.read(path, limits):
            told = [pl.col(name).alias(field) for field, name in chosen.items()]
            rows = batch.frame.select(*told, ROW, place=pl.col(ROW) - self.labels.header)
            joined = rows.join(who, on="place", how="left").join(what, on="place", how="left", maintain_order="left")
            yield Batch(joined.select("user", "item", *chosen, ROW), batch.bad)


def _ids(source: Source, name: str, limits: Limits) -> tuple[pl.DataFrame, int]:
    """Ids by place (1 is the first row after the header), and how many rows there are, bad ones included."""
    header = isinstance(source.form, Delimited) and source.form.header
    found, n = [], 0
    for batch in source.batches(limits):
        n += len(batch)
        if len(batch.frame):
            found.append(batch.frame.select(pl.col("id").alias(name), place=pl.col(ROW) - int(header)))
    empty = pl.DataFrame(schema={name: pl.String, "place": pl.Int64})
    return pl.concat([empty, *found]), n
