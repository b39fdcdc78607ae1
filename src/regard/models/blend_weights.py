"""The search for the weights of a blend: nDCG over the pooled best items of all its sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Scores
from regard.domain.request import Query
from regard.models.scoring import FullScores, best

GRID = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # shares one source may take
FLOORS = (0.01, 0.001, 0.0001)  # the least share of a source, the first that is affordable
STARTS = 24  # points drawn from the simplex beside the sources alone and all alike
CHUNK = 256  # people whose full scores are held at once


@dataclass(frozen=True, eq=False)
class Pool:
    """For Q people the items that a blend may show, P at most: scores of S sources, and which of them are wanted.

    `scores` (S, Q, P) are divided by `scale` (S,); only `filled` (Q, P) places hold an item; `wanted` (Q, P) marks the
    held-out items, `counts` (Q,) says how many there are with those beyond the pool.
    """

    scores: NDArray[np.float64]
    filled: NDArray[np.bool_]
    wanted: NDArray[np.bool_]
    counts: NDArray[np.int64]  # (Q,): held-out items of each person, in the pool or not
    scale: Scores

    @staticmethod
    def of(sources: Sequence[FullScores], queries: Sequence[Query], targets: Sequence[Rows], depth: int) -> Pool:
        """The best `depth` unseen items of each source, and the held-out ones."""
        people: list[tuple[Rows, NDArray[np.float64]]] = []
        deviations = np.zeros(len(sources))
        for start, end in pairwise([*range(0, len(queries), CHUNK), len(queries)]):
            full = np.stack([source.scores(queries[start:end]) for source in sources], axis=1).astype(np.float64)
            for scores, query, target in zip(full, queries[start:end], targets[start:end], strict=True):
                deviations += scores.std(axis=1)
                hidden = scores.copy()
                hidden[:, query.history.rows] = -np.inf
                rows = [chosen for row in hidden for chosen in best(row, depth) if np.isfinite(row[chosen])]
                pooled = np.union1d(np.array(rows, np.int64), target)
                people.append((pooled, scores[:, pooled]))
        scale = deviations / max(1, len(queries))
        scale[scale <= 0] = 1.0
        return _padded(people, targets, scale)

    def ndcg(self, weights: Scores, k: int) -> float:
        """Mean nDCG@k of the blend with `weights` (S,); equal scores count against us."""
        blended = np.tensordot(weights, self.scores, 1)
        against = np.where(self.wanted, blended - 1e-9 * np.abs(blended) - 1e-300, blended)
        against[~self.filled] = -np.inf
        width = min(k, against.shape[1])
        top = np.argpartition(-against, width - 1, axis=1)[:, :width]
        order = np.take_along_axis(top, np.argsort(-np.take_along_axis(against, top, 1), axis=1, kind="stable"), 1)
        discount = 1 / np.log2(np.arange(2, k + 2))
        gains = np.take_along_axis(self.wanted, order, 1) @ discount[:width]
        return float(np.mean(gains / np.cumsum(discount)[np.minimum(self.counts, k) - 1]))


def _padded(people: list[tuple[Rows, NDArray[np.float64]]], targets: Sequence[Rows], scale: Scores) -> Pool:
    width = max((len(rows) for rows, _ in people), default=0)
    scores = np.zeros((len(scale), len(people), width))
    filled, wanted = np.zeros((2, len(people), width), bool)
    for place, ((rows, said), target) in enumerate(zip(people, targets, strict=True)):
        scores[:, place, : len(rows)] = said / scale[:, None]
        filled[place, : len(rows)] = True
        wanted[place, : len(rows)] = np.isin(rows, target)
    return Pool(scores, filled, wanted, np.array([len(target) for target in targets], np.int64), scale)


def best_weights(pool: Pool, rng: np.random.Generator, k: int) -> tuple[Scores, Scores]:
    """Weights (S,) >= 0 that sum to 1, and nDCG@k of each source alone and of the blend, (S + 1,).

    Each source alone, all alike and random points of the simplex; from the best of them one source's share after
    another is moved over GRID until nothing gains. Then every source gets at least a little, so that a person of
    whom the best one knows nothing still gets an order. Where nobody, or nothing, tells the sources apart, all weigh
    alike.
    """
    n = len(pool.scale)
    alike = np.full(n, 1 / n)
    if not len(pool.counts):
        return alike, np.zeros(n + 1)
    starts = [*np.eye(n), alike, *rng.dirichlet(np.ones(n), STARTS if n > 1 else 0)]
    found = [pool.ndcg(start, k) for start in starts]
    weights, value = starts[int(np.argmax(found))], max(found)
    if value == 0:
        return alike, np.zeros(n + 1)
    gained = n > 1
    while gained:
        gained = False
        for source in range(n):
            for share in GRID:
                moved = _moved(weights, source, share)
                if (tried := pool.ndcg(moved, k)) > value + 1e-12:
                    weights, value, gained = moved, tried, True
    weights, value = _with_floor(pool, weights, k, max(found[:n]))
    return weights, np.array([*found[:n], value])


def _with_floor(pool: Pool, weights: Scores, k: int, least: float) -> tuple[Scores, float]:
    """The largest of FLOORS added to each weight that costs no more than what the blend gains over `least`."""
    for floor in FLOORS:
        floored = (weights + floor) / (weights + floor).sum()
        if (value := pool.ndcg(floored, k)) >= least:
            return floored, value
    return weights, pool.ndcg(weights, k)


def _moved(weights: Scores, source: int, share: float) -> Scores:
    """The same proportions among the others, and `share` for one source."""
    rest = np.delete(weights, source)
    rest = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1 / len(rest))
    return np.insert((1 - share) * rest, source, share)
