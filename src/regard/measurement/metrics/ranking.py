"""Ranking metrics over a padded hit matrix: one number per person.

Every function takes `hits` (Q, k), true where the item in that place is relevant (places past the end of a short list
are false), and `relevant` (Q,), how many relevant items each person has (>= 1). It returns (Q,) in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Scores

Hits: TypeAlias = NDArray[np.bool_]  # (Q, k)
Counts: TypeAlias = NDArray[np.int64]  # (Q,)
RankingMetric: TypeAlias = Callable[[Hits, Counts], Scores]


def precision(hits: Hits, relevant: Counts) -> Scores:
    """P@k = |hits| / k."""
    return np.asarray(hits.mean(axis=1), np.float64)


def recall(hits: Hits, relevant: Counts) -> Scores:
    """R@k = |hits| / |relevant|."""
    return np.asarray(hits.sum(axis=1) / relevant, np.float64)


def f1(hits: Hits, relevant: Counts) -> Scores:
    """F1@k = 2 P R / (P + R) = 2 |hits| / (k + |relevant|)."""
    return np.asarray(2 * hits.sum(axis=1) / (hits.shape[1] + relevant), np.float64)


def hit_rate(hits: Hits, relevant: Counts) -> Scores:
    """HR@k = 1 if any hit, else 0."""
    return np.asarray(hits.any(axis=1), np.float64)


def ndcg(hits: Hits, relevant: Counts) -> Scores:
    """N@k = sum_j hit_j / log2(j + 1) over the same sum of a perfect list, which has min(k, |relevant|) hits.

    Places j from 1 (Jarvelin & Kekalainen 2002, binary gains).
    """
    discounts = 1 / np.log2(np.arange(hits.shape[1]) + 2)
    ideal = np.cumsum(discounts)[np.minimum(relevant, hits.shape[1]) - 1]
    return np.asarray(hits @ discounts / ideal, np.float64)


def average_precision(hits: Hits, relevant: Counts) -> Scores:
    """AP@k = sum_j hit_j P@j / min(k, |relevant|); its mean over people is MAP."""
    k = hits.shape[1]
    at_each = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    return np.asarray((at_each * hits).sum(axis=1) / np.minimum(relevant, k), np.float64)


def reciprocal_rank(hits: Hits, relevant: Counts) -> Scores:
    """RR@k = 1 / place of the first hit, 0 without one; its mean over people is MRR."""
    first = np.argmax(hits, axis=1)
    return np.asarray(np.where(hits.any(axis=1), 1 / (first + 1), 0.0), np.float64)


RANKING: Mapping[str, RankingMetric] = MappingProxyType(
    {
        "N": ndcg,
        "R": recall,
        "P": precision,
        "F1": f1,
        "HR": hit_rate,
        "MAP": average_precision,
        "MRR": reciprocal_rank,
    }
)  # by the name that stands before "@k" in tables
