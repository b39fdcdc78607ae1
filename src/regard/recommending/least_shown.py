"""LeastShown: proposes items that few have been shown yet, so that a policy can give them their first impressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.columns import Column
from regard.recommending.lots import lot


@dataclass(frozen=True, slots=True, eq=False)
class LeastShown:
    """Items with fewer than `enough` impressions, the least shown first; equal ones by a lot drawn from the query.

    `shown` (I,) is a call where the catalogue grows. Whether one of them is shown is for the policy to say: the source
    only sees to it that it can.
    """

    shown: Column
    enough: float = 100.0
    name: str = "least shown"

    def __post_init__(self) -> None:
        if not self.enough > 0:
            raise InvalidInput("LeastShown.enough", "impressions > 0", repr(self.enough))

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k; the score is the share of `enough` that is still missing."""
        shown = np.asarray(self.shown() if callable(self.shown) else self.shown, np.float64)
        missing = 1.0 - shown / self.enough
        rows = np.flatnonzero(missing > 0)
        lots = np.random.default_rng(lot(query)).random(len(rows))
        chosen = rows[np.lexsort((lots, -missing[rows]))[:k]]
        return Candidates.of(self.name, chosen, missing[chosen])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles."""
        return [self.retrieve(query, k) for query in queries]
