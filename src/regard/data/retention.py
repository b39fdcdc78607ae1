"""Retention: what is older than it needs to be leaves the store, and how many rows of each kind that were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.data.impression_log import ImpressionLog
from regard.data.store.appending import READ_ANEW
from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY

if TYPE_CHECKING:
    from regard.data.postgres import Store

AT_ONCE = 20_000  # events in one transaction: nobody who writes waits for longer
OLD_EVENTS = f"""WITH old AS (SELECT id, user_row FROM events WHERE time > 0 AND time < %(at)s LIMIT %(n)s),
    {READ_ANEW.format("old")}
DELETE FROM events WHERE (SELECT count(*) FROM whose) >= 0 AND id IN (SELECT id FROM old)"""  # noqa: S608 people first
OLD_ROWS = "DELETE FROM quarantine WHERE at < to_timestamp(%(at)s)"
OLDEST_LIST = """SELECT (body -> 'moment' ->> 'items')::bigint, (body -> 'moment' ->> 'weights')::bigint
    FROM impressions ORDER BY at, id LIMIT 1"""
OLD_ITEMS = "DELETE FROM item_versions WHERE until <= coalesce(%s, (SELECT n FROM changes WHERE what = 'items'))"
OLD_WEIGHTS = """DELETE FROM weight_versions WHERE n < (SELECT max(n) FROM weight_versions
    WHERE n <= coalesce(%s, (SELECT n FROM changes WHERE what = 'weights')))"""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days what is kept; 0: for good.

    Logged lists leave by whole months, so that the oldest is up to a month older. An event of no known time stays.
    quarantine: the rows of imports that could not be read, which may name people.
    """

    lists: float = 400.0
    events: float = 0.0
    quarantine: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lists", "events", "quarantine"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidInput(f"retention {name}", "days >= 0 (0: for good)", repr(getattr(self, name)))


def tidy(store: Store, kept: Retention, at: float) -> dict[str, int]:
    """Drop what is older at `at` (unix seconds), give the room back, and say how many rows went.

    With the lists go the former versions of items and weights that no list needs any more. Whoever remembers a person
    whose events went reads them anew on the next request.
    """
    gone = {"lists": 0, "events": 0, "quarantine": 0}
    if kept.lists:
        gone["lists"] = sum(ImpressionLog(store).drop_before(at - DAY * kept.lists).values())
    if kept.events:
        gone["events"] = _old_events(store, at - DAY * kept.events)
    with store.transaction() as connection:
        if kept.quarantine:
            gone["quarantine"] = connection.execute(OLD_ROWS.encode(), {"at": at - DAY * kept.quarantine}).rowcount
        items, weights = connection.execute(OLDEST_LIST.encode()).fetchone() or (None, None)
        gone["item versions"] = connection.execute(OLD_ITEMS.encode(), (items,)).rowcount
        gone["weight versions"] = connection.execute(OLD_WEIGHTS.encode(), (weights,)).rowcount
    if any(gone.values()):
        store.vacuum()
    return gone


def _old_events(store: Store, at: float) -> int:
    gone = 0
    while True:
        with store.transaction() as connection:
            now = connection.execute(OLD_EVENTS.encode(), {"at": at, "n": AT_ONCE}).rowcount
        gone += now
        if now < AT_ONCE:
            return gone
