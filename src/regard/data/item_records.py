"""Item records read from a Dataset's columns, merged field by field, and asked for their groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regard.data.attributes import text_of, values_of
from regard.domain.arrays import Rows
from regard.domain.dataset import Dataset
from regard.domain.records import Item
from regard.domain.request import NO_ROWS

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


def members_of(data: Dataset, name: str) -> tuple[Rows, Rows, list[str]]:
    """`members` of every item of a Dataset as pairs of row and group (m,), codes into names; -1 is no group."""
    if name not in data.item_attributes.column_names or not len(data.items):
        return NO_ROWS, NO_ROWS, []
    column = data.item_attributes.column(name).combine_chunks()
    if pa.types.is_dictionary(column.type):  # which may hold null as a value
        column = column.cast(column.type.value_type)
    many = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    try:
        counts = pc.list_value_length(column).fill_null(0) if many else column.is_valid().cast(pa.int64())
        said = (column.flatten() if many else column.drop_null()).dictionary_encode()
    except pa.ArrowNotImplementedError:  # of a kind that has no dictionary: one by one
        own = [_texts(value) for value in column.to_pylist()]
        counts, many = pa.array([len(texts) for texts in own], pa.int64()), True
        said = pa.array([text for texts in own for text in texts], pa.string()).dictionary_encode()
    words = [_texts([value] if many else value) for value in said.dictionary.to_pylist()]
    names = list(dict.fromkeys(word for own_words in words for word in own_words))
    place = {word: code for code, word in enumerate(names)}
    codes = np.array([*(place[own_words[0]] if own_words else -1 for own_words in words), -1], np.int64)
    rows = np.repeat(np.arange(len(column)), counts.to_numpy(zero_copy_only=False))
    found = said.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)  # a null of a list: the last
    return rows, codes[found], names


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


def _texts(value: Any) -> Sequence[str]:
    """A value as the names of groups: an empty text is none, but within a list it is a word like any other."""
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(_text(one) for one in value if one is not None)
    return (_text(value),)


def _text(value: Any) -> str:
    return text_of(value) if isinstance(value, (str, bool, int, float)) else str(value)
