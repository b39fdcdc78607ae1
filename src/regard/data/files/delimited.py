"""Delimited text in batches: fast where lines are regular, careful where they are not; no line is lost."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from regard.data.files.opening import LIMITS, BadLine, Block, Limits, read_blocks
from regard.domain.errors import InvalidInput

UNIT = "\x1f"  # stands for separators of two characters
SPAN = 100  # lines that one quoted field may cross before we say that its quote was never closed
ROW = "_row"  # the line of each row


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one source as text columns (null: empty) with their lines in `_row`, and lines that are no rows."""

    frame: pl.DataFrame
    bad: tuple[BadLine, ...] = ()
    share: float = 0.0  # of the file read so far

    def __len__(self) -> int:
        return len(self.frame) + len(self.bad)


@dataclass(frozen=True, slots=True)
class Delimited:
    """How lines become columns: separator, column names, whether the first line is a header, whether quotes count."""

    separator: str
    names: tuple[str, ...]
    header: bool
    quoted: bool = True

    def read(self, path: Path, limits: Limits = LIMITS) -> Iterator[Batch]:
        """The file in batches."""
        csv.field_size_limit(limits.line)
        pending, header = b"", self.header
        for block, last in _with_last(read_blocks(path, limits)):
            text, start = pending + block.text, block.line - pending.count(b"\n")
            if header:
                text, start, header = *_after_header(text, start), False
            batch, pending = self._batch(text, start, last)
            yield Batch(batch.frame, block.bad + batch.bad, block.share)

    def _batch(self, text: bytes, start: int, last: bool) -> tuple[Batch, bytes]:
        separator = self.separator
        if len(separator) > 1:
            text, separator = text.replace(separator.encode(), UNIT.encode()), UNIT
        if self._regular(text, separator):
            return self._fast(text, separator, start), b""
        return self._careful(text.decode(), separator, start, last)

    def _regular(self, text: bytes, separator: str) -> bool:
        if (self.quoted and b'"' in text) or not text:
            return False
        letters = np.frombuffer(text, np.uint8)
        starts = np.r_[0, np.flatnonzero(letters == ord("\n"))[:-1] + 1]
        marks = np.add.reduceat((letters == ord(separator)).view(np.uint8), starts, dtype=np.int32)
        return len(self.names) > 1 and bool((marks == len(self.names) - 1).all())

    def _fast(self, text: bytes, separator: str, start: int) -> Batch:
        frame = pl.read_csv(
            BytesIO(text),
            has_header=False,
            separator=separator,
            quote_char=None,
            infer_schema=False,
            new_columns=list(self.names),
        )
        return Batch(frame.with_columns(pl.int_range(start, start + pl.len(), dtype=pl.Int64).alias(ROW)))

    def _careful(self, text: str, separator: str, start: int, last: bool) -> tuple[Batch, bytes]:
        lines = text.split("\n")[:-1]
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        bad: list[BadLine] = []
        place = 0
        while place < len(lines):
            if not lines[place].strip():
                place += 1
                continue
            fields, size = self._record(lines, place, separator)
            if fields is None and not last and place + SPAN > len(lines):
                break  # the record may go on in the next block
            if fields is not None and len(fields) == len(self.names):
                rows.append([field or None for field in fields])
                numbers.append(start + place)
            else:
                bad.append(self._bad(lines[place], fields, start + place))
                size = 1
            place += size
        frame = pl.DataFrame(rows, schema=dict.fromkeys(self.names, pl.String), orient="row")
        frame = frame.with_columns(pl.Series(ROW, numbers, pl.Int64))
        return Batch(frame, tuple(bad)), "".join(line + "\n" for line in lines[place:]).encode()

    def _record(self, lines: list[str], place: int, separator: str) -> tuple[list[str] | None, int]:
        """The fields of the record that begins at `place` and its size in lines; None: its quote is never closed."""
        line = lines[place]
        if not self.quoted:
            return line.split(separator), 1
        if '"' not in line or not _opens(line, separator):
            return next(csv.reader([line], delimiter=separator)), 1
        for size in range(2, min(SPAN, len(lines) - place) + 1):
            if '"' in lines[place + size - 1]:
                fields = _strict("\n".join(lines[place : place + size]), separator)
                if fields is not None:
                    return fields, size
        return None, 1

    def _bad(self, line: str, fields: list[str] | None, row: int) -> BadLine:
        expected = f"{len(self.names)} fields"
        if fields is None:
            return BadLine(row, "a closing quote", "a quote that is never closed", line[:1000])
        return BadLine(row, expected, f"{len(fields)} fields", line.replace(UNIT, "::")[:1000])


def _with_last(blocks: Iterator[Block]) -> Iterator[tuple[Block, bool]]:
    """Each block, and whether it is the last one."""
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        yield block, following is None
        block = following


def _after_header(text: bytes, start: int) -> tuple[bytes, int]:
    blank = len(text) - len(text.lstrip(b"\n"))
    return text[blank:].partition(b"\n")[2], start + blank + 1


def _opens(line: str, separator: str) -> bool:
    """Whether the line ends inside a quoted field: then an appended field is swallowed by it."""
    mark = "\x1e"
    fields: list[str] = next(csv.reader([line + separator + mark], delimiter=separator))
    return fields[-1] != mark


def _strict(record: str, separator: str) -> list[str] | None:
    """The fields of a record of several lines, or None where its quotes do not fit to the letter."""
    try:
        return next(csv.reader([record], delimiter=separator, strict=True))
    except csv.Error:
        return None


def read_header(path: Path, lines: int = 3, limits: Limits = LIMITS) -> list[str]:
    """The first non-blank lines of a text file, to recognise its layout; InvalidInput if there is none."""
    block = next(read_blocks(path, Limits(limits.line, limits.ratio, limits.unjudged, limits.total, 1 << 16)), None)
    found = [] if block is None else [line for line in block.text.decode().split("\n") if line.strip()][:lines]
    if not found:
        raise InvalidInput(str(path), "rows", "an empty file" if block is None else "only blank lines")
    return found
