"""Events as one row a (type, person, item), as gorse keeps them: a value that adds up, read in pages, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.data.store.appending import READ_ANEW, append_events, read_anew

if TYPE_CHECKING:
    from regard.data.postgres import Store
    from regard.domain.records import Event

FOLD = """SELECT t.name, u.id, i.id, sum(e.value)::float8, min(e.time), max(e.time),
    coalesce(max(e.context ->> 'Comment'), ''), e.user_row, e.item_row, e.type
FROM events e JOIN users u ON u.row = e.user_row JOIN items i ON i.row = e.item_row
    JOIN event_types t ON t.code = e.type
WHERE {where} GROUP BY e.user_row, e.item_row, e.type, t.name, u.id, i.id
ORDER BY e.user_row, e.item_row, e.type LIMIT %(n)s"""

WHERE = {"type": "t.name = %(type)s", "user": "u.id = %(user)s", "item": "i.id = %(item)s"}
AFTER = "(e.user_row, e.item_row, e.type) > (%(after_user)s, %(after_item)s, %(after_type)s)"

RETRACT = """WITH gone AS (DELETE FROM events e USING users u, items i, event_types t
    WHERE u.row = e.user_row AND i.row = e.item_row AND t.code = e.type AND u.id = %(user)s AND i.id = %(item)s
        AND (%(type)s::text IS NULL OR t.name = %(type)s) RETURNING e.user_row, e.type)
SELECT count(DISTINCT type), max(user_row) FROM gone"""


# The old events of each (person, item, type) that has new ones.
OVERWRITTEN = f"""WITH gone AS (DELETE FROM events e
    USING unnest(%s::text[], %s::text[], %s::text[], %s::text[]) s (key, who, what, kind), users u, items i,
        event_types t
    WHERE u.id = s.who AND i.id = s.what AND t.name = s.kind AND e.user_row = u.row AND e.item_row = i.row
        AND e.type = t.code AND e.key IS DISTINCT FROM s.key RETURNING e.user_row), {READ_ANEW.format("gone")}
SELECT count(*) FROM whose"""  # noqa: S608 constants only


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one person's events of one type with one item come to; `place` is where the next page goes on."""

    type: str
    user: str
    item: str
    value: float
    first: float
    last: float
    comment: str
    place: tuple[int, int, int]


def feedback(store: Store, said: dict[str, str], n: int, after: Sequence[int] = (-1, -1, -1)) -> list[Feedback]:
    """At most `n` rows after a place, of the named `type`, `user` and `item`."""
    where = " AND ".join([AFTER, *(WHERE[name] for name in said)])
    values: dict[str, Any] = {**said, "n": n}
    values |= dict(zip(("after_user", "after_item", "after_type"), after, strict=True))
    with store.reading() as connection:
        found = connection.execute(FOLD.format(where=where).encode(), values).fetchall()
    return [_row(*row) for row in found]


def overwrite(store: Store, events: Sequence[Event]) -> None:
    """Put each event, by its id, in the place of all that stood for its person, item and type, in one commit.

    The last one of a (person, item, type) counts.
    """
    last = {(event.user, event.item, event.type): event for event in events}
    columns = [[event.id for event in last.values()], *(list(column) for column in zip(*last, strict=True))]
    with store.transaction() as connection:
        append_events(connection, list(last.values()))
        connection.execute(OVERWRITTEN.encode(), columns)


def _row(*said: Any) -> Feedback:
    kind, user, item, value, first, last, comment, *place = said
    return Feedback(kind, user, item, value, first, last, comment, (place[0], place[1], place[2]))


def retract(store: Store, user: str, item: str, kind: str | None = None) -> int:
    """Take back what a person did with an item (of one type, or all); how many rows of Feedback that were.

    The events leave the log: a wish of the person, like forgetting. Whoever remembers them reads the person anew.
    """
    with store.transaction() as connection:
        connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user,))
        found = connection.execute(RETRACT.encode(), {"user": user, "item": item, "type": kind}).fetchone()
        rows, person = found if found is not None else (0, None)
        if rows:
            read_anew(connection, [person])
    return int(rows)
