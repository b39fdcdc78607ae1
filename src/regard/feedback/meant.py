"""Meant: what a score and a place meant in earlier lists, as the chance that what is shown there is liked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows, Scores
from regard.domain.errors import InvalidInput

Floats: TypeAlias = NDArray[np.float64]
RIDGE = 1.0  # penalty of all but the constant, in slots
ROUNDS, ENOUGH = 50, 1e-8  # Newton steps at most; the change after which it has settled


@dataclass(frozen=True, slots=True, eq=False)
class Meant:
    """P(liked | score, place) = s(w0 + w1 score + w2 score^2 + w_place): Platt scaling (1999), one constant a place.

    Few numbers, so that some hundred lists settle them; how the next ones miss them is what a release's calibration is
    watched by. Places under the last known one count as that one.
    """

    weights: Floats  # (3 + places,)

    @classmethod
    def learned(cls, score: Scores, place: Rows, liked: Mask) -> Meant:
        """From n shown slots: what stood in the part "score", the 0-based place, whether it was liked; (n,) each."""
        if not len(score):
            raise InvalidInput("Meant.learned", "at least one slot", "none")
        x, y = _columns(score, place, int(place.max()) + 1), liked.astype(np.float64)
        penalty = np.full(x.shape[1], RIDGE)
        penalty[0] = 1e-6
        w = np.zeros(x.shape[1])
        share = (y.sum() + 0.5) / (len(y) + 1)
        w[0] = np.log(share / (1 - share))
        for _ in range(ROUNDS):  # iteratively reweighted least squares
            p = _sigmoid(x @ w)
            slope = x.T @ (y - p) - penalty * w
            step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty), slope)
            w += step
            if np.abs(step).max() < ENOUGH:
                break
        return cls(w)

    def chances(self, score: Scores, place: Rows) -> Scores:
        """Of n slots, (n,)."""
        places = len(self.weights) - 3
        return _sigmoid(_columns(score, np.minimum(place, places - 1), places) @ self.weights)


def _columns(score: Scores, place: Rows, places: int) -> Floats:
    """[1, score, score^2, one for each place], (n, 3 + places)."""
    return np.column_stack([np.ones(len(score)), score, score**2, np.eye(places)[place]])


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)))
