"""Quarantine: rows that did not fit, kept with their reason; written out, mended by a person, imported again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

# A row that is refused again does not stand twice; one that came back from an export and still does not fit stays.
KEEP = """INSERT INTO quarantine (import_id, source, row_number, field, expected, got, raw, person)
SELECT ids[source + 1], names[source + 1], row, field, expected, got, raw, CASE WHEN field LIKE 'events.%%'
        THEN raw::json ->> 'user' WHEN field LIKE 'users.%%' THEN raw::json ->> 'id' END
FROM raw_bad b, (SELECT %s::uuid[] AS ids, %s::text[] AS names) x
WHERE NOT EXISTS (SELECT FROM quarantine q WHERE q.seq = b.quarantine)
    AND NOT EXISTS (SELECT FROM quarantine q WHERE q.row_number = b.row AND q.field = b.field
        AND q.source = names[b.source + 1] AND q.raw = b.raw)"""

SUMMARY = """SELECT source, field, count(*), (array_agg(row_number ORDER BY seq))[1],
    (array_agg(expected ORDER BY seq))[1], (array_agg(got ORDER BY seq))[1]
FROM quarantine GROUP BY source, field ORDER BY count(*) DESC, source, field"""

ALL = """SELECT seq, source, row_number, field, expected, got, raw FROM quarantine
WHERE field ~ '^(events|items|users)[.]' ORDER BY seq"""

RESOLVE = """DELETE FROM quarantine WHERE seq IN (SELECT quarantine FROM raw_{0}
    WHERE quarantine IS NOT NULL AND quarantine NOT IN (SELECT quarantine FROM raw_bad WHERE quarantine IS NOT NULL))"""


def keep_bad(connection: Connection, imports: Sequence[str], names: Sequence[str]) -> None:
    """The refused rows of this import into the quarantine; `imports` and `names` by source number."""
    connection.execute(KEEP.encode(), (list(imports), list(names)))


def resolve(connection: Connection) -> int:
    """Rows that came back mended leave the quarantine; how many. Call it before the events are merged."""
    return sum(connection.execute(RESOLVE.format(kind).encode()).rowcount for kind in ("events", "items", "users"))


def summarise(store: Store) -> list[dict[str, Any]]:
    """What the quarantine holds, by file and field: how many rows, and the first of them."""
    names = ("source", "field", "rows", "first_row", "expected", "got")
    with store.transaction() as connection:
        return [dict(zip(names, found, strict=True)) for found in connection.execute(SUMMARY)]


def export_quarantine(store: Store, folder: Path) -> list[Path]:
    """Write the quarantine into `folder` as events.jsonl, items.jsonl and users.jsonl (those that have rows).

    Each line holds the fields as they were read, the `problem` and a `quarantine` number. Mend the fields and import
    the files: mended rows enter the store and leave the quarantine. A row that could not even be split into fields has
    its text in `line`: fill in the fields and drop it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, TextIO] = {}
    with ExitStack() as stack, store.transaction() as connection:
        for seq, source, row, where, expected, got, raw in connection.execute(ALL):
            kind, _, field = where.partition(".")
            if kind not in files:
                files[kind] = stack.enter_context((folder / f"{kind}.jsonl").open("w", encoding="utf-8"))
            problem = f"{source} row {row}, {field}: expected {expected}, got {got}"
            blank = {"user": None, "item": None} if kind == "events" else {"id": None}
            line = {"quarantine": seq, "problem": problem, **blank, **_fields(raw)}
            files[kind].write(json.dumps(line, ensure_ascii=False) + "\n")
    return [folder / f"{kind}.jsonl" for kind in files]


def _fields(raw: str) -> dict[str, Any]:
    fields: dict[str, Any] = {name: value for name, value in json.loads(raw).items() if value is not None}
    extra = fields.pop("_extra", None)
    return {**fields, **(json.loads(extra) if extra else {})}
