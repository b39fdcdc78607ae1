"""Sampled candidates: ranking among a few negatives, only for those who ask for it by name."""

from __future__ import annotations

import re

import numpy as np
from scipy import sparse

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.measurement.truth import Truth

HINT = "Sampled figures may order models wrongly (Krichene & Rendle 2020); leave it out to rank every item."


def sampled_candidates(name: str, truth: Truth, counts: Scores, seed: int) -> sparse.csr_array:
    """Each person's relevant items and n sampled others that are neither relevant nor barred; (Q, I).

    `name`: "uniform-N", or "popular-N" (chance proportional to `counts` (I,) + 1). People with fewer others get all.
    """
    asked = re.fullmatch(r"(uniform|popular)-([1-9]\d*)", name) if isinstance(name, str) else None
    if asked is None:
        raise InvalidInput("evaluate.sampled", '"uniform-N" or "popular-N"', repr(name), HINT)
    n, n_items = int(asked[2]), truth.relevant.shape[1]
    log_chance = np.log(counts + 1) if asked[1] == "popular" else np.zeros(n_items)
    rng = np.random.default_rng(seed)
    chosen = []
    for q in range(len(truth.users)):
        relevant = truth.relevant.indices[truth.relevant.indptr[q] : truth.relevant.indptr[q + 1]]
        barred = truth.barred.indices[truth.barred.indptr[q] : truth.barred.indptr[q + 1]]
        keys = log_chance + rng.gumbel(size=n_items)  # the n largest are a draw without replacement (Gumbel top-k)
        keys[relevant] = keys[barred] = -np.inf
        few = min(n, int(np.isfinite(keys).sum()))
        chosen.append(np.sort(np.r_[np.argpartition(-keys, few - 1)[:few] if few else [], relevant]).astype(np.int64))
    indptr = np.cumsum([0, *map(len, chosen)])
    return sparse.csr_array((np.ones(indptr[-1]), np.concatenate(chosen), indptr), shape=truth.relevant.shape)
