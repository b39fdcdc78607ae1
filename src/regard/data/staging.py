"""Cleaned rows on their way into the store: copied into temporary tables, then merged by SQL, all in one transaction.

Duplicates, occurrence numbers and bursts are found by the database, out of core, so that the importing process holds
one batch at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from regard.data.files.naming import LISTS, Kind
from regard.data.store import merging
from regard.data.store.appending import NEW_TYPES, READ_ANEW

if TYPE_CHECKING:
    from regard.data.store.database import Connection

SETTINGS = ("work_mem = '192MB'", "maintenance_work_mem = '256MB'", "jit = off")

TABLES = """
CREATE TEMP TABLE raw_events (source int, row bigint, key text, who text, what text, type text, value real,
    time float8, slate text, position int, context jsonb, extra jsonb, quarantine bigint) ON COMMIT DROP;
CREATE TEMP TABLE raw_items (source int, row bigint, id text, title text, text text, tags jsonb, creator text,
    images jsonb, audio jsonb, attributes jsonb, valid_from float8, valid_until float8, hidden bool, extra jsonb,
    quarantine bigint) ON COMMIT DROP;
CREATE TEMP TABLE raw_users (source int, row bigint, id text, attributes jsonb, consent jsonb, extra jsonb,
    quarantine bigint) ON COMMIT DROP;
CREATE TEMP TABLE raw_bad (source int, row bigint, field text, expected text, got text, raw text, quarantine bigint)
    ON COMMIT DROP;
"""

# The id of an event without a key is the hash of its content and its number among equal rows of its file. One sort by
# the hash gives those numbers and, because most numbers are 0, nearly the order of the ids: index pages fill in order.
# `copy` > 1: another file has said the same already.
NUMBERED = """CREATE TEMP TABLE numbered ON COMMIT DROP AS
SELECT CASE WHEN key IS NOT NULL OR nth = 1 THEN first ELSE event_id(key, (SELECT id FROM users WHERE row = user_row),
        (SELECT id FROM items WHERE row = item_row), (SELECT name FROM event_types WHERE code = type), value, time,
        slate, position, context, nth - 1) END AS id,
    key, user_row, item_row, type, value, time, slate, position, context, nth, {copy} AS copy
FROM (SELECT *, (row_number() OVER (PARTITION BY first, source ORDER BY row))::int AS nth
    FROM (SELECT event_id(key, who, what, s.type, value, time, slate, position, s.context, 0) AS first, source, s.row,
            key, u.row AS user_row, i.row AS item_row, t.code AS type, value, time, slate, position, s.context
        FROM (SELECT source, row, key, who, what, type, value, time, slate, position,
                nullif(coalesce(extra, '{{}}') || coalesce(context, '{{}}'), '{{}}') AS context FROM raw_events) s
            JOIN users u ON u.id = who JOIN items i ON i.id = what JOIN event_types t ON t.name = s.type
    ) hashed) placed ORDER BY first"""
COPIES = "row_number() OVER (PARTITION BY first, CASE WHEN key IS NULL THEN nth END ORDER BY source, nth)"

INSERT = """INSERT INTO events (id, key, user_row, item_row, type, value, time, slate, position, context)
SELECT id, key, user_row, item_row, type, value, time, slate, position, context FROM numbered
WHERE copy = 1 AND (key IS NULL OR nth = 1)"""

FORGOTTEN = """DELETE FROM events
WHERE user_row = ANY(ARRAY(SELECT user_row FROM numbered EXCEPT SELECT row FROM users))"""

INDEXES = """SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), c.conname, pg_get_constraintdef(c.oid)
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid WHERE i.indrelid = 'events'::regclass"""

# One key, two contents: the first row keeps the key, the others are refused.
TAKEN = """WITH known AS (SELECT ctid AS place, (who, what, type, value, time)::text AS said,
        first_value((who, what, type, value, time)::text) OVER keyed AS told, first_value(row) OVER keyed AS kept
        FROM raw_events WHERE key IS NOT NULL WINDOW keyed AS (PARTITION BY key ORDER BY source, row)),
    refused AS (DELETE FROM raw_events e USING known k WHERE e.ctid = k.place AND said <> told RETURNING e.*, k.kept)
INSERT INTO raw_bad SELECT source, row, 'events.id', 'an id used once', quote_literal(key) || ', also of row ' || kept,
    jsonb_strip_nulls(jsonb_build_object('id', key, 'user', who, 'item', what, 'type', type, 'value', value, 'time',
    time))::text, quarantine FROM refused"""

_PICK = "(array_agg({0} ORDER BY row DESC) FILTER (WHERE {0} IS NOT NULL))[1] AS {0}"
_TEXTS = "CASE WHEN {0} <> '[]' THEN ARRAY(SELECT jsonb_array_elements_text({0})) END"
_OBJECT = """(SELECT id, jsonb_object_agg(key, value ORDER BY row) AS {0} FROM raw_{1},
    jsonb_each({2}) WHERE source = %(place)s AND value NOT IN ('null', '""', '[]') GROUP BY id) AS {0}"""
_ALL = "coalesce(extra, '{}') || coalesce(attributes, '{}')"

FOLDING = """INSERT INTO staged_{kind} (place, id, source, precedence, {names})
SELECT place, id, %(name)s, %(precedence)s, {objects}{chosen}
FROM (SELECT id, min(row) AS place{picks} FROM raw_{kind} WHERE source = %(place)s GROUP BY id) one
    LEFT JOIN {attributes} USING (id){consent}"""

FIELDS = {
    "items": ("title", "text", *LISTS, "creator", "valid_from", "valid_until", "hidden"),
    "users": (),
}


def _fold(kind: Literal["items", "users"]) -> str:
    """Rows of one source about one id become one: later ones override, empties never do."""
    fields = FIELDS[kind]
    picks = "".join(", " + _PICK.format(name) for name in fields)
    chosen = "".join(", " + (_TEXTS if name in LISTS else "{0}").format(name) for name in fields)
    consent = " LEFT JOIN " + _OBJECT.format("consent", kind, "consent") + " USING (id)" if kind == "users" else ""
    objects = ("attributes", "consent") if kind == "users" else ("attributes",)
    names = ", ".join((*objects, *fields))
    return FOLDING.format(
        kind=kind, names=names, objects=", ".join(objects), chosen=chosen, picks=picks, consent=consent,
        attributes=_OBJECT.format("attributes", kind, _ALL),
    )  # fmt: skip


FOLD = {"items": _fold("items"), "users": _fold("users")}


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging did: how many were new, and how many rows said something again."""

    new: int = 0
    repeated: int = 0


def prepare(connection: Connection) -> None:
    """Settings for bulk work in this transaction, and the empty temporary tables."""
    for setting in SETTINGS:
        connection.execute(f"SET LOCAL {setting}".encode())
    connection.execute(TABLES.encode())
    merging.stage_items(connection)
    merging.stage_users(connection)


def copy(connection: Connection, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame, whose columns stand in the table's order, into `raw_<table>`."""
    if len(frame):
        with connection.cursor() as cursor, cursor.copy(f"COPY raw_{table} FROM STDIN (FORMAT csv)".encode()) as pipe:
            pipe.write(frame.write_csv(include_header=False).encode())


def lock_new_rows(connection: Connection, kinds: Collection[Kind]) -> None:
    """Wait for other writers of new rows of all that sources of these `kinds` bring, at once and before any is merged:
    a live event takes its locks in one order too, so that it waits and never stands crosswise."""
    every: Mapping[Kind, merging.Kind] = {"users": "user", "items": "item", "events": "event type"}
    merging.lock_new_rows(connection, *(new for kind, new in every.items() if kind in kinds or "events" in kinds))


def merge_entities(
    connection: Connection, kind: Literal["items", "users"], place: int, name: str, precedence: int
) -> Merged:
    """What source number `place` says about items or users, merged by field."""
    connection.execute(f"TRUNCATE staged_{kind}".encode())
    known = {"place": place, "name": name, "precedence": precedence}
    ids = connection.execute(FOLD[kind].encode(), known).rowcount
    rows = _count(connection, f"raw_{kind} WHERE source = {place}")
    connection.execute(f"ANALYZE staged_{kind}".encode())
    new = merging.merge_items(connection) if kind == "items" else merging.merge_users(connection)
    return Merged(new, rows - ids)


def merge_events(connection: Connection, keyed: bool) -> Merged:
    """Stubs for people and items that only events know, then the events that are not there yet, by their ids.

    Call `lock_new_rows` first.
    """
    if keyed:
        connection.execute(TAKEN.encode())
    for kind, column in (("user", "who"), ("item", "what")):
        met = f"CREATE TEMP TABLE met_{kind} ON COMMIT DROP AS SELECT {column} AS id, min(row) AS place, count(*) AS n"
        connection.execute(f"{met} FROM raw_events GROUP BY 1".encode())
        merging.add_rows(connection, "user" if kind == "user" else "item", f"met_{kind}")
    types = [name for (name,) in connection.execute("SELECT DISTINCT type FROM raw_events")]
    connection.execute(NEW_TYPES.encode(), (types,))
    connection.execute("ANALYZE users, items, raw_events")
    many = connection.execute("SELECT min(source) < max(source) FROM raw_events").fetchone() == (True,)
    connection.execute(NUMBERED.format(copy=COPIES if many else "1").encode())
    connection.execute("TRUNCATE raw_events")
    new = _insert(connection)
    return Merged(new, _count(connection, "numbered WHERE nth > 1 AND key IS NULL AND copy = 1"))


def read_anew(connection: Connection) -> None:
    """Whoever remembers these people reads them anew, for live events may have overtaken what was imported.

    They write no events from here until the commit: call it last. What was imported of people who were forgotten
    meanwhile goes.
    """
    connection.execute(f"WITH {READ_ANEW.format('numbered')} SELECT count(*) FROM whose".encode())  # noqa: S608 ours
    connection.execute(FORGOTTEN.encode())


def _insert(connection: Connection) -> int:
    """The numbered events into the log. The first ones go in without indexes, which are built after: 4 times faster."""
    empty = "SELECT NOT EXISTS (SELECT FROM events)"
    if connection.execute(empty).fetchone() == (True,):
        connection.execute("LOCK TABLE events")  # in this case alone readers wait: there was nothing to read
        if connection.execute(empty).fetchone() == (True,):
            return _insert_first(connection)
    return connection.execute(f"{INSERT} ON CONFLICT (id) DO NOTHING".encode()).rowcount


def _insert_first(connection: Connection) -> int:
    indexes = connection.execute(INDEXES.encode()).fetchall()
    for index, _, constraint, _ in indexes:
        dropped = f'ALTER TABLE events DROP CONSTRAINT "{constraint}"' if constraint else f"DROP INDEX {index}"
        connection.execute(dropped.encode())
    new = connection.execute(INSERT.encode()).rowcount
    for _, definition, constraint, rule in indexes:
        built = f'ALTER TABLE events ADD CONSTRAINT "{constraint}" {rule}' if constraint else definition
        connection.execute(built.encode())
    return new


def _count(connection: Connection, what: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()  # noqa: S608 our own words
    return 0 if found is None else int(found[0])
