"""Calibration curve: what a learner calls a chance becomes how often it comes true, by what held-out people did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from regard.domain.arrays import Array, Scores

ENOUGH = 1_000  # positives from which steps are learned, not a line
GROUPS = 50  # of equally many chances, between which steps are sought
STEPS = np.linspace(-15.0, 15.0, 241)  # log-odds at which a line is kept as knots
LEAST = 1e-7  # chances nearer to 0 or 1 than this have no log-odds
OWN = 1e-3  # the part of the chance that keeps apart what a step would tie


@dataclass(frozen=True, eq=False)
class Curve:
    """A growing line through knots: raw chance -> chance, straight between them and level beyond.

    `OWN` of the raw chance stays in it, so that no order is lost.
    """

    raw: Scores  # (m,) growing
    chance: Scores  # (m,) never falling, in [0, 1]

    @staticmethod
    def learn(raw: Array, labels: Array) -> Curve:
        """From chances (n,) and what came true (n,), 0 or 1.

        With ENOUGH positives, isotonic regression (Zadrozny & Elkan 2002), its steps joined by straight lines between
        their middles; with fewer, Platt's line in log-odds (2000). With one label only, its smoothed share.
        """
        positives = int(np.sum(labels))
        if min(positives, len(labels) - positives) >= ENOUGH:
            return _isotonic(np.asarray(raw, np.float64), np.asarray(labels, np.float64))
        return _platt(np.asarray(raw, np.float64), np.asarray(labels, np.float64))

    def __call__(self, raw: Array) -> NDArray[np.float64]:
        """(n,) -> (n,), each by itself."""
        raw = np.clip(raw, 0.0, 1.0)
        return np.asarray((1 - OWN) * np.interp(raw, self.raw, self.chance) + OWN * raw)


def _isotonic(raw: Scores, labels: Scores) -> Curve:
    """Over GROUPS of neighbours, so that no step rests on a few; equal chances stay together."""
    _, place, counts = np.unique(raw, return_inverse=True, return_counts=True)
    group = ((np.cumsum(counts) - 1) * GROUPS // len(raw))[place]
    group = np.unique(group, return_inverse=True)[1]
    weights = np.bincount(group).astype(np.float64)
    found = isotonic_regression(np.bincount(group, labels) / weights, weights=weights)
    starts = found.blocks[:-1]
    middles = np.add.reduceat(np.bincount(group, raw), starts) / np.add.reduceat(weights, starts)
    return Curve(middles, np.clip(found.x[starts], 0.0, 1.0))


def _platt(raw: Scores, labels: Scores) -> Curve:
    """sigmoid(a logit(raw) + b), a >= 0, against Platt's smoothed targets, by Newton's method."""
    positives = float(labels.sum())
    negatives = len(labels) - positives
    targets = np.where(labels > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = np.stack([logit(np.clip(raw, LEAST, 1 - LEAST)), np.ones(len(raw))], axis=1)
    line = np.array([0.0, float(logit((positives + 1) / (len(labels) + 2)))])
    for _ in range(100 if 0 < positives < len(labels) else 0):
        chance = expit(x @ line)
        slope = x.T @ (chance - targets)
        bend = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        line -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return Curve(expit(STEPS), expit(max(line[0], 0.0) * STEPS + line[1]))
