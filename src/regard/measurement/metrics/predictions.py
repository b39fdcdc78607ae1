"""Prediction metrics: ratings against true ratings, chances against 0/1 labels."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from regard.domain.arrays import Array, check_shape
from regard.domain.errors import InvalidInput


def mae(truth: Array, predicted: Array) -> float:
    """Mean absolute error: mean |r - r^|; both (n,)."""
    return float(np.abs(_errors(truth, predicted)).mean())


def mse(truth: Array, predicted: Array) -> float:
    """Mean squared error: mean (r - r^)^2; both (n,)."""
    return float((_errors(truth, predicted) ** 2).mean())


def rmse(truth: Array, predicted: Array) -> float:
    """Root of the mean squared error; both (n,)."""
    return float(np.sqrt(mse(truth, predicted)))


def auc(labels: Array, scores: Array) -> float:
    """The chance that a positive scores above a negative, ties counted half (Mann-Whitney); both (n,).

    AUC = (sum of the positives' mean ranks - P (P + 1) / 2) / (P N).
    """
    positive = _labels("auc", labels, scores)
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if not n_pos or not n_neg:
        raise InvalidInput("auc", "both labels 0 and 1", f"{n_pos} positives and {n_neg} negatives")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def accuracy(labels: Array, chances: Array, threshold: float = 0.5) -> float:
    """The share of labels that (chance >= threshold) names rightly; both (n,)."""
    return float(((np.asarray(chances) >= threshold) == _labels("accuracy", labels, chances)).mean())


def log_loss(labels: Array, chances: Array) -> float:
    """Cross-entropy in nats: -mean [y log p + (1 - y) log (1 - p)], p kept 1e-15 from 0 and 1; both (n,)."""
    positive = _labels("log_loss", labels, chances)
    p = np.asarray(chances, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InvalidInput("log_loss", "chances in [0, 1]", f"{p.min():.3g} to {p.max():.3g}")
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.where(positive, np.log(p), np.log1p(-p)).mean())


def expected_calibration_error(labels: Array, chances: Array, bins: int = 15) -> float:
    """ECE = sum_b (n_b / n) |share of positives in b - mean chance in b|, bins of equal width (Guo et al. 2017)."""
    said, came, count = reliability(labels, chances, bins)
    return float((count * np.abs(said - came)).sum() / max(1, count.sum()))


def reliability(labels: Array, chances: Array, bins: int = 15) -> tuple[Array, Array, Array]:
    """Of each bin that holds something, by the width of chances: mean chance, share of positives, number; (b,) each."""
    positive = _labels("reliability", labels, chances)
    p = np.asarray(chances, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InvalidInput("reliability", "chances in [0, 1]", f"{p.min():.3g} to {p.max():.3g}")
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    held = count > 0
    said, came = (np.bincount(place, one, bins)[held] / count[held] for one in (p, positive))
    return said, came, count[held]


def _errors(truth: Array, predicted: Array) -> Array:
    check_shape("predicted", predicted, truth.shape)
    return np.asarray(truth, np.float64) - predicted


def _labels(where: str, labels: Array, scores: Array) -> Array:
    check_shape(f"{where}.scores", scores, labels.shape)
    if not np.isin(labels, (0, 1)).all():
        raise InvalidInput(f"{where}.labels", "0 or 1", "other values")
    return np.asarray(labels, np.bool_)
