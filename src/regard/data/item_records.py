"""Item records read from a Dataset's columns, merged field by field, and asked for their groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from regard.data.attributes import text_of, values_of
from regard.domain.dataset import Dataset
from regard.domain.records import Item, Value

TEXTS = ("title", "text", "creator")
LISTS = ("tags", "images", "audio")
ENDS = ("valid_from", "valid_until")
AT_ONCE = 1024
FIELDS = frozenset([*TEXTS, *LISTS, *ENDS, "hidden"])


def record(data: Dataset, row: int) -> Item:
    """The item of one row; columns that are not fields of Item are its attributes, empty ones left out."""
    return next(records(data, row, row + 1))


def records(data: Dataset, start: int = 0, end: int | None = None) -> Iterator[Item]:
    """The items of rows start:end, in order, read some at a time: while they are read, no other thread can work."""
    end = len(data.items) if end is None else end
    for first in range(start, end, AT_ONCE):
        last = min(first + AT_ONCE, end)
        if data.item_attributes.num_columns:
            said = data.item_attributes.slice(first, last - first).to_pylist()
        else:
            said = [{} for _ in range(first, last)]
        for row, words in zip(range(first, last), said, strict=True):
            yield _item(data.items[row], words)


def merged(before: Item, said: Item) -> Item:
    """`before` with what `said` says about the same item: its empty fields say nothing, as in the store."""
    changes: dict[str, Any] = {name: getattr(said, name) for name in (*TEXTS, *LISTS) if getattr(said, name)}
    changes |= {name: getattr(said, name) for name in ENDS if getattr(said, name) is not None}
    attributes = {**before.attributes, **said.attributes}
    return replace(before, attributes=attributes, hidden=before.hidden or said.hidden, **changes)


def members(item: Item, name: str) -> Sequence[str]:
    """The groups of an item by `name`: its tags, its creator, or the values of an attribute (as text)."""
    value = item.tags if name == "tags" else item.creator if name == "creator" else item.attributes.get(name)
    return _texts(value)


def members_of(data: Dataset, name: str) -> list[Sequence[str]]:
    """`members` of every item of a Dataset, (I,)."""
    if name not in data.item_attributes.column_names:
        return [()] * len(data.items)
    column: pa.ChunkedArray = data.item_attributes.column(name)
    return [_texts(value) for value in column.to_pylist()]


def _item(item_id: str, words: dict[str, Any]) -> Item:
    known: dict[str, Any] = {name: words.get(name) or "" for name in TEXTS}
    known |= {name: tuple(_texts(words.get(name))) for name in LISTS}
    others = {name: said for name, said in words.items() if name not in FIELDS}
    return Item(
        item_id,
        attributes=values_of(others),
        valid_from=words.get("valid_from"),
        valid_until=words.get("valid_until"),
        hidden=bool(words.get("hidden")),
        **known,
    )


def _texts(value: Value | list[str] | None) -> Sequence[str]:
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return value
    return (text_of(value) if isinstance(value, (str, bool, int, float)) else str(value),)
