"""Bootstrap: intervals of means over people, the same resamples for all, so that differences are paired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Scores

LEVEL = 0.95
BLOCK = 4_000_000  # drawn numbers held at once


@dataclass(frozen=True, slots=True)
class Resampling:
    """Which people are drawn: the same seed and Q draw the same ones, whatever is averaged over them."""

    resamples: int = 1000
    seed: int = 0

    def means(self, values: Scores) -> Scores:
        """Means of each column of `values` (Q, c) over `resamples` draws of Q people with replacement; (resamples, c).

        NaN entries are left out of numerator and denominator (Efron & Tibshirani 1993, chapter 6).
        """
        n = len(values)
        defined = np.isfinite(values)
        stacked = np.hstack([np.where(defined, values, 0.0), defined.astype(np.float64)])
        rng = np.random.default_rng(self.seed)
        step = max(1, BLOCK // max(n, 1))
        sums = []
        for start in range(0, self.resamples, step):
            b = min(step, self.resamples - start)
            drawn = rng.integers(0, n, (b, n)) + np.arange(b)[:, None] * n
            weights = np.bincount(drawn.ravel(), minlength=b * n).reshape(b, n).astype(np.float64)
            sums.append(weights @ stacked)
        total, count = np.split(np.concatenate(sums), 2, axis=1)
        out: Scores = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return out


def column_means(values: Scores) -> tuple[Scores, NDArray[np.int64]]:
    """The mean of each column of (Q, c) without its NaN entries, and how many entries that is; (c,) both."""
    people = np.isfinite(values).sum(axis=0)
    total = np.nansum(values, axis=0)
    return np.divide(total, people, out=np.full(len(people), np.nan), where=people > 0), people


def interval(resampled: Scores) -> tuple[Scores, Scores]:
    """The 95% percentile interval of each column of (resamples, c): low (c,), high (c,); NaN where nothing is known."""
    known: Mask = np.asarray(np.isfinite(resampled).any(axis=0))
    low, high = np.full(len(known), np.nan), np.full(len(known), np.nan)
    tail = (1 - LEVEL) / 2
    low[known], high[known] = np.nanquantile(resampled[:, known], (tail, 1 - tail), axis=0)
    return low, high


def two_sided_p(differences: NDArray[np.float64]) -> float:
    """The bootstrap p of "no difference": twice the smaller tail of resampled differences (B,) around 0.

    (1 + count) / (1 + B) per tail, so that it is never 0 (Davison & Hinkley 1997, eq. 4.11).
    """
    b = len(differences)
    tails = (1 + (differences <= 0).sum()) / (1 + b), (1 + (differences >= 0).sum()) / (1 + b)
    return float(min(1.0, 2 * min(tails)))
