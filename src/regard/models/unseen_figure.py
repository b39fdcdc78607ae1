"""UnseenFigure: how well full scores rank what people met in validation and had not met before, for early stopping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.dataset import Dataset
from regard.domain.request import Query
from regard.measurement.metrics.ranking import ndcg
from regard.models.scoring import CELLS, FullScores, best

K, PEOPLE = 20, 2_000


@dataclass(frozen=True, eq=False)
class UnseenFigure:
    """nDCG@20 of people with a past, PEOPLE of them at most, evenly spread over the rows; every unmet item is ranked.

    queries: (Q,) of what they had done; targets: (Q,) of what they met after it, each at least one row.
    """

    queries: Sequence[Query]
    targets: Sequence[Rows]

    @staticmethod
    def of(data: Dataset, validation: Dataset) -> UnseenFigure:
        """From the positive events of `validation`, over the same people and items."""
        events = validation.events.where(np.asarray(validation.events.weight > 0))
        able = np.flatnonzero((np.diff(events.offsets) > 0) & (np.diff(data.events.offsets) > 0))
        queries = data.queries(able[:: max(1, -(-len(able) // PEOPLE))])
        targets = [np.setdiff1d(events.history(query.user).rows, query.history.rows) for query in queries]
        judged = [place for place, target in enumerate(targets) if len(target)]
        return UnseenFigure([queries[p] for p in judged], [targets[p] for p in judged])

    def __call__(self, model: FullScores) -> float:
        """The figure of one model; 0 where nobody can be judged."""
        step = max(1, CELLS // max(1, model.n_items))
        gains = [
            self._gains(model, slice(start, end))
            for start, end in pairwise([*range(0, len(self.queries), step), len(self.queries)])
        ]
        return float(np.concatenate(gains).mean()) if gains else 0.0

    def _gains(self, model: FullScores, chosen: slice) -> NDArray[np.float64]:
        hits = np.zeros((len(self.queries[chosen]), K), np.bool_)
        scores = model.scores(self.queries[chosen])
        for place, (query, target) in enumerate(zip(self.queries[chosen], self.targets[chosen], strict=True)):
            row = scores[place]
            row[query.history.rows] = -np.inf
            top = best(row, K)
            hits[place, : len(top)] = np.isin(top, target) & np.isfinite(row[top])
        return ndcg(hits, np.array([len(target) for target in self.targets[chosen]], np.int64))
