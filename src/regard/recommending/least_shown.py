"""LeastShown: proposes items that few have been shown yet, so that a policy can give them their first impressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from regard.domain.arrays import Mask, Rows, Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.columns import Column, take
from regard.recommending.lots import lot

OnOffer: TypeAlias = Callable[[Query], Mask]  # which of all items of today may be shown at that moment, (I,)


@dataclass(frozen=True, slots=True, eq=False)
class LeastShown:
    """Items with fewer than `enough` impressions, the least shown first; equal ones by a lot drawn from the query.

    An item newer than `shown` (I,) was never shown. What is not `on_offer` would never be shown and so stay in the way
    of all others. Whether one of them is shown is for the policy to say: the source only sees to it that it can.
    """

    shown: Column
    enough: float = 100.0
    on_offer: OnOffer | None = None
    name: str = "least shown"

    def __post_init__(self) -> None:
        if not self.enough > 0:
            raise InvalidInput("LeastShown.enough", "impressions > 0", repr(self.enough))

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k; the score is the share of `enough` that is still missing."""
        rows, shown = self._few(query)
        lots = np.random.default_rng(lot(query)).random(len(rows))  # the same whatever k
        if 0 < k < len(rows):  # all but those that are surely not among the first k, so that few are put in order
            edge = np.partition(shown, k - 1)[k - 1]
            sure, tied = np.flatnonzero(shown < edge), np.flatnonzero(shown == edge)
            lucky = np.argpartition(lots[tied], k - len(sure) - 1)[: k - len(sure)]
            kept = np.concatenate([sure, tied[lucky]])
            rows, shown, lots = rows[kept], shown[kept], lots[kept]
        order = np.lexsort((lots, shown))[: max(0, k)]
        return Candidates.of(self.name, rows[order], 1.0 - shown[order] / self.enough)

    def _few(self, query: Query) -> tuple[Rows, Scores]:
        """Everything that may be proposed, and how often it was shown."""
        shown = np.asarray(self.shown() if callable(self.shown) else self.shown, np.float64)
        if self.on_offer is not None:
            offered = self.on_offer(query)
            shown = np.where(offered, take(shown, np.arange(len(offered)), missing=0.0), np.inf)
        rows = np.flatnonzero(shown < self.enough)
        rows = rows[query.lets(rows)]
        return rows, shown[rows]

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles."""
        return [self.retrieve(query, k) for query in queries]
