"""The search for one set of weights: nDCG over a pool, and whether a segment's own weights are worth having."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regard.domain.arrays import Scores
from regard.models.pooling import Pool

GRID = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # shares one source may take
FLOORS = (0.01, 0.001, 0.0001)  # the least share of a source, the first that is affordable
STARTS = 24  # points drawn from the simplex beside the sources alone and all alike
FEW = 20  # fewer people say nothing of their own
NOISE = 2.0  # standard errors by which own weights must win on people they were not learned on


def search(pool: Pool, k: int, rng: np.random.Generator, near: Scores | None = None) -> Scores:
    """Weights (S,) >= 0 that sum to 1, never worse for `pool` than one of its sources.

    Each source alone, all alike and random points of the simplex (or, with `near`, those weights instead); from the
    best of them one source's share after another is moved over GRID until nothing gains. Where nobody, or nothing,
    tells the sources apart, all weigh alike.
    """
    n = len(pool.deviation)
    alike = np.full(n, 1 / n)
    drawn = rng.dirichlet(np.ones(n), STARTS if n > 1 else 0) if near is None else near[None, :]
    starts = [*np.eye(n), alike, *drawn]
    found = [pool.ndcg(start, k) for start in starts]
    if max(found) == 0:
        return alike if near is None else near
    return _climb(pool, starts[int(np.argmax(found))], max(found), k)


def _climb(pool: Pool, weights: Scores, value: float, k: int) -> Scores:
    gained = len(weights) > 1
    while gained:
        gained = False
        for source in range(len(weights)):
            for share in GRID:
                moved = _moved(weights, source, share)
                if (tried := pool.ndcg(moved, k)) > value + 1e-12:
                    weights, value, gained = moved, tried, True
    return weights


def own_weights(pool: Pool, overall: Scores, k: int, rng: np.random.Generator) -> Scores:
    """The weights of a segment of people: its own, or those of everybody.

    Each half of the segment learns weights, and the other half judges them against `overall`; only where they win by
    NOISE standard errors are weights learned on the whole segment. `overall` has seen both halves, so it has the
    benefit of the doubt.
    """
    if len(pool) < FEW or len(overall) == 1:
        return overall
    half = rng.permutation(len(pool)) % 2 == 0
    gains: Sequence[Scores] = [
        judges.gains(search(learners, k, rng, overall), k) - judges.gains(overall, k)
        for learners, judges in ((pool.where(half), pool.where(~half)), (pool.where(~half), pool.where(half)))
    ]
    gained = np.concatenate(gains)
    if gained.mean() <= NOISE * gained.std(ddof=1) / np.sqrt(len(gained)):
        return overall
    return search(pool, k, rng, overall)


def floored(pool: Pool, weights: Scores, k: int, least: float) -> Scores:
    """The weights with the largest of FLOORS as their least that leaves `least`, else as they are.

    So a person of whom the best source knows nothing still gets an order from the others.
    """
    for floor in FLOORS:
        lifted: Scores = np.maximum(weights, floor) / np.maximum(weights, floor).sum()
        if pool.ndcg(lifted, k) >= least:
            return lifted
    return weights


def _moved(weights: Scores, source: int, share: float) -> Scores:
    """The same proportions among the others, and `share` for one source."""
    rest = np.delete(weights, source)
    rest = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1 / len(rest))
    return np.insert((1 - share) * rest, source, share)
