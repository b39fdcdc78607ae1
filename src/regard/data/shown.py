"""What was shown and what was done, read from the store as tables: the one road from the logs to feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.worths import DEFAULT_WORTHS, Worth

if TYPE_CHECKING:
    from regard.data.postgres import Store

SHOWN = pl.Schema(
    {
        "slate": pl.String,  # the list's id, 32 hexadecimal digits
        "at": pl.Float64,  # unix seconds
        "user": pl.Int64,  # row, -1: nobody known
        "release": pl.String,
        "surface": pl.String,
        "position": pl.Int64,  # 0 is the first
        "item": pl.Int64,  # row, -1: deleted since
        "propensity": pl.Float64,  # of this slot, given those above it
    }
)
DONE = pl.Schema(
    {
        "user": pl.Int64,
        "item": pl.Int64,
        "type": pl.String,
        "value": pl.Float64,
        "time": pl.Float64,  # unix seconds
        "slate": pl.String,  # the list that it answers; empty: none was named
    }
)
LISTS = """SELECT replace(id::text, '-', ''), at, user_row, release, surface, items, propensities
    FROM impressions JOIN (SELECT id, at FROM impressions WHERE at >= %s AND at < %s ORDER BY at DESC, id LIMIT %s) x
    USING (id, at) ORDER BY at, id"""
SCORES = """SELECT score::float8 FROM (SELECT body FROM impressions WHERE at >= %s AND at < %s AND release = %s
    ORDER BY at DESC, id LIMIT %s) x, json_array_elements_text(body -> 'scores') score"""
PARTS = """SELECT replace(id::text, '-', ''), place - 1, (part ->> 'score')::float8
    FROM (SELECT id, body FROM impressions WHERE at >= %s AND at < %s ORDER BY at DESC, id LIMIT %s) x,
    json_array_elements(body -> 'parts') WITH ORDINALITY AS parts (part, place)"""
EVENTS = """SELECT user_row, item_row, name, value::float8, time, lower(replace(coalesce(slate, ''), '-', ''))
    FROM events JOIN event_types ON code = type WHERE time >= %s AND time < %s ORDER BY time, seq"""


def shown_slots(store: Store, since: float, until: float, newest: int | None = None) -> pl.DataFrame:
    """Every slot of the lists that were served in [since, until) (unix seconds), as SHOWN, in the order of serving.

    `newest`: of at most so many lists.
    """
    with store.transaction() as connection:
        found = connection.execute(LISTS.encode(), (since, until, newest)).fetchall()
    lists = {name: kind for name, kind in SHOWN.items() if name != "position"}
    lists |= {"item": pl.List(pl.Int64), "propensity": pl.List(pl.Float64)}
    table = pl.DataFrame(found, schema=lists, orient="row")
    placed = table.with_columns(position=pl.int_ranges(pl.col("item").list.len()))
    slots = placed.explode("position", "item", "propensity")
    return slots.select(pl.col(name).cast(kind) for name, kind in SHOWN.items())


def shown_scores(store: Store, span: tuple[float, float], release: str, newest: int) -> NDArray[np.float64]:
    """The scores of what a release showed in a span (unix seconds), of at most its `newest` lists, (n,)."""
    with store.transaction() as connection:
        found = connection.execute(SCORES.encode(), (*span, release, newest)).fetchall()
    return np.array([score for (score,) in found], np.float64)


def shown_parts(store: Store, since: float, until: float, newest: int | None = None) -> pl.DataFrame:
    """What stood in the part "score" of the slots of `shown_slots`, 0 the worst candidate's and 1 the best's: columns
    `slate`, `position`, `part`."""
    with store.transaction() as connection:
        found = connection.execute(PARTS.encode(), (since, until, newest)).fetchall()
    return pl.DataFrame(found, schema={"slate": pl.String, "position": pl.Int64, "part": pl.Float64}, orient="row")


def done_events(store: Store, since: float, until: float) -> pl.DataFrame:
    """Every event in [since, until) (unix seconds), as DONE, by time."""
    with store.transaction() as connection:
        found = connection.execute(EVENTS.encode(), (since, until)).fetchall()
    return pl.DataFrame(found, schema=DONE, orient="row")


def lists_since(store: Store, at: float) -> int:
    """How many lists were served since `at` (unix seconds)."""
    with store.transaction() as connection:
        found = connection.execute("SELECT count(*) FROM impressions WHERE at >= %s", (at,)).fetchone()
    return int(found[0]) if found else 0


def worths(store: Store) -> tuple[Worth, ...]:
    """The table of worths, in the order in which its rows are tried; the default where nobody has written one."""
    with store.transaction() as connection:
        found = connection.execute('SELECT type, worth, "window", at_least, "full" FROM worths ORDER BY place')
        return tuple(Worth(*row) for row in found) or DEFAULT_WORTHS


def set_worths(store: Store, table: Sequence[Worth]) -> None:
    """Replace the table of worths; an empty one stands for the default."""
    rows = [(place, w.type, w.worth, w.window, w.at_least, w.full) for place, w in enumerate(table)]
    with store.transaction() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM worths")
        cursor.executemany("INSERT INTO worths VALUES (%s, %s, %s, %s, %s, %s)", rows)
