"""An item leaves with all that people did with it and the lists it stood on; who met it is read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regard.data.store.appending import read_anew
from regard.data.store.merging import lock_new_rows

if TYPE_CHECKING:
    from regard.data.store.database import Connection

WHOSE = b"SELECT DISTINCT user_row FROM events WHERE item_row = (SELECT row FROM items WHERE id = %s)"
HOLD = b"SELECT FROM users WHERE row = ANY(%s) ORDER BY row FOR NO KEY UPDATE"
GONE = b"""WITH gone AS (DELETE FROM events WHERE item_row = %s RETURNING user_row)
    SELECT user_row, count(*)::int FROM gone GROUP BY user_row"""
UNLIST = b"""UPDATE impressions SET items = array_replace(items, %(row)s::int, -1)
    WHERE items @> ARRAY[%(row)s::int] AND at >= %(since)s
        AND id >= (lpad(to_hex((%(since)s * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"""  # ids begin with it


def erase_item(connection: Connection, item_id: str) -> tuple[int, int]:
    """The row of the item that is gone (-1: there was none), and how many events went with it.

    Locks are taken in the order of those who write events (rows to come, people, the item), so that nobody stands
    crosswise; who had not met the item when its people were counted, but has when it is held, is waited for anew.
    """
    lock_new_rows(connection, "item")
    whose = {row for (row,) in connection.execute(WHOSE, (item_id,))}
    while True:
        try:
            with connection.transaction():
                return _erase(connection, item_id, whose)
        except _MoreError as more:  # by which all that was held is let go of
            whose |= more.people


def unlist_everywhere(connection: Connection, item_id: str) -> float:
    """The item has no name in any list that was served before this moment, which is returned (unix seconds)."""
    found = connection.execute(
        "SELECT extract(epoch FROM now())::float8, (SELECT row FROM items WHERE id = %s)", (item_id,)
    )
    ((began, row),) = found.fetchall()
    if row is not None:
        unlist_item(connection, row, since=0.0)
    return float(began)


def unlist_item(connection: Connection, row: int, since: float) -> None:
    """Item `row` has no name in lists that were served since then (unix seconds); their places stay."""
    if row >= 0:
        connection.execute(UNLIST, {"row": row, "since": since})


class _MoreError(Exception):
    """More people have met the item than are held."""

    def __init__(self, people: set[int]) -> None:
        self.people = people


def _erase(connection: Connection, item_id: str, whose: set[int]) -> tuple[int, int]:
    connection.execute(HOLD, (list(whose),))
    found = connection.execute(b"DELETE FROM items WHERE id = %s RETURNING row", (item_id,)).fetchone()
    if found is None:
        return -1, 0
    gone: dict[int, int] = dict(connection.execute(GONE, found).fetchall())
    if not gone.keys() <= whose:
        raise _MoreError(set(gone))
    read_anew(connection, gone)
    return found[0], sum(gone.values())
