"""List metrics: what the recommended lists are like, whatever was right in them.

`lists` (Q, k) holds item rows, best first, with -1 past the end of a short list. A person for whom a figure has no
meaning (an empty list, no history) gets NaN, and means leave NaN out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array, Scores, Vectors
from regard.measurement.metrics.ranking import Hits

Lists = NDArray[np.int64]  # (Q, k)
STECK_ALPHA = 0.01  # how much of p is mixed into q, so that the divergence stays finite (Steck 2018, section 3.1)


def exposures(lists: Lists, n_items: int) -> NDArray[np.int64]:
    """How often each item stands in a list, (I,)."""
    return np.bincount(lists[lists >= 0], minlength=n_items)


def coverage(lists: Lists, n_items: int) -> float:
    """The share of the catalogue that stands in at least one list: |union of lists| / I."""
    return float((exposures(lists, n_items) > 0).mean())


def gini(amounts: Array) -> float:
    """Inequality of `amounts` (I,): 0 when all are equal, (I - 1) / I when one has all.

    G = sum_i (2 i - I - 1) x_i / (I sum x), x sorted upwards, i from 1. NaN when there is nothing to share.
    """
    x = np.sort(np.asarray(amounts, np.float64))
    n, total = len(x), x.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ x / (n * total)) if total > 0 else float("nan")


def intra_list_diversity(lists: Lists, vectors: Vectors) -> Scores:
    """ILD = mean over the pairs of a list of 1 - cos(v_i, v_j) (Ziegler et al. 2005), (Q,). `vectors` (I, d).

    By sum_{i != j} u_i.u_j = |sum u|^2 - sum |u_i|^2 over unit vectors u. A zero vector has cosine 0 with all.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(norms > 0, norms, 1)).astype(np.float64)
    there = lists >= 0
    n = there.sum(axis=1)
    member = incidence(lists, len(vectors))
    total, own = member @ unit, member @ (unit**2).sum(axis=1)
    pairs = np.where(n > 1, n * (n - 1), np.nan)
    return np.asarray(1 - ((total**2).sum(axis=1) - own) / pairs, np.float64)


def novelty(lists: Lists, popularity: Array) -> Scores:
    """Mean self-information of a list in bits: the mean of -log2 p(i) (Zhou et al. 2010; Vargas & Castells 2011), (Q,).

    `popularity` (I,): p(i), the share of people who know item i, in (0, 1]; give unknown items one person's share.
    """
    return _mean_over_lists(lists, -np.log2(popularity))


def serendipity(hits: Hits, expected: Hits) -> Scores:
    """The share of places that hold a relevant item which a plain popularity list would not have shown (Ge 2010).

    `expected` (Q, k): the item of that place stands in the person's popularity list of length k.
    """
    return np.asarray((hits & ~expected).mean(axis=1), np.float64)


def calibration(taste: Scores, shown: Scores, alpha: float = STECK_ALPHA) -> Scores:
    """KL(p || (1 - alpha) q + alpha p), in nats: how far the lists are from people's own mix (Steck 2018, eq. 5), (Q,).

    `taste` p and `shown` q (Q, g): distributions over g genres, each row summing to 1; a row of zeros gives NaN.
    """
    mixed = (1 - alpha) * shown + alpha * taste
    ratio = np.divide(taste, mixed, out=np.ones_like(taste), where=taste > 0)
    defined = (taste.sum(axis=1) > 0) & (shown.sum(axis=1) > 0)
    return np.where(defined, (taste * np.log(ratio)).sum(axis=1), np.nan)


def popularity_lift(lists: Lists, popularity: Array, profile: Scores) -> Scores:
    """PL = mean popularity of the list / mean popularity of the person's own items - 1 (Abdollahpouri 2020), (Q,).

    `popularity` (I,); `profile` (Q,): the person's own mean, NaN without history. 0: like the person.
    """
    return np.asarray(_mean_over_lists(lists, popularity) / profile - 1, np.float64)


def incidence(lists: Lists, n_items: int) -> sparse.csr_array:
    """Which items stand in which list, (Q, I), one per place."""
    there = lists >= 0
    indptr = np.r_[0, np.cumsum(there.sum(axis=1))]
    return sparse.csr_array((np.ones(indptr[-1]), lists[there], indptr), shape=(len(lists), n_items))


def genre_mix(member: sparse.csr_array, genres: Array) -> Scores:
    """The mix of genres of each row of `member` (Q, I): the weighted mean of p(g | i), rows summing to 1 or 0; (Q, g).

    `genres` (I, g): a row sums to 1, or to 0 where the item has none (such an item does not count).
    """
    mix = np.asarray(member @ genres, np.float64)
    total = mix.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(mix, total, out=np.zeros_like(mix), where=total > 0), np.float64)


def _mean_over_lists(lists: Lists, of_item: Array) -> Scores:
    there = lists >= 0
    amounts = np.where(there, np.asarray(of_item, np.float64)[np.where(there, lists, 0)], 0).sum(axis=1)
    n = there.sum(axis=1)
    return np.asarray(np.divide(amounts, n, out=np.full(len(lists), np.nan), where=n > 0), np.float64)
