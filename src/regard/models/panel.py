"""Panel: several sources asked together: which items they propose, and what each of them says of an item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows
from regard.domain.request import NO_ROWS, Query
from regard.models.scoring import spoken

PLACE = ", place"  # the end of the name of a place's column
CELLS = 8_000_000  # scores of one source that are held at once
Heard = tuple[list[Rows], NDArray[np.float32]]  # rows of each query, and columns (n, 2S) of all of them


@dataclass(frozen=True, eq=False)
class Panel:
    """Fitted sources by name; each may propose its best `breadth` items beside those that a person has met.

    Of each source an example has two columns: its score, and its place: log(1 + how many items that this person has
    not met it holds better), which goes no further than `breadth`. Both are NaN where it says nothing.
    """

    sources: Mapping[str, Any]  # fitted FullScores
    breadth: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, (2S,)."""
        return tuple(name for source in self.sources for name in (source, source + PLACE))

    @property
    def n_items(self) -> int:
        """How many items the sources know."""
        return max((int(source.n_items) for source in self.sources.values()), default=0)

    def support(self) -> NDArray[np.floating]:
        """People per item, (I,): the most that any source learned it from."""
        found = np.zeros(self.n_items)
        for source in self.sources.values():
            own = source.support()
            found[: len(own)] = np.maximum(found[: len(own)], own)
        return found

    def propose(self, queries: Sequence[Query], met: bool = True) -> Heard:
        """What all sources propose to each query, by row, and their columns; with or without items they have `met`."""
        return self._hear(queries, None, met)

    def hear(self, queries: Sequence[Query], rows: Sequence[Rows]) -> NDArray[np.float32]:
        """What the sources say of each query's `rows`, (n, 2S)."""
        return self._hear(queries, rows, True)[1]

    def _hear(self, queries: Sequence[Query], asked: Sequence[Rows] | None, met: bool) -> Heard:
        if not self.sources:
            nobody = list(asked) if asked is not None else [NO_ROWS] * len(queries)
            return nobody, np.empty((sum(map(len, nobody)), 0), np.float32)
        found: list[Rows] = []
        columns = [np.empty((0, 2 * len(self.sources)), np.float32)]
        step = max(1, CELLS // max(1, self.n_items))
        for start, end in pairwise([*range(0, len(queries), step), len(queries)]):
            full = [source.scores(queries[start:end]) for source in self.sources.values()]
            for place, query in enumerate(queries[start:end]):
                said = [scores[place] for scores in full]
                unseen = self._unseen(query)
                rows = self._pool(said, unseen, query, met) if asked is None else asked[start + place]
                found.append(rows)
                columns.append(np.concatenate([self._columns(row, unseen, rows) for row in said], axis=1))
        return found, np.concatenate(columns)

    def _unseen(self, query: Query) -> Mask:
        unseen = np.ones(self.n_items, np.bool_)
        met = query.history.rows
        unseen[met[(met >= 0) & (met < self.n_items)]] = False
        return unseen

    def _pool(self, said: Sequence[NDArray[np.float32]], unseen: Mask, query: Query, met: bool) -> Rows:
        pool = [NO_ROWS]
        for row in said:
            if row.any():
                free = row if met else np.where(unseen[: len(row)], row, -np.inf)
                rows = spoken(free, self.breadth + (int((~unseen).sum()) if met else 0), query.allowed)
                pool.append(rows[np.isfinite(free[rows])])
        return np.unique(np.concatenate(pool))

    def _columns(self, row: NDArray[np.float32], unseen: Mask, rows: Rows) -> NDArray[np.float32]:
        """Score and place of one source for the items `rows`, (n, 2)."""
        found = np.full((len(rows), 2), np.nan, np.float32)
        known = (rows >= 0) & (rows < len(row))
        if row.any():
            free = row[unseen[: len(row)]]
            depth = min(self.breadth, len(free))
            top = np.sort(-np.partition(-free, depth - 1)[:depth]) if depth else free[:0]  # as `kth_highest`
            found[known, 0] = row[rows[known]]
            found[known, 1] = np.log1p(depth - np.searchsorted(top, row[rows[known]], "right"))
        return found
