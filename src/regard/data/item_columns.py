"""Item columns: whether and when each item may be shown, and who made it, as arrays over the catalogue's rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from regard.data.growing import Growing
from regard.domain.arrays import Array, Rows
from regard.domain.dataset import Dataset
from regard.domain.records import Item

NO_CREATOR = -1


class ItemColumns:
    """`hidden`, `valid_from`, `valid_until` and `creators` (codes), each (I,). One writer at a time."""

    def __init__(self) -> None:
        self.hidden = Growing(np.empty(0, np.bool_))
        self.valid_from = Growing(np.empty(0, np.float64))
        self.valid_until = Growing(np.empty(0, np.float64))
        self.creators = Growing(np.empty(0, np.int64))
        self._all = (self.hidden, self.valid_from, self.valid_until, self.creators)
        self._creator_codes: dict[str, int] = {}

    def start(self, data: Dataset) -> None:
        """The items of a Dataset, row for row."""
        nothing = [None] * len(data.items)
        hidden, start, end, creator = (
            data.item_column(name) or nothing for name in ("hidden", "valid_from", "valid_until", "creator")
        )
        codes = self._codes(name or "" for name in creator)
        values = np.array([bool(h) for h in hidden], np.bool_), _ends(start, -np.inf), _ends(end, np.inf), codes
        for column, said in zip(self._all, values, strict=True):
            column.append(said)

    def append(self, items: Sequence[Item]) -> None:
        """Add items at the end."""
        for column, values in zip(self._all, self._values(items), strict=True):
            column.append(values)

    def put(self, rows: Rows, items: Sequence[Item]) -> None:
        """Change rows (n,) that are there."""
        for column, values in zip(self._all, self._values(items), strict=True):
            column.put(rows, values)

    def _values(self, items: Sequence[Item]) -> tuple[Array, Array, Array, Array]:
        return (
            np.array([item.hidden for item in items], np.bool_),
            _ends([item.valid_from for item in items], -np.inf),
            _ends([item.valid_until for item in items], np.inf),
            self._codes(item.creator for item in items),
        )

    def _codes(self, creators: Iterable[str]) -> NDArray[np.int64]:
        known = self._creator_codes
        return np.array([known.setdefault(name, len(known)) if name else NO_CREATOR for name in creators], np.int64)


def _ends(times: Sequence[float | None], open_: float) -> NDArray[np.float64]:
    return np.array([open_ if time is None else time for time in times], np.float64)
