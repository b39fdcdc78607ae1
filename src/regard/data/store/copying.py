"""Binary COPY out of PostgreSQL straight into NumPy columns, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from regard.domain.arrays import Array

if TYPE_CHECKING:
    from regard.data.store.database import Connection

HEADER = 19  # bytes: signature, flags, no extension
CHUNK = 65_536  # rows


def copy_columns(connection: Connection, query: str, columns: Mapping[str, str]) -> Iterator[dict[str, Array]]:
    """The rows of `query` as columns in native byte order, at most CHUNK rows at a time.

    `columns` maps each selected column, in order, to its big-endian NumPy type (">i4" int, ">i8" bigint, ">i2"
    smallint, ">f4" real, ">f8" double precision; "(d,)>f4" a vector of width d). No value may be NULL, so that every
    row has the same width.
    """
    row = _row_type(columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)".encode()) as copy:
        waiting: list[bytes] = []
        size, skip = 0, HEADER
        for block in copy:
            data = bytes(block)[skip:] if skip else bytes(block)
            skip = max(0, skip - len(block))
            waiting.append(data)
            size += len(data)
            if size >= row.itemsize * CHUNK:
                yield from _parsed(waiting, row, columns)
                size = len(waiting[0]) if waiting else 0
        yield from _parsed(waiting, row, columns)


def _row_type(columns: Mapping[str, str]) -> np.dtype[np.void]:
    fields: list[tuple[str, str]] = [("_count", ">i2")]
    for name, kind in columns.items():
        fields.append((f"_{name}", ">i4"))  # the value's length
        if kind.startswith("("):
            fields.append((f"_{name}_head", ">i4"))  # pgvector: its width and an unused number
        fields.append((name, kind))
    return np.dtype(fields)


def _parsed(waiting: list[bytes], row: np.dtype[np.void], columns: Mapping[str, str]) -> Iterator[dict[str, Array]]:
    """Whole rows of what waits; the rest (a part of a row, or the two bytes of the end) goes on waiting."""
    data = b"".join(waiting)
    n = len(data) // row.itemsize
    waiting[:] = [data[n * row.itemsize :]]
    if n:
        rows = np.frombuffer(data, row, count=n)
        yield {name: rows[name].astype(rows.dtype[name].base.newbyteorder("=")) for name in columns}
