"""The store as of a moment becomes a Dataset: streamed into NumPy and Arrow, into a folder where it is large."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regard.data.attributes import columns_of
from regard.data.catalogue import FORGOTTEN
from regard.data.snapshot_folder import EVENT_TYPES, allocate, load_snapshot, new_folder, save_tables
from regard.data.store.copying import copy_columns
from regard.domain.arrays import Vectors
from regard.domain.dataset import Dataset
from regard.domain.events import Events
from regard.domain.index import Index
from regard.domain.weights import EventWeight, weigh

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

AT_ONCE = 5_000  # people or items read in one go
WANTED = {"user": ">i4", "item": ">i4", "time": ">f8", "type": ">i2", "value": ">f4", "position": ">i4", "seq": ">i8"}
COLUMNS = "user_row, item_row, time, type, value, coalesce(position, -1), seq"
ITEM_FIELDS = ("title", "text", "creator", "tags", "images", "audio", "valid_from", "valid_until", "hidden")
LAST = """SELECT coalesce(max(row) + 1, 0) FROM (SELECT row FROM items WHERE created <= {n:d}
    UNION ALL SELECT row FROM gone_items WHERE created <= {n:d}) x"""
TEXTS = pa.list_(pa.string())
ITEM_TYPES = (pa.string(), pa.string(), pa.string(), TEXTS, TEXTS, TEXTS, pa.float64(), pa.float64(), pa.bool_())


def snapshot(
    store: Store, folder: Path | None = None, at: float | None = None, weights: Sequence[EventWeight] | None = None,
    items_at: int | None = None,
) -> Dataset:  # fmt: skip
    """All people and items, and the events until `at` (unix seconds; default: all), as one consistent Dataset.

    Rows are those of the store. Forgotten people leave a row without events. `weights` default to the store's table.
    With `folder` (new or empty) the events are written there as they come, never held in memory, and mapped from it;
    `load_snapshot(folder)` opens it again. `items_at`: the items as they stood at the change of that number.
    """
    table = store.event_weights() if weights is None else tuple(weights)
    with store.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL work_mem = '64MB'")  # for the one sort
        users, user_attributes = _users(connection)
        items, item_attributes = _items(connection, items_at)
        events = _events(connection, _Moment(at, table, len(users)), folder)
        vectors = _vectors(connection, len(items))
    newest = float(events.time.max()) if len(events) else 0.0
    moment = newest if at is None else at
    data = Dataset(users, items, events, user_attributes, item_attributes, vectors, moment)
    if folder is None:
        return data
    save_tables(data, folder)
    return load_snapshot(folder)


@dataclass(frozen=True, slots=True)
class _Moment:
    """Which events, and what they weigh."""

    at: float | None
    weights: Sequence[EventWeight]
    n_users: int

    @property
    def where(self) -> str:
        return "true" if self.at is None else f"time <= {float(self.at)!r}::float8"


def _events(connection: Connection, moment: _Moment, folder: Path | None) -> Events:
    """Sorted by the server (its sort spills to disk), counted first, then streamed into their final arrays."""
    types = tuple(name for (name,) in connection.execute("SELECT name FROM event_types ORDER BY code"))
    count = "SELECT count(*), count(position), count(slate), count(context) FROM events WHERE "
    n, placed, slated, told = _one(connection, count + moment.where)
    names = [*EVENT_TYPES, *(["position"] if placed else []), *(["slate"] if slated else [])]
    if folder is not None:
        new_folder(folder)
    arrays = {name: allocate(name, n, folder) for name in names}
    seq = np.empty(n if slated or told else 0, np.int64)
    done = 0
    query = f"SELECT {COLUMNS} FROM events WHERE {moment.where} ORDER BY user_row, time, seq"  # noqa: S608
    for chunk in copy_columns(connection, query, WANTED):
        here = slice(done, done := done + len(chunk["seq"]))
        chunk["weight"] = weigh(types, chunk["type"], chunk["value"], moment.weights)
        for name in chunk.keys() & arrays.keys():
            arrays[name][here] = chunk[name]
        if len(seq):
            seq[here] = chunk["seq"]
    slates: list[str] = []
    if slated:
        arrays["slate"][:], slates = _coded(connection, "slate", moment, seq)
    context = _context(*_coded(connection, "context", moment, seq)) if told else None
    counts = np.bincount(arrays["user"], minlength=moment.n_users)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Events(**arrays, offsets=offsets, types=types, context=context, slates=tuple(slates))


def _coded(
    connection: Connection, column: str, moment: _Moment, seq: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[str]]:
    """What few events carry: codes (n,) into the distinct texts, -1 where there is none; `seq` (n,) places them."""
    query = f"SELECT seq, {column}::text FROM events WHERE {column} IS NOT NULL AND {moment.where} ORDER BY seq"  # noqa: S608
    order = np.argsort(seq)
    codes = np.full(len(seq), -1, np.int64)
    known: dict[str, int] = {}
    stream = _stream(connection, query)
    while rows := list(islice(stream, AT_ONCE)):
        places = order[np.searchsorted(seq, [row[0] for row in rows], sorter=order)]
        codes[places] = [known.setdefault(row[1], len(known)) for row in rows]
    return codes, list(known)


def _context(codes: NDArray[np.int64], texts: list[str]) -> pa.Table:
    """Typed context columns of n events, null where nothing is said."""
    distinct = pa.table(columns_of(((row, json.loads(text)) for row, text in enumerate(texts)), len(texts)))
    return distinct.take(pa.array(codes, mask=codes < 0))


def _users(connection: Connection) -> tuple[Index, pa.Table]:
    n = _one(connection, "SELECT next FROM next_rows WHERE kind = 'user'")[0]
    ids = [FORGOTTEN.format(row) for row in range(n)]
    attributes = []
    for row, name, said in _stream(connection, "SELECT row, id, attributes FROM users ORDER BY row"):
        ids[row] = name
        if said:
            attributes.append((row, said))
    return Index("user", ids), pa.table(columns_of(attributes, n))


def items_as_of(n: int | None) -> str:
    """Where items are read from: as they stand, or as they stood at change `n`; without those deleted since."""
    if n is None:
        return "items"
    columns = f"row, id, attributes, changed, {', '.join(ITEM_FIELDS)}"
    return (
        f"(SELECT {columns} FROM items WHERE created <= {n:d} AND changed <= {n:d} UNION ALL "  # noqa: S608
        f"SELECT {columns} FROM item_versions WHERE changed <= {n:d} AND until > {n:d}) items"
    )


def _items(connection: Connection, at: int | None) -> tuple[Index, pa.Table]:
    n = _one(connection, "SELECT next FROM next_rows WHERE kind = 'item'" if at is None else LAST.format(n=at))[0]
    gone: tuple[Any, ...] = ("", "", "", [], [], [], None, None, True)  # what stands for a deleted item
    columns: list[list[Any]] = [[value] * n for value in gone]
    ids = [FORGOTTEN.format(row) for row in range(n)]
    attributes = []
    for row, name, said, *fields in _stream(
        connection,
        f"SELECT row, id, attributes, {', '.join(ITEM_FIELDS)} FROM {items_as_of(at)} ORDER BY row",  # noqa: S608
    ):
        ids[row] = name
        if said:
            attributes.append((row, said))
        for column, value in zip(columns, fields, strict=True):
            column[row] = value
    ready = {name: pa.array(column, kind) for name, kind, column in zip(ITEM_FIELDS, ITEM_TYPES, columns, strict=True)}
    return Index("item", ids), pa.table({**columns_of(attributes, n), **ready})


def _vectors(connection: Connection, n_items: int) -> dict[str, Vectors]:
    found: dict[str, Vectors] = {}
    widths = connection.execute("SELECT encoder, max(vector_dims(vector)) FROM item_vectors GROUP BY encoder")
    for encoder, width in widths.fetchall():
        vectors = np.zeros((n_items, width), np.float32)
        name = "'" + encoder.replace("'", "''") + "'"
        query = f"SELECT item_row, vector FROM item_vectors WHERE encoder = {name} AND vector_dims(vector) = {width}"  # noqa: S608
        for chunk in copy_columns(connection, query, {"row": ">i4", "vector": f"({width},)>f4"}):
            there = chunk["row"] < n_items
            vectors[chunk["row"][there]] = chunk["vector"][there]
        found[encoder] = vectors
    return found


def _stream(connection: Connection, query: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="snapshot") as cursor:
        cursor.itersize = AT_ONCE
        yield from cursor.execute(query.encode())


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    found = connection.execute(query.encode()).fetchone()
    return found or ()
