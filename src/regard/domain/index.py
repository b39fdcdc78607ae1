"""Index: external string ids and internal integer rows, kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from regard.domain.arrays import Rows
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.request import UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Ids in row order; `kind` ("user", "item") speaks in errors.

    >>> items = Index("item", ["a", "b"])
    >>> items.row("b"), items.rows(["b", "zzz"]).tolist(), items[0]
    (1, [1, -1], 'a')
    """

    kind: str
    ids: Sequence[str]
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {name: row for row, name in enumerate(self.ids)})
        if len(self._rows) != len(self.ids):
            raise InvalidInput(f"Index({self.kind})", "unique ids", f"{len(self.ids) - len(self._rows)} repeated")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> str:
        return self.ids[row]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def row(self, name: str) -> int:
        """The row of one id; NotFound if we do not know it."""
        row = self._rows.get(name)
        if row is None:
            raise NotFound(f"{self.kind} id", f"one of {len(self)} known {self.kind}s", repr(name), self._near(name))
        return row

    def rows(self, names: Iterable[str]) -> Rows:
        """The rows of many ids, (n,); UNKNOWN (-1) for those that we do not know."""
        return np.array([self._rows.get(name, UNKNOWN) for name in names], np.int64)

    def _near(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, list(self.ids[:10_000]), n=3)
        return f"Did you mean {', '.join(near)}?" if near else ""
