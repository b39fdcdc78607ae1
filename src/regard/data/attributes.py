"""Free attributes of people and items become typed Arrow columns: numbers, truths, texts, lists of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from regard.domain.records import Value

TYPES = {"bool": pa.bool_(), "number": pa.float64(), "text": pa.string(), "texts": pa.list_(pa.string())}


def columns_of(attributes: Iterable[tuple[int, Mapping[str, Any]]], n: int) -> dict[str, pa.Array]:
    """Typed columns of `n` rows from (row, attributes) pairs; where nothing is said stands null.

    A column is bool, float64, string, or list of strings; mixed columns become the widest of what stands in them.

    >>> found = columns_of([(0, {"year": 1999, "genres": ["a", "b"]}), (2, {"year": 2001.5})], 3)
    >>> found["year"].to_pylist(), found["genres"].to_pylist()
    ([1999.0, None, 2001.5], [['a', 'b'], None, None])
    """
    values: dict[str, list[Any]] = {}
    for row, said in attributes:
        for name, value in said.items():
            if name not in values:
                values[name] = [None] * n
            values[name][row] = value
    return {name: _typed(values[name]) for name in sorted(values)}


def values_of(said: Mapping[str, Any]) -> dict[str, Value]:
    """Attributes as JSON or a table's row gives them, as values of a record; what is null says nothing.

    Numbers are floats, lists are tuples.

    >>> values_of({"year": 1999, "new": True, "genres": ["a"], "mood": None})
    {'year': 1999.0, 'new': True, 'genres': ('a',)}
    """
    return {name: _value(value) for name, value in said.items() if value is not None}


def text_of(value: str | float | bool) -> str:
    """One value as text, by which filters know it: different values never fall together.

    >>> [text_of(value) for value in ("a", 1995.0, 1234567.0, 7.25, True)]
    ['a', '1995', '1234567', '7.25', 'true']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if float(value).is_integer() else repr(value)


def _value(value: Any) -> Value:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, (str, float, bool)) else str(value)


def _typed(values: list[Any]) -> pa.Array:
    kinds = {_kind(value) for value in values if value is not None}
    if "texts" in kinds:
        lists = [None if v is None else [text_of(x) for x in (v if isinstance(v, list) else [v])] for v in values]
        return pa.array(lists, TYPES["texts"])
    if "text" in kinds:
        return pa.array([None if v is None else text_of(v) for v in values], TYPES["text"])
    if kinds == {"bool"}:
        return pa.array(values, TYPES["bool"])
    return pa.array([None if v is None else float(v) for v in values], TYPES["number"])


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "texts"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else "text"
