"""Dataset: a frozen, row-mapped snapshot; the same object for every estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Mask, Rows, Vectors, check_shape
from regard.domain.errors import InvalidInput
from regard.domain.events import Events
from regard.domain.frames import read_frame
from regard.domain.index import Index
from regard.domain.records import Value, plain
from regard.domain.request import UNKNOWN, History, Query
from regard.domain.weights import DEFAULT_WEIGHTS, EventWeight, Weighting, weigh


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Who, what, and what happened until the moment `at` (unix seconds).

    `user_attributes` and `item_attributes` are Arrow tables aligned with the rows of `users` and `items`; items may
    have `title`, `text`, `tags`, `creator`, `images`, `audio`, `valid_from`, `valid_until`, `hidden` beside others.
    `vectors` holds content vectors (I, d) by encoder name.

    >>> import polars
    >>> data = Dataset.from_frame(polars.DataFrame({"user": ["u", "u", "v"], "item": ["a", "b", "a"]}))
    >>> len(data.users), len(data.items), data.matrix().toarray().tolist()
    (2, 2, [[1.0, 1.0], [1.0, 0.0]])
    """

    users: Index
    items: Index
    events: Events
    user_attributes: pa.Table = field(default_factory=lambda: pa.table({}))
    item_attributes: pa.Table = field(default_factory=lambda: pa.table({}))
    vectors: Mapping[str, Vectors] = field(default_factory=lambda: MappingProxyType({}))
    at: float = 0.0

    def __post_init__(self) -> None:
        check_shape("Dataset.events.offsets", self.events.offsets, (len(self.users) + 1,))
        for name, table, rows in (
            ("user_attributes", self.user_attributes, len(self.users)),
            ("item_attributes", self.item_attributes, len(self.items)),
        ):
            if table.num_columns and table.num_rows != rows:
                raise InvalidInput(f"Dataset.{name}", f"{rows} rows", f"{table.num_rows} rows")
        for name, vectors in self.vectors.items():
            check_shape(f"Dataset.vectors[{name}]", vectors, (len(self.items), None))

    def __repr__(self) -> str:
        return f"Dataset({len(self.users):,} users, {len(self.items):,} items, {len(self.events):,} events)"

    @staticmethod
    def from_frame(
        frame: Any, *, items: Any = None, users: Any = None, weights: Sequence[EventWeight] = DEFAULT_WEIGHTS
    ) -> Dataset:
        """A Dataset from a Polars, pandas or Arrow table of events, and tables of items and users (optional).

        The columns `user` and `item` are needed; `time` (unix seconds or datetime), `type` and `value` are read where
        they stand; common other names (`user_id`, `rating`, `timestamp` ...) are understood. Without `type`, a table
        with values holds events of type "rating", another one of type "view".
        """
        read = read_frame(frame, items, users)
        events = replace(read.events, weight=weigh(read.events.types, read.events.type, read.events.value, weights))
        at = float(events.time.max()) if len(events) else 0.0
        return Dataset(read.users, read.items, events, read.user_attributes, read.item_attributes, at=at)

    def matrix(self, weighting: Weighting | None = None) -> sparse.csr_array:
        """The interactions as (U, I), float32; default: 1 where an event of positive weight stands."""
        e = self.events
        return (weighting or Weighting()).matrix(e.offsets, e.item, e.weight, e.time, len(self.items))

    def where(self, mask: Mask) -> Dataset:
        """The same people and items with only the events of `mask` (n,)."""
        return replace(self, events=self.events.where(mask))

    def weighted(self, table: Sequence[EventWeight]) -> Dataset:
        """The same events, weighed by another table."""
        e = self.events
        return replace(self, events=replace(e, weight=weigh(e.types, e.type, e.value, table)))

    def with_vectors(self, name: str, vectors: Vectors) -> Dataset:
        """The same data with one more set of content vectors (I, d)."""
        return replace(self, vectors=MappingProxyType({**self.vectors, name: vectors}))

    def history(self, user: int) -> History:
        """What user row `user` did, oldest first; empty for UNKNOWN."""
        return History() if user == UNKNOWN else self.events.history(user)

    def query(self, user: str | int, k: int = 10, **asked: Any) -> Query:
        """A request of one person (id or row) with their history and attributes; `asked` are other fields of Query."""
        row = user if isinstance(user, int) else self.users.row(user)
        asked = {"at": self.at, "attributes": self.attributes_of(row), **asked}
        return Query(user=row, k=k, history=self.history(row), **asked)

    def queries(self, users: Rows | NDArray[np.integer], k: int = 10) -> list[Query]:
        """One request per user row."""
        return [self.query(int(row), k) for row in users]

    def attributes_of(self, user: int) -> Mapping[str, Value]:
        """The attributes of user row `user`, empty values left out; lists as tuples, dates as unix seconds."""
        if user == UNKNOWN or not self.user_attributes.num_columns:
            return {}
        found = self.user_attributes.slice(user, 1).to_pylist()[0]
        return {name: value for name, cell in found.items() if (value := plain(cell)) is not None}

    def item_column(self, name: str) -> list[Any] | None:
        """One item attribute in row order, or None where there is no such column."""
        if name not in self.item_attributes.column_names:
            return None
        return list(self.item_attributes.column(name).to_pylist())

    @property
    def titles(self) -> list[str]:
        """A name for each item row: its title, else its id."""
        titles = self.item_column("title") or [None] * len(self.items)
        return [title or name for title, name in zip(titles, self.items, strict=True)]
