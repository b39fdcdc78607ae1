"""New events into the log: idempotent, in order, with rows for people and items met for the first time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from regard.data.store.merging import add_rows, lock_new_rows
from regard.domain.errors import InvalidInput

if TYPE_CHECKING:
    from regard.data.store.database import Connection
    from regard.domain.records import Event

Codes: TypeAlias = dict[str, int]  # by id or name
AT_ONCE = 20_000  # events a statement
LARGEST = float(np.finfo(np.float32).max)

# Whoever remembers the people whose events stand in table {0} reads them anew.
READ_ANEW = """whose AS (SELECT row FROM users WHERE row IN (SELECT user_row FROM {0}) ORDER BY row FOR NO KEY UPDATE),
    told AS (UPDATE users SET retracted = retracted + 1 WHERE row IN (SELECT row FROM whose))"""

ANEW = b"UPDATE users SET retracted = retracted + 1 WHERE row = ANY(%s)"

NEW_TYPES = """WITH new AS (SELECT x AS name FROM unnest(%s::text[]) x WHERE x NOT IN (SELECT name FROM event_types)),
    claimed AS MATERIALIZED (SELECT claim_rows('event type', (SELECT count(*) FROM new)) AS first)
    INSERT INTO event_types SELECT first + row_number() OVER (ORDER BY name) - 1, name FROM new, claimed"""

APPEND = """INSERT INTO events (id, key, user_row, item_row, type, value, time, slate, position, context)
    SELECT event_id(s.key, who, what, s.type, s.value::real, s.time, s.slate, s.position, s.context::jsonb, nth),
        nullif(s.key, ''), who_row, what_row, type_code, s.value::real, s.time, nullif(s.slate, ''), s.position,
        s.context::jsonb
    FROM ROWS FROM (json_to_recordset(%s) AS (key text, who text, what text, type text, value float8, time float8,
            slate text, position int, context text, nth int, who_row int, what_row int, type_code smallint))
        WITH ORDINALITY AS s (key, who, what, type, value, time, slate, position, context, nth, who_row, what_row,
            type_code, n)
    ORDER BY n ON CONFLICT (id) DO NOTHING"""
FIELDS: tuple[str, ...] = ("key", "who", "what", "type", "value", "time", "slate", "position", "context", "nth")
FIELDS += ("who_row", "what_row", "type_code")
HELD = (  # ids to rows; until the commit nobody deletes what is held, or writes events of these people
    b"SELECT id, row FROM users WHERE id = ANY(%s) ORDER BY row FOR NO KEY UPDATE",
    b"SELECT id, row FROM items WHERE id = ANY(%s) ORDER BY row FOR KEY SHARE",
    b"SELECT name, code FROM event_types WHERE name = ANY(%s)",
)


def append_events(connection: Connection, *batches: Sequence[Event]) -> int:
    """Write the events that are not there yet, in the given order; how many those were.

    An event without an id is known by its content and its number among equal ones of its batch, so that sending a
    batch twice changes nothing and two equal events of one batch stay two. The events of one person become visible in
    the order of their sequence numbers, because writers of one person wait for each other.
    """
    rows: list[tuple[Any, ...]] = []
    for batch in batches:
        seen: Counter[tuple[Any, ...]] = Counter()
        rows += [_row(event, seen) for event in batch]
    who, what, types = _meet(connection, *(list(dict.fromkeys(row[column] for row in rows)) for column in (1, 2, 3)))
    new = 0
    for start in range(0, len(rows), AT_ONCE):
        coded = ((*row, who[row[1]], what[row[2]], types[row[3]]) for row in rows[start : start + AT_ONCE])
        said = [dict(zip(FIELDS, row, strict=True)) for row in coded]
        new += connection.execute(APPEND.encode(), (orjson.dumps(said).decode(),)).rowcount
    return new


def read_anew(connection: Connection, people: Collection[int]) -> None:
    """Whoever remembers these people (rows) reads them anew."""
    connection.execute(ANEW, (list(people),))


def _row(event: Event, seen: Counter[tuple[Any, ...]]) -> tuple[Any, ...]:
    context = json.dumps(dict(event.context), sort_keys=True, ensure_ascii=False) if event.context else None
    if abs(event.value) > LARGEST:
        raise InvalidInput("Event.value", f"a number within {LARGEST:.3g}", repr(event.value))
    value = float(np.float32(event.value))  # as it will be kept
    what = (event.user, event.item, event.type, value, float(event.time), event.slate, event.position, context)
    nth = 0
    if not event.id:
        nth = seen[what]
        seen[what] += 1
    return (event.id, *what, nth)


def _meet(connection: Connection, who: list[str], what: list[str], types: list[str]) -> tuple[Codes, Codes, Codes]:
    """The rows of who and what, and the codes of types, those that are new among them made.

    Until the commit nobody else writes events of these people, and no erasure of a person or an item passes by events
    that it cannot see yet.
    """
    asked = (who, what, types)
    while True:
        try:
            with connection.transaction():
                rows, items, codes = (_held(connection, query, ids) for query, ids in zip(HELD, asked, strict=True))
                if (len(rows), len(items), len(codes)) == (len(who), len(what), len(types)):
                    return rows, items, codes
                raise _UnknownError  # which lets go of what is held: locks of new rows are taken before any other
        except _UnknownError:
            _add_unknown(connection, *asked)


class _UnknownError(Exception):
    """Somebody or something has no row yet."""


def _held(connection: Connection, query: bytes, ids: list[str]) -> Codes:
    return dict(connection.execute(query, (ids,)).fetchall())


def _add_unknown(connection: Connection, who: list[str], what: list[str], types: list[str]) -> None:
    lock_new_rows(connection, "user", "item", "event type")
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS met (kind text, place bigint, id text) ON COMMIT DROP")
    connection.execute("TRUNCATE met")
    with connection.cursor() as cursor:
        insert = "INSERT INTO met SELECT %s, n, id FROM unnest(%s::text[]) WITH ORDINALITY AS x (id, n)"
        cursor.executemany(insert, [("user", who), ("item", what)])
    add_rows(connection, "user", "(SELECT place, id FROM met WHERE kind = 'user')")
    add_rows(connection, "item", "(SELECT place, id FROM met WHERE kind = 'item')")
    connection.execute(NEW_TYPES.encode(), (types,))
