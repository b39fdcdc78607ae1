"""Somebody unknown becomes somebody known: what was kept under a session is theirs from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regard.data.store.appending import read_anew

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.data.store.database import Connection

SESSION = "sessionId"  # in the context of what nobody known did; it names the session, as does the event's person
THEIRS = f"user_row = %(session_row)s AND context ->> '{SESSION}' = %(session)s"

HOLD = b"SELECT id, row FROM users WHERE id IN (%(session)s, %(user)s) ORDER BY row FOR NO KEY UPDATE"
HOLD_ITEMS = f"""SELECT FROM items WHERE row IN (SELECT item_row FROM events WHERE {THEIRS})
    ORDER BY row FOR KEY SHARE"""  # noqa: S608 constants only

# New numbers, so that what the person had done by the moment of an older list stays as it was.
MOVE = f"""WITH gone AS (DELETE FROM events WHERE {THEIRS} RETURNING *)
INSERT INTO events (id, key, user_row, item_row, type, value, time, slate, position, context)
    SELECT id, key, %(user_row)s, item_row, type, value, time, slate, position, context FROM gone ORDER BY seq"""  # noqa: S608 constants only

EMPTY = b"""DELETE FROM users WHERE row = %(session_row)s AND NOT known
    AND NOT EXISTS (SELECT FROM events WHERE user_row = %(session_row)s)"""
LISTS = b"UPDATE impressions SET user_row = %(user_row)s WHERE user_row = %(session_row)s"


def join(store: Store, session: str, user: str) -> int:
    """Give what was done under a session while nobody knew who it was to this person; how many events that were.

    The lists that the session was shown go along, unless somebody else bears its id: then what they did and saw stays
    theirs. Nothing happens before both have a row. In one commit; whoever remembers either of them reads them anew.
    """
    if session == user:
        return 0
    with store.reading() as connection:
        if not connection.execute("SELECT FROM users WHERE id = %s", (session,)).rowcount:
            return 0
    with store.transaction() as connection:
        return joined(connection, session, user)


def joined(connection: Connection, session: str, user: str) -> int:
    """The same within the caller's transaction.

    Locks in the order of those who append, people and then items, so that no erasure passes by what is moved.
    """
    said = {"session": session, "user": user}
    rows: dict[str, int] = dict(connection.execute(HOLD, said).fetchall())
    if len(rows) < 2:
        return 0
    told = {**said, "session_row": rows[session], "user_row": rows[user]}
    connection.execute(HOLD_ITEMS.encode(), told)
    moved = connection.execute(MOVE.encode(), told).rowcount
    if moved:
        read_anew(connection, rows.values())
        if connection.execute(EMPTY, told).rowcount:
            connection.execute(LISTS, told)
    return moved
