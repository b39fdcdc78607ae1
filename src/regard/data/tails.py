"""What each request asks of the store, for many requests in one query: what people did since, and what else changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.domain.arrays import Rows
from regard.domain.weights import LESS

if TYPE_CHECKING:
    from regard.data.postgres import Store

NEWEST = 200  # events of a person that a request looks at, of those that have happened

SINCE = """SELECT a.n::int, (SELECT array_agg(n ORDER BY what) FROM changes), u.row, u.attributes::text,
    u.consent::text, newest.seq, u.retracted, (SELECT code FROM event_types WHERE name = %s), e.seq, e.item_row, e.type,
    e.value, e.time
FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::int[], %s::float8[])
    WITH ORDINALITY a (id, held, after, retracted, until, n)
LEFT JOIN users u ON u.id = a.id
LEFT JOIN LATERAL (SELECT seq FROM events WHERE user_row = u.row ORDER BY seq DESC LIMIT 1) newest ON true
CROSS JOIN LATERAL (SELECT CASE WHEN (a.held, a.retracted) = (u.row, u.retracted) THEN a.after ELSE 0 END AS seq) known
LEFT JOIN LATERAL ((SELECT seq, item_row, type, value, time FROM events
        WHERE user_row = u.row AND seq > known.seq AND time <= a.until ORDER BY time DESC, seq DESC LIMIT %s)
    UNION ALL SELECT seq, item_row, type, value, time FROM events
        WHERE user_row = u.row AND seq > known.seq AND time > a.until) e ON true"""

MET = """SELECT user_row, array_agg(DISTINCT item_row), array_agg(DISTINCT item_row) FILTER (
    WHERE type = (SELECT code FROM event_types WHERE name = %s))
FROM unnest(%s::int[], %s::bigint[], %s::float8[]) a (row, newest, until)
    JOIN events ON user_row = a.row AND seq <= newest AND time <= until GROUP BY user_row"""
PAST_MET = """SELECT item_row, coalesce(bool_or(type = (SELECT code FROM event_types WHERE name = %s)), false)
FROM events WHERE user_row = %s AND seq <= %s AND time <= %s GROUP BY item_row ORDER BY item_row"""
TYPES = "SELECT name FROM event_types ORDER BY code"


@dataclass(frozen=True, slots=True)
class Ask:
    """Whose events after which sequence number; what is held before it, if `row` and `retracted` are still theirs.

    What has a later time than `until` is still to come.
    """

    user: str
    row: int = -1
    after: int = 0
    retracted: int = 0
    until: float = inf


@dataclass(frozen=True, slots=True)
class Happened:
    """A person's row (-1: nobody of that id), what is said of them as JSON, and their events after the asked number.

    `seq` (h,), `items` (h,), `types` (h,) codes, `values` (h,), `times` (h,) in any order: the latest of what
    has happened, at most NEWEST, and all that is to come. `newest` is the highest number of all. `met`: every item ever
    met, where nothing was held before or more has happened since than `events` holds; `unwanted`: those of type `less`
    (its code; -1: there is none yet) among them. `changes`: the counters of items, keys, releases and weights.
    """

    changes: Mapping[str, int]
    row: int = -1
    attributes: str = "{}"
    consent: str = "{}"
    newest: int = 0
    retracted: int = 0
    events: Sequence[tuple[int, int, int, float, float]] = ()
    met: Rows | None = None
    unwanted: Rows | None = None
    less: int = -1


def happened(store: Store, asks: Sequence[Ask]) -> list[Happened]:
    """The answer to each ask, in one query of the store (and one more for people of whom `events` do not tell all)."""
    columns = zip(*((ask.user, ask.row, ask.after, ask.retracted, ask.until) for ask in asks), strict=True)
    with store.reading() as connection:
        found = connection.execute(SINCE.encode(), (LESS, *map(list, columns), NEWEST)).fetchall()
        answers = _gathered(len(asks), found)
        more = [(one.row, one.newest, ask.until) for ask, one in zip(asks, answers, strict=True) if _more(ask, one)]
        upto = (LESS, *map(list, zip(*more, strict=True)))
        met = {row: told for row, *told in connection.execute(MET.encode(), upto).fetchall()} if more else {}
    return [
        _with_met(one, *met.get(one.row, ((), ()))) if _more(ask, one) else one
        for ask, one in zip(asks, answers, strict=True)
    ]


def _more(ask: Ask, one: Happened) -> bool:
    """Whether this person may have met more than what is held of them and these events say."""
    held = (ask.row, ask.retracted) == (one.row, one.retracted)
    return one.row >= 0 and not (held and sum(event[4] <= ask.until for event in one.events) < NEWEST)


def past(
    store: Store, row: int, upto: int, until: float
) -> tuple[list[tuple[int, int, int, float, float]], Rows, Rows]:
    """The NEWEST events of person `row` up to sequence number `upto` and time `until`, every item met in such, and
    those of them that they asked to see less of."""
    with store.reading() as connection:
        events = connection.execute(
            "SELECT seq, item_row, type, value, time FROM events WHERE user_row = %s AND seq <= %s AND time <= %s "
            "ORDER BY time DESC, seq DESC LIMIT %s",
            (row, upto, until, NEWEST),
        ).fetchall()
        met = connection.execute(PAST_MET.encode(), (LESS, row, upto, until)).fetchall()
    rows = np.array([item for item, _ in met], np.int64)
    return events, rows, rows[[less for _, less in met]] if met else rows


def event_types(store: Store) -> tuple[str, ...]:
    """The names of event types by their codes."""
    with store.reading() as connection:
        return tuple(name for (name,) in connection.execute(TYPES.encode()))


def _gathered(n: int, found: Sequence[tuple[Any, ...]]) -> list[Happened]:
    heads: list[tuple[Any, ...] | None] = [None] * n
    events: list[list[tuple[int, int, int, float, float]]] = [[] for _ in range(n)]
    for row in found:
        place = row[0] - 1
        heads[place] = row
        if row[8] is not None:
            events[place].append(row[8:])
    return [_of(head, own) for head, own in zip(heads, events, strict=True) if head is not None]


def _of(head: tuple[Any, ...], events: list[tuple[int, int, int, float, float]]) -> Happened:
    items, keys, releases, weights = head[1]
    changes = {"items": items, "keys": keys, "releases": releases, "weights": weights}
    if head[2] is None:
        return Happened(changes)
    _, _, row, attributes, consent, newest, retracted, less = head[:8]
    less = -1 if less is None else less
    return Happened(changes, row, attributes, consent, newest or 0, retracted, events, less=less)


def _with_met(one: Happened, met: Sequence[int], unwanted: Sequence[int] | None) -> Happened:
    return replace(one, met=np.array(met, np.int64), unwanted=np.array(unwanted or (), np.int64))
