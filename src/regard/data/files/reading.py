"""JSONL and Parquet in batches of text columns, as `delimited` gives them for delimited text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from regard.data.files.delimited import ROW, Batch
from regard.data.files.opening import LIMITS, BadLine, Limits, read_blocks
from regard.domain.errors import InvalidInput

EXTRA = "_extra"  # all fields that have no column of their own, as one JSON object
ROWS = 100_000  # of Parquet at once


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object a line. `plain` fields hold one text, number or flag; `nested` ones may hold more."""

    plain: tuple[str, ...]
    nested: tuple[str, ...] = ()

    def read(self, path: Path, limits: Limits = LIMITS) -> Iterator[Batch]:
        """The file in batches: one text column a field; other fields together in `_extra`."""
        names = (*self.plain, *self.nested, EXTRA, ROW)
        types = {name: pl.Int64 if name == ROW else pl.String for name in names}
        for block in read_blocks(path, limits):
            rows: list[list[Any]] = []
            bad = list(block.bad)
            for place, line in enumerate(block.text.decode().split("\n"), block.line):
                if not line or line.isspace():
                    continue
                row = self._row(line, place)
                bad.append(row) if isinstance(row, BadLine) else rows.append([*row, place])
            yield Batch(pl.DataFrame(rows, schema=types, orient="row"), tuple(bad), block.share)

    def _row(self, line: str, place: int) -> list[str | None] | BadLine:
        try:
            entry = json.loads(
                line, parse_float=_finite, parse_constant=str
            )  # NaN stays a word, for the rules to refuse
        except (ValueError, RecursionError) as error:
            return BadLine(place, "a JSON object", str(error)[:200], line[:1000])
        if not isinstance(entry, dict):
            return BadLine(place, "a JSON object", type(entry).__name__, line[:1000])
        cells: list[str | None] = []
        for name in self.plain:
            value = entry.pop(name, None)
            if isinstance(value, list | dict):
                return BadLine(place, f"one text or number in {name!r}", type(value).__name__, line[:1000])
            cells.append(as_text(value))
        cells += [as_text(entry.pop(name, None)) for name in self.nested]
        cells.append(as_text({name: value for name, value in entry.items() if value is not None} or None))
        if "\\u" in line and any(not _can_be_kept(cell) for cell in cells if cell):
            return BadLine(place, "text without NUL and lone surrogates", "such a character", line[:1000])
        return cells


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _can_be_kept(text: str) -> bool:
    """PostgreSQL keeps neither NUL nor halves of surrogate pairs."""
    return "\0" not in text and "\\u0000" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def as_text(value: Any) -> str | None:
    """One JSON value as the text that the rules read: null and "" are missing, lists and objects stay JSON."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, list | dict):
        return None if value is None else json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else repr(value)


@dataclass(frozen=True, slots=True)
class Parquet:
    """A Parquet file; `plain` columns become text, others keep their type."""

    plain: tuple[str, ...]

    def read(self, path: Path, limits: Limits = LIMITS) -> Iterator[Batch]:
        """The file in batches; rows are counted from 1."""
        start = 1
        try:
            with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
                for part in file.iter_batches(ROWS):
                    frame = pl.DataFrame(pl.from_arrow(pa.table(part)))
                    texts = [_text_column(frame[name]) for name in self.plain]
                    rows = pl.int_range(start, start + len(frame), dtype=pl.Int64, eager=True).alias(ROW)
                    start += len(frame)
                    yield Batch(frame.with_columns(*texts, rows), (), start / max(1, file.metadata.num_rows))
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput(str(path), "a sound Parquet file", str(error)[:200], "Fetch the file again.") from error


def _text_column(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if kind.is_temporal():
        column = column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    elif kind.is_float() and (column.drop_nulls().drop_nans() % 1 == 0).all():
        whole = column.cast(pl.Int64, strict=False)  # pandas makes floats of integers where some are missing
        column = whole if whole.null_count() == column.null_count() + int(column.is_nan().sum()) else column
    elif kind.is_nested():
        return pl.Series(column.name, [as_text(value) for value in column.to_list()], pl.String)
    return column.cast(pl.String).replace("", None)


def parquet_names(path: Path) -> tuple[str, ...]:
    """The column names of a Parquet file; InvalidInput if it is none."""
    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(str(path), "a sound Parquet file", str(error)[:200], "Fetch the file again.") from error
