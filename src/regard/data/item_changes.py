"""Items that changed after a counted change, for catalogues that follow the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.data.attributes import values_of
from regard.data.snapshot import ITEM_FIELDS, items_as_of
from regard.domain.errors import NotFound
from regard.domain.records import Item

if TYPE_CHECKING:
    from regard.data.postgres import Store


def items_where(condition: str, source: str = "items") -> bytes:
    """A query for what `item_from` reads."""
    return f"SELECT row, id, attributes, {', '.join(ITEM_FIELDS)} FROM {source} WHERE {condition}".encode()  # noqa: S608


@dataclass(frozen=True, slots=True)
class ItemChanges:
    """The items as they stand now and their rows, those that were deleted, and the number of the last change."""

    upto: int
    items: tuple[tuple[int, Item], ...]
    gone: tuple[int, ...]


def counted(store: Store) -> int:
    """The number of the last change of any item."""
    with store.reading() as connection:
        found = connection.execute("SELECT n FROM changes WHERE what = 'items'").fetchone()
    return int(found[0]) if found else 0


def item_changes(store: Store, after: int) -> ItemChanges:
    """All items that changed after change number `after`."""
    with store.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        upto = connection.execute("SELECT n FROM changes WHERE what = 'items'").fetchone()
        rows = connection.execute(items_where("changed > %s ORDER BY row"), (after,)).fetchall()
        gone = connection.execute("SELECT row FROM gone_items WHERE changed > %s", (after,)).fetchall()
    return ItemChanges(upto[0] if upto else after, tuple(map(item_from, rows)), tuple(row for (row,) in gone))


def item_rows(store: Store, rows: range, at: int | None = None) -> list[tuple[int, Item]]:
    """Those of `rows` that are there, each with its record as it stands, or stood at change number `at`."""
    if not rows:
        return []
    with store.reading() as connection:
        found = connection.execute(
            items_where("row >= %s AND row < %s ORDER BY row", items_as_of(at)), (rows.start, rows.stop)
        )
        return [item_from(row) for row in found]


def item_of(store: Store, item_id: str) -> Item:
    """The record of one item as the store has it, or NotFound."""
    with store.reading() as connection:
        found = connection.execute(items_where("id = %s"), (item_id,)).fetchone()
    if found is None:
        raise NotFound("item id", "an item known here", repr(item_id))
    return item_from(found)[1]


def items_page(store: Store, after: str, n: int, words: str = "") -> list[Item]:
    """At most `n` items whose ids follow `after`, in the order of ids; with `words`, those that have them."""
    asked = "id > %s AND strpos(lower(concat_ws(' ', id, title, text)), lower(%s)) > 0 ORDER BY id LIMIT %s"
    with store.reading() as connection:
        rows = connection.execute(items_where(asked), (after, words, n)).fetchall()
    return [item_from(row)[1] for row in rows]


def item_from(row: tuple[Any, ...]) -> tuple[int, Item]:
    """Its row and its record."""
    said = dict(zip(ITEM_FIELDS, row[3:], strict=True))
    said |= {name: tuple(said[name]) for name in ("tags", "images", "audio")}
    return row[0], Item(row[1], attributes=values_of(row[2]), **said)
