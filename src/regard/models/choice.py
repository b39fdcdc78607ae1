"""Choice: the chance that somebody who looks at an item clicks it, out of a score and what the person had lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput
from regard.models.outlook import weighed

Floats = NDArray[np.float64]
SURE = 1e-9  # chances are kept so far from 0 and 1


@dataclass(frozen=True, slots=True)
class Choosing:
    """P(click) = looked * s(w . x + b_item): the position-based model (Craswell et al. 2008), by L-BFGS.

    l2: penalty of w, per example. own: clicks that an item's own b must outweigh.
    """

    l2: float = 1e-4
    own: float = 10.0

    def __post_init__(self) -> None:
        for name in ("l2", "own"):
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidInput(f"Choosing.{name}", "a number > 0", repr(getattr(self, name)))

    def learned(self, x: Floats, item: Rows, looked: Scores, clicked: Scores, n_items: int) -> Choice:
        """From n shown slots: columns (n, f), item rows (n,), the chance that each was looked at, whether it was
        clicked (0 or 1)."""
        n, f = max(1, len(x)), x.shape[1]
        penalty = np.r_[np.full(f, self.l2 * n), 0.0, np.full(n_items, self.own)]

        def lost(weights: Floats) -> tuple[float, Floats]:
            z = x @ weights[:f] + weights[f] + weights[f + 1 :][item]
            seen = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
            chance = np.clip(looked * seen, SURE, 1 - SURE)
            value = -np.where(clicked > 0, np.log(chance), np.log1p(-chance)).sum() + penalty @ weights**2 / 2
            slope = np.where(clicked > 0, seen - 1, chance * (1 - seen) / (1 - chance))
            gradient = np.r_[x.T @ slope, slope.sum(), np.bincount(item, slope, n_items)] + penalty * weights
            return float(value) / n, gradient / n

        found = minimize(lost, np.zeros(len(penalty)), method="L-BFGS-B", jac=True, options={"maxiter": 300}).x
        return Choice(found[: f + 1], found[f + 1 :])


@dataclass(frozen=True, eq=False)
class Choice:
    """What was learned: `weights` (f + 1,), the last of them the constant, and each item's `own` (I,)."""

    weights: Scores
    own: Scores

    def chances(self, x: Floats, rows: Rows) -> Floats:
        """Of items `rows` (...) with columns (..., f): the chance of a click once looked at, (...)."""
        z = weighed(x, self.weights[:-1]) + self.weights[-1] + of_item(self.own, rows)
        return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))))


def of_item(own: Scores, rows: Rows) -> Floats:
    """What stands in `own` (I,) for each row (...), 0 for none and for newer items."""
    known = (rows >= 0) & (rows < len(own))
    return np.where(known, own[np.where(known, rows, 0)], 0.0)
