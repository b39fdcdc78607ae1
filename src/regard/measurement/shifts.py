"""Shifts: how far two samples lie apart, and how far they would by chance alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from regard.domain.arrays import Array
from regard.measurement.metrics.lists import Lists, incidence

Floats: TypeAlias = NDArray[np.float64]
Inequality: TypeAlias = Callable[[Floats], Floats]  # exposures (r, I) -> (r,)
BINS, CATEGORIES = 10, 20
HELD = 20_000_000  # numbers held at once


def psi(before: Array, after: Array, chance: float) -> tuple[float, float]:
    """The population stability index of two samples of numbers or words; the value that noise exceeds with `chance`.

    PSI = sum_b (q_b - p_b) log(q_b / p_b) over the deciles of `before` (NaN apart), or over its 20 most frequent words
    and the rest; half a count is added to each cell. Between samples of sizes n and m of one distribution it is
    (1/n + 1/m) times a chi-squared of b - 1 degrees of freedom (Yurdakul & Naranjo 2020).
    """
    words = not np.issubdtype(np.asarray(before).dtype, np.number)
    p, q = _in_categories(before, after) if words else _in_bins(np.asarray(before, float), np.asarray(after, float))
    n, m = p.sum(), q.sum()
    if not n or not m:
        return float("nan"), float("inf")
    p, q = (p + 0.5) / (n + 0.5 * len(p)), (q + 0.5) / (m + 0.5 * len(q))
    noise = (1 / n + 1 / m) * stats.chi2.isf(chance, max(1, len(p) - 1))
    return float(((q - p) * np.log(q / p)).sum()), float(noise)


def ks(before: Array, after: Array, chance: float) -> tuple[float, float]:
    """The Kolmogorov-Smirnov distance of two samples of numbers, and the value that noise exceeds with `chance`.

    D = max |F - G|; noise: sqrt(-log(chance / 2) / 2 * (n + m) / (n m)) (Smirnov 1948), an upper bound where values
    are tied.
    """
    a, b = (np.asarray(x, float)[np.isfinite(np.asarray(x, float))] for x in (before, after))
    if not len(a) or not len(b):
        return float("nan"), float("inf")
    distance = float(stats.ks_2samp(a, b, method="asymp").statistic)
    return distance, float(np.sqrt(-np.log(chance / 2) / 2 * (len(a) + len(b)) / (len(a) * len(b))))


def calibration_gap(predicted: Array, happened: Array, chance: float, seed: int = 0) -> tuple[float, float]:
    """The expected calibration error of chances (n,) against what happened (n,), and the value that noise exceeds.

    ECE = sum_b n_b / n |mean predicted - mean happened| between the deciles (Naeini et al. 2015); noise: its
    quantile 1 - `chance` over 2,000 draws from the predicted chances, where they are right by construction.
    """
    n = len(predicted)
    if not n:
        return float("nan"), float("inf")
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1]))
    _, place = np.unique(np.searchsorted(edges, predicted, side="right"), return_inverse=True)
    sizes = np.bincount(place)
    told, found = np.bincount(place, predicted) / sizes, np.bincount(place, happened) / sizes
    drawn = np.random.default_rng(seed).binomial(sizes, np.clip(told, 0, 1), (2_000, len(sizes))) / sizes
    by_chance = np.abs(drawn - told) @ (sizes / n)
    return float(np.abs(found - told) @ (sizes / n)), _above(by_chance, chance)


def rises(
    before: Lists, after: Lists, figures: Sequence[Inequality], chance: float, draws: int = 999, seed: int = 0
) -> list[tuple[float, float]]:
    """figure(exposures after) - figure(exposures before); the value that it exceeds with `chance` if nothing changed.

    `before` (L, k) and `after` (M, k): item rows, -1 past the end; each of `figures` takes exposures (r, I) to (r,).
    Noise: the same difference with the lists dealt anew between the two at random (a permutation test, exact for lists
    that are exchangeable: Lehmann & Romano 2005, chapter 15). Of the larger side as many are drawn as the smaller one
    has, as small samples of one distribution look more unequal than large ones.
    """
    rng = np.random.default_rng(seed)
    size = min(len(before), len(after))
    if not size:
        return [(float("nan"), float("inf")) for _ in figures]
    held = [x if len(x) == size else x[rng.choice(len(x), size, replace=False)] for x in (before, after)]
    shown = np.concatenate(held)
    there = shown >= 0
    items = np.unique(shown[there], return_inverse=True)[1]
    renamed = np.full(shown.shape, -1)
    renamed[there] = items
    member = incidence(renamed, int(items.max(initial=0)) + 1)
    sides = np.r_[np.zeros(size, np.int8), np.ones(size, np.int8)]
    found = _differences(sides[None], member, figures)[:, 0]
    step = max(1, HELD // max(member.shape))
    dealt = [rng.permuted(np.tile(sides, (min(step, draws - n), 1)), axis=1) for n in range(0, draws, step)]
    by_chance = np.concatenate([_differences(chunk, member, figures) for chunk in dealt], axis=1)
    return [(float(value), _above(noise, chance)) for value, noise in zip(found, by_chance, strict=True)]


def gini_of(exposures: Floats) -> Floats:
    """Inequality of exposures (r, I) among the items that are shown at all, (r,); see `metrics.lists.gini`."""
    x = np.sort(exposures, axis=1)
    n = x.shape[1]
    total = x.sum(axis=1)
    return np.asarray(x @ (2.0 * np.arange(1, n + 1) - n - 1) / (n * np.maximum(total, 1)))


def top_share(exposures: Floats) -> Floats:
    """The share of all exposures (r, I) that the most shown 1% of the items (at least one) have, (r,)."""
    top = max(1, exposures.shape[1] // 100)
    held = np.partition(exposures, exposures.shape[1] - top, axis=1)[:, -top:].sum(axis=1)
    return np.asarray(held / np.maximum(exposures.sum(axis=1), 1))


def sameness(exposures: Floats) -> Floats:
    """How alike lists are: the chance that two places of two of them hold the same item, by exposures (r, I), (r,).

    sum_i x_i (x_i - 1) / (X (X - 1)); times k the expected number of items that two lists of k share (homogenisation,
    Chaney, Stewart & Engelhardt 2018).
    """
    total = exposures.sum(axis=1)
    return np.asarray((exposures * (exposures - 1)).sum(axis=1) / np.maximum(total * (total - 1), 1))


def _differences(sides: Array, member: Array, figures: Sequence[Inequality]) -> Floats:
    """Each figure of side 1 less that of side 0, (figures, r), for r ways (r, L) to deal the lists `member` (L, I)."""
    later = np.asarray(sides.astype(np.float64) @ member)
    earlier = np.asarray(member.sum(axis=0), np.float64)[None] - later
    return np.array([figure(later) - figure(earlier) for figure in figures])


def _above(by_chance: Floats, chance: float) -> float:
    """The value that at most the share `chance` of draws lies above, the observed one counted among them."""
    place = int(np.ceil((1 - chance) * (len(by_chance) + 1))) - 1
    return float(np.sort(by_chance)[min(place, len(by_chance) - 1)])


def _in_bins(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    known = before[np.isfinite(before)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)

    def counts(values: Floats) -> Floats:
        places = np.searchsorted(edges, values[np.isfinite(values)], side="right")
        missing = (~np.isfinite(values)).sum()
        return np.asarray(np.r_[np.bincount(places, minlength=len(edges) + 1), missing], np.float64)

    found = counts(before), counts(after)
    used = found[0] + found[1] > 0
    return found[0][used], found[1][used]


def _in_categories(before: Array, after: Array) -> tuple[Floats, Floats]:
    words, counts = np.unique(np.asarray(before, str), return_counts=True)
    kept = words[np.argsort(-counts, kind="stable")[:CATEGORIES]]

    def of(values: Array) -> Floats:
        hits = np.array([(np.asarray(values, str) == word).sum() for word in kept], float)
        return np.asarray(np.r_[hits, len(values) - hits.sum()], np.float64)

    found = of(before), of(after)
    used = found[0] + found[1] > 0
    return found[0][used], found[1][used]
