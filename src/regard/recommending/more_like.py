"""More like this: on the page of an item, what is near to it is proposed and lifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates
from regard.domain.protocols import Gain
from regard.domain.request import NO_ROWS, Query
from regard.recommending.columns import Column, directions, take
from regard.recommending.diversity import check_weight
from regard.recommending.retrievers import dots
from regard.recommending.slots import scaled


def likeness(kinds: Sequence[Column], item: int, rows: Rows | None = None) -> Scores:
    """How near items (n,) are to one, in 0..1: the mean, over the kinds of vectors that know it, of the cosines.

    `kinds` (I, d) are vectors at length 1; a zero vector, and an item newer than its kind, is like nothing. `rows`
    None: all that some kind knows.
    """
    held = [kind() if callable(kind) else kind for kind in kinds]
    own = [directions(kind, np.array([item]))[0] for kind in held]
    known = [(kind, one) for kind, one in zip(held, own, strict=True) if one.any()]
    found = np.zeros(max(map(len, held), default=0) if rows is None else len(rows))
    for kind, one in known:
        near = dots(kind if rows is None else take(kind, rows, missing=0.0), one)
        found[: len(near)] += np.maximum(near, 0.0)
    return found / max(1, len(known))


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """The items that are like `query.seed_item` by some kind of vectors (I, d); none where no item is named."""

    kinds: Sequence[Column]
    name: str = "alike"

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k, best first."""
        if query.seed_item is None:
            return Candidates.of(self.name, NO_ROWS, np.empty(0))
        scores = likeness(self.kinds, query.seed_item)
        rows = np.flatnonzero((scores > 0) & query.lets(np.arange(len(scores))))
        rows = rows[np.lexsort((rows, -scores[rows]))[: max(0, k)]]
        return Candidates.of(self.name, rows, scores[rows])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles."""
        return [self.retrieve(query, k) for query in queries]


@dataclass(frozen=True, slots=True, eq=False)
class MoreLike:
    """Adds `weight` to the candidate most like `query.seed_item`, nothing to the least; to nobody where none is named.

    Scores range over 1, so with a weight of 4 likeness comes first, and among those within a quarter of its range the
    person's own scores decide. `kinds` (I, d) are vectors at length 1.
    """

    kinds: Sequence[Column]
    weight: float = 4.0

    def __post_init__(self) -> None:
        check_weight("MoreLike.weight", self.weight)

    def ceiling(self, query: Query) -> float:
        """None where an item is named: who gains most depends on who is there."""
        return 0.0 if query.seed_item is None else np.inf

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate; the same for each slot."""
        gains = np.zeros(len(candidates))
        if query.seed_item is not None and len(candidates):
            gains = self.weight * scaled(likeness(self.kinds, query.seed_item, candidates.rows))
        return lambda last: gains
