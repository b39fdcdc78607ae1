"""Evaluate predictions: ratings that people gave, and 0/1 labels, with intervals and paired comparisons."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Array, Scores, check_shape
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Scorer
from regard.measurement.bootstrap import Resampling, interval, two_sided_p
from regard.measurement.findings import Comparison, Measure
from regard.measurement.metrics import predictions
from regard.measurement.report import Report
from regard.measurement.splits import Split

RATING = ("RMSE", "MAE", "MSE")
LABEL = {
    "AUC": predictions.auc,
    "log-loss": predictions.log_loss,
    "accuracy": predictions.accuracy,
    "ECE": predictions.expected_calibration_error,
}


def evaluate_ratings(models: Mapping[str, Scorer], split: Split, *, resamples: int = 1000, seed: int = 0) -> Report:
    """RMSE, MAE and MSE over the values of the test events; a model's prediction is the mean of its score.

    Means are over ratings; intervals and comparisons draw people, because one person's errors hang together. The
    baseline of the comparisons is the model with the lowest RMSE.
    """
    if not models:
        raise InvalidInput("evaluate_ratings.models", "at least one model", "none")
    sums = {name: _error_sums(model, split) for name, model in models.items()}
    found = {name: _figures(own.mean(axis=0, keepdims=True))[0] for name, own in sums.items()}
    sure = Resampling(resamples, seed)
    draws = {name: _figures(sure.means(own)) for name, own in sums.items()}
    people = len(next(iter(sums.values())))
    setting = (split.name, split.sha256, people, len(split.data.items))
    return _report(setting, RATING, found, draws, min(found, key=lambda name: float(found[name][0])))


def evaluate_labels(
    chances: Mapping[str, Array], labels: Array, *, name: str = "labels", resamples: int = 200, seed: int = 0
) -> Report:
    """AUC, log-loss, accuracy and calibration error of each model's `chances` (n,) of the 0/1 `labels` (n,).

    Intervals draw examples. The baseline of the comparisons is the model with the highest AUC.
    """
    if not chances:
        raise InvalidInput("evaluate_labels.chances", "at least one model", "none")
    for model, own in chances.items():
        check_shape(f"evaluate_labels.chances[{model}]", own, labels.shape)
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, len(labels), len(labels)) for _ in range(resamples)]
    drawn = [rows for rows in drawn if 0 < labels[rows].sum() < len(rows)]  # AUC needs both labels
    found = {m: np.array([metric(labels, own) for metric in LABEL.values()]) for m, own in chances.items()}
    draws = {
        m: np.array([[metric(labels[rows], own[rows]) for metric in LABEL.values()] for rows in drawn])
        for m, own in chances.items()
    }
    sha256 = hashlib.sha256(np.asarray(labels, np.int8).tobytes()).hexdigest()
    best = max(found, key=lambda m: float(found[m][0]))
    return _report((name, sha256, len(labels), 0), tuple(LABEL), found, draws, best)


def _error_sums(model: Scorer, split: Split) -> Scores:
    """Each test person's sum of |error|, sum of error^2 and number of ratings, (Q, 3)."""
    e = split.test.events
    sums = []
    for user in np.flatnonzero(np.diff(e.offsets)):
        own = slice(e.offsets[user], e.offsets[user + 1])
        rows, place = np.unique(e.item[own], return_inverse=True)
        query = split.known.query(int(user), at=float(e.time[own][0]))
        asked = Candidates.of("test", rows.astype(np.int64), np.zeros(len(rows)))
        errors = e.value[own].astype(np.float64) - model.score(query, asked).mean[place]
        sums.append((np.abs(errors).sum(), (errors**2).sum(), len(errors)))
    return np.array(sums, np.float64)


def _figures(sums: Scores) -> Scores:
    """RMSE, MAE, MSE from (r, 3) mean sums; (r, 3)."""
    absolute, squared = sums[:, 0] / sums[:, 2], sums[:, 1] / sums[:, 2]
    return np.column_stack([np.sqrt(squared), absolute, squared])


def _report(
    setting: tuple[str, str, int, int],
    labels: Sequence[str],
    found: Mapping[str, NDArray[np.float64]],
    draws: Mapping[str, Scores],
    best: str,
) -> Report:
    split, sha256, people, items = setting
    measures, comparisons = [], []
    for model, values in found.items():
        low, high = interval(draws[model])
        for c, label in enumerate(labels):
            measures.append(Measure(model, "all", label, float(values[c]), float(low[c]), float(high[c]), people))
        if model != best:
            apart = draws[model] - draws[best]
            low, high = interval(apart)
            for c, label in enumerate(labels):
                difference = float(values[c] - found[best][c])
                p = two_sided_p(apart[:, c])
                comparisons.append(Comparison(label, model, best, difference, float(low[c]), float(high[c]), p))
    return Report(split, sha256, 0, people, items, "given", tuple(measures), tuple(comparisons), {})
