"""The one store: people, items and events in PostgreSQL, embedded by default or any server by URL."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.data.attributes import values_of
from regard.data.store import merging
from regard.data.store.appending import append_events
from regard.data.store.database import Connection, Database
from regard.data.store.erasing import erase_item, unlist_everywhere, unlist_item
from regard.domain.arrays import Rows, Vectors, check_shape
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.records import Event, Item, User, Value
from regard.domain.weights import EventWeight

UNLISTING = 3600.0  # seconds that the log of lists may take to let go of an item, whoever asks
MEANWHILE = 600.0  # seconds: longer than any list that is being made when an item is deleted takes to be logged

# PostgreSQL takes no text with a NUL out of JSON: such a row stays.
REFUSED_ABOUT = r"""DELETE FROM quarantine WHERE %s = CASE WHEN raw LIKE '%%\\u0000%%' THEN NULL
    WHEN field LIKE 'events.%%' THEN raw::json ->> 'item' WHEN field LIKE 'items.%%' THEN raw::json ->> 'id' END"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be imported: where it stood and what was wrong."""

    source: str
    row_number: int
    field: str
    expected: str
    got: str
    raw: str


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """A person's events after a sequence number, oldest first: item rows, types, values, unix times, all (h,)."""

    seq: int  # of the last one, or the one asked after
    rows: Rows
    types: tuple[str, ...]
    values: NDArray[np.float64]
    times: NDArray[np.float64]


class Store(Database):
    """What we know, durably. `Store.open(folder_or_url, tenant)`; see `Database` for opening, closing, transactions.

    Everything written is on disk when the method returns. Rows of people and items are integers from 0 that are never
    used again.
    """

    def upsert_items(
        self, items: Sequence[Item], source: str = "", precedence: int = 0, whole: Collection[str] = ()
    ) -> Rows:
        """New or changed items, merged by field. Returns rows (n,).

        Empty fields say nothing (see `hide`), but for those named in `whole`: these are overwritten as the last word
        about an item has them, `attributes` altogether; what a source of higher precedence said stays.
        """
        last = {item.id: item for item in items}.values() if whole else items
        spoken = merging.fold([_item_words(item, whole) for item in last])
        with self.transaction() as connection:
            merging.stage_items(connection)
            _copy(connection, "staged_items", spoken, source, precedence)
            merging.merge_items(connection)
            return _rows_of(connection, "items", [item.id for item in items])

    def upsert_users(
        self, users: Sequence[User], source: str = "", precedence: int = 0, whole: Collection[str] = ()
    ) -> Rows:
        """New or changed people, merged by field; `whole` as for items. Returns their rows, (n,)."""
        last = {user.id: user for user in users}.values() if whole else users
        spoken = merging.fold([_user_words(user, whole) for user in last])
        with self.transaction() as connection:
            merging.stage_users(connection)
            _copy(connection, "staged_users", spoken, source, precedence)
            merging.merge_users(connection)
            return _rows_of(connection, "users", [user.id for user in users])

    def append(self, *batches: Sequence[Event]) -> int:
        """Add the events that are not there yet, in one commit; how many are new. Sent twice, a batch adds nothing."""
        if not any(batches):
            return 0
        with self.transaction() as connection:
            return append_events(connection, *batches)

    def events_of(self, user_row: int, after: int = 0) -> Tail:
        """What one person did since sequence number `after`."""
        with self.transaction() as connection:
            found = connection.execute(
                "SELECT seq, item_row, name, value, time FROM events JOIN event_types ON code = type "
                "WHERE user_row = %s AND seq > %s ORDER BY time, seq",
                (user_row, after),
            ).fetchall()
        seq, rows, types, values, times = zip(*found, strict=True) if found else ((), (), (), (), ())
        newest = max((int(s) for s in seq), default=after)
        return Tail(newest, np.array(rows, np.int64), types, np.array(values, float), np.array(times, float))

    def user(self, user_id: str) -> tuple[int, User]:
        """The row and the record of one person, or NotFound."""
        with self.transaction() as connection:
            found = connection.execute(
                "SELECT row, attributes, consent FROM users WHERE id = %s", (user_id,)
            ).fetchone()
        if found is None:
            raise NotFound("user id", "somebody known here", repr(user_id), "Ids stand as they were imported.")
        row, attributes, consent = found
        return row, User(user_id, values_of(attributes), consent)

    def unprofiled(self) -> frozenset[str]:
        """Who does not allow that lists are made of what they did (the consent `personalise` is false)."""
        with self.transaction() as connection:
            found = connection.execute("SELECT id FROM users WHERE consent @> '{\"personalise\": false}'")
            return frozenset(name for (name,) in found)

    def hide(self, item_id: str, hidden: bool = True) -> None:
        """Never show this item (its history still teaches), or show it again. NotFound if we do not know it."""
        with self.transaction() as connection:
            done = connection.execute("UPDATE items SET hidden = %s WHERE id = %s", (hidden, item_id)).rowcount
        if not done:
            raise NotFound("item id", "an item known here", repr(item_id))

    def delete_item(self, item_id: str) -> Mapping[str, int]:
        """Erase one item with all that is said about it; its row number is never used again. Counts what went.

        Whoever remembers the people who met it reads them anew. The log of lists, which is long, lets go of it first,
        while nobody waits; of lists that came meanwhile, with the item.
        """
        with self.within(UNLISTING), self.transaction() as connection:
            began = unlist_everywhere(connection, item_id)
        with self.transaction() as connection:
            row, events = erase_item(connection, item_id)
            unlist_item(connection, row, since=began - MEANWHILE)
            connection.execute("DELETE FROM item_vectors WHERE item_row = %s", (row,))
            bad = connection.execute(REFUSED_ABOUT.encode(), (item_id,)).rowcount
        return {"items": int(row >= 0), "events": events, "quarantine": bad}

    def vacuum(self) -> None:
        """Give back the room of what was deleted, and count anew for the planner."""
        with self.reading() as connection:
            connection.execute("VACUUM (ANALYZE)")

    def tell(self, what: str) -> None:
        """Tell every server of this store that something outside of it has changed, such as the live release."""
        with self.transaction() as connection:
            connection.execute("UPDATE changes SET n = n + 1 WHERE what = %s", (what,))
            connection.execute("SELECT pg_notify(%s, %s)", (f"regard_{self.tenant}", what))

    def forget(self, user_id: str) -> Mapping[str, int]:
        """Erase one person: no row of theirs is left, and their row number is never used again. Counts what went."""
        with self.transaction() as connection:
            found = connection.execute("DELETE FROM users WHERE id = %s RETURNING row", (user_id,)).fetchone()
            row = -1 if found is None else found[0]
            events = connection.execute("DELETE FROM events WHERE user_row = %s", (row,)).rowcount
            bad = connection.execute("DELETE FROM quarantine WHERE person = %s", (user_id,)).rowcount
            lists = connection.execute("DELETE FROM impressions WHERE user_row = %s AND user_row >= 0", (row,)).rowcount
        return {"users": int(found is not None), "events": events, "quarantine": bad, "impressions": lists}

    def event_weights(self) -> tuple[EventWeight, ...]:
        """The table of event weights, in the order in which its rows are tried."""
        with self.transaction() as connection:
            found = connection.execute("SELECT type, weight, at_least, scaled FROM event_weights ORDER BY place")
            return tuple(EventWeight(*row) for row in found)

    def set_event_weights(self, weights: Sequence[EventWeight]) -> None:
        """Replace the table of event weights."""
        rows = [(place, w.type, w.weight, w.at_least, w.scaled) for place, w in enumerate(weights)]
        with self.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM event_weights")
            cursor.executemany("INSERT INTO event_weights VALUES (%s, %s, %s, %s, %s)", rows)

    def set_vectors(self, encoder: str, rows: Rows, vectors: Vectors) -> None:
        """Keep content vectors (n, d) of the item rows (n,), by the encoder's name; older ones are replaced."""
        check_shape("Store.set_vectors", vectors, (len(rows), None))
        texts = ["[" + ",".join(map(repr, vector)) + "]" for vector in np.asarray(vectors, np.float32).tolist()]
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO item_vectors SELECT row, %s, v::vector FROM unnest(%s::int[], %s::text[]) AS x (row, v) "
                "ON CONFLICT (encoder, item_row) DO UPDATE SET vector = excluded.vector",
                (encoder, [int(row) for row in rows], texts),
            )

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """The newest rows that could not be imported."""
        with self.transaction() as connection:
            found = connection.execute(
                "SELECT source, row_number, field, expected, got, raw FROM quarantine ORDER BY seq DESC LIMIT %s",
                (limit,),
            )
            return [Quarantined(*row) for row in found]

    def counts(self) -> dict[str, Any]:
        """How much there is: people, items, events (by type, first and last time), quarantine, bytes, version."""
        with self.transaction() as connection:
            names, row = _counts(connection)
            types = connection.execute(
                "SELECT name, count(*) FROM events JOIN event_types ON code = type GROUP BY name ORDER BY 2 DESC, 1"
            ).fetchall()
        return {**dict(zip(names, row, strict=True)), "event_types": dict(types)}


def _counts(connection: Connection) -> tuple[list[str], tuple[Any, ...]]:
    cursor = connection.execute(
        "SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM items) AS items, "
        "(SELECT count(*) FROM items WHERE hidden) AS hidden_items, (SELECT count(*) FROM events) AS events, "
        "(SELECT min(time) FROM events) AS first_time, (SELECT max(time) FROM events) AS last_time, "
        "(SELECT count(*) FROM quarantine) AS quarantined, (SELECT max(version) FROM versions) AS version, "
        "(SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class "
        "WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r') AS bytes"
    )
    row = cursor.fetchone()
    return [column.name for column in cursor.description or ()], row or ()


def _user_words(user: User, whole: Collection[str]) -> dict[str, Any]:
    words = {"id": user.id, "attributes": _json(user.attributes), "consent": dict(user.consent)}
    return {**words, "cleared": list(whole)}


def _item_words(item: Item, whole: Collection[str]) -> dict[str, Any]:
    """What an Item says: None where it says nothing."""
    words = {
        "title": item.title,
        "text": item.text,
        "tags": list(item.tags),
        "creator": item.creator,
        "images": list(item.images),
        "audio": list(item.audio),
        "hidden": item.hidden,
    }
    said = {name: value if value or name in whole else None for name, value in words.items()}
    said |= {"valid_from": item.valid_from, "valid_until": item.valid_until}
    return {"id": item.id, **said, "attributes": _json(item.attributes), "cleared": list(whole)}


def _copy(connection: Connection, table: str, rows: list[dict[str, Any]], source: str, precedence: int) -> None:
    names = ["place", *rows[0], "source", "precedence"] if rows else ["place"]
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy:
        for place, row in enumerate(rows):
            values = [json.dumps(v, allow_nan=False) if isinstance(v, dict) else v for v in row.values()]
            copy.write_row((place, *values, source, precedence))


def _rows_of(connection: Connection, table: str, ids: list[str]) -> Rows:
    query = f"SELECT id, row FROM {table} WHERE id = ANY(%s)"  # noqa: S608 the table is one of ours
    rows: dict[str, int] = dict(connection.execute(query.encode(), (ids,)).fetchall())
    return np.array([rows[name] for name in ids], np.int64)


def _json(attributes: Mapping[str, Value]) -> dict[str, Any]:
    for name, value in attributes.items():
        if isinstance(value, float) and not np.isfinite(value):
            raise InvalidInput(f"attribute {name!r}", "a finite number", repr(value), "Leave it out instead.")
    return dict(attributes)
