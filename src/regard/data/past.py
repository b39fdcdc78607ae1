"""The past of a store: items and weights as they stood at the number of a change, which every logged list keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regard.data.item_changes import ItemChanges, item_from, items_where
from regard.data.snapshot import items_as_of
from regard.domain.errors import NotFound
from regard.domain.weights import EventWeight

if TYPE_CHECKING:
    from regard.data.postgres import Store

NEW_GONE = "SELECT row FROM gone_items WHERE created <= %s AND (created > %s OR changed > %s)"
DELETED = "SELECT count(*) FROM gone_items WHERE created <= %s AND changed > %s"
MISSING = """SELECT count(*) FROM items i WHERE created <= %(n)s AND changed > %(n)s
    AND NOT EXISTS (SELECT FROM item_versions WHERE row = i.row AND changed <= %(n)s AND until > %(n)s)"""
WEIGHTS = "SELECT weights FROM weight_versions WHERE n <= %s ORDER BY n DESC LIMIT 1"


def steps(store: Store, after: int, upto: int, read: int) -> ItemChanges:
    """What makes the items as of change `upto` out of those as of change `after`, as they were read at change `read`.

    What was deleted since then is gone from the past as well: nameless, as all that was deleted before.
    """
    with store.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = connection.execute(items_where("changed > %s ORDER BY row", items_as_of(upto)), (after,)).fetchall()
        gone = connection.execute(NEW_GONE.encode(), (upto, after, read)).fetchall()
    return ItemChanges(upto, tuple(map(item_from, rows)), tuple(row for (row,) in gone))


def must_be_kept(store: Store, n: int) -> None:
    """NotFound where an item has changed since change `n` and how it stood then is no longer kept."""
    with store.reading() as connection:
        found = connection.execute(MISSING.encode(), {"n": n}).fetchone()
    if found is not None and found[0]:
        raise NotFound("the items of that moment", "all of them", f"{found[0]} that have changed since")


def deleted_since(store: Store, n: int) -> int:
    """How many items that stood at change `n` have been deleted since, and with them all that was known of them."""
    with store.reading() as connection:
        found = connection.execute(DELETED.encode(), (n, n)).fetchone()
    return int(found[0]) if found else 0


def weights_as_of(store: Store, n: int) -> tuple[EventWeight, ...]:
    """The table of event weights at change number `n` of it, in the order in which its rows are tried."""
    with store.reading() as connection:
        found = connection.execute(WEIGHTS.encode(), (n,)).fetchone()
    if found is None:
        raise NotFound("the weights of that moment", "a version up to that change", f"none up to {n}")
    return tuple(EventWeight(one["type"], one["weight"], one["at_least"], one["scaled"]) for one in found[0])
