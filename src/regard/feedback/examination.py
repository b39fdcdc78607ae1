"""Examination: the chance that a slot is looked at, by its position, estimated from what people do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows
from regard.domain.errors import InvalidInput

Floats: TypeAlias = NDArray[np.float64]
ROUNDS, ENOUGH = 5_000, 1e-7  # of EM; the largest change after which it has settled


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """theta (k,): the chance, relative to the first slot, that position p is looked at; theta[0] = 1.

    The position-based model: P(action | item, p) = theta_p * P(action | item, looked at) (Richardson et al. 2007).
    """

    theta: Floats

    def __post_init__(self) -> None:
        if not len(self.theta) or not (np.isfinite(self.theta) & (self.theta > 0)).all():
            raise InvalidInput("Examination.theta", "at least one chance, all > 0", repr(self.theta))

    def at(self, positions: Rows) -> Floats:
        """theta of each position (n,); below the last known one, that of the last."""
        return np.asarray(self.theta[np.clip(positions, 0, len(self.theta) - 1)])


def by_swaps(position: Rows, partner: Rows, acted: Mask) -> Examination:
    """theta from randomised swaps (Joachims, Swaminathan & Schnabel 2017, section 5.3), of n slots.

    `partner` (n,): the other position of the swap that a fair coin decided for this slot (-1: none), whichever way it
    fell; `acted` (n,): whether the slot was acted on. What stands at both positions of a pair is alike by the coin,
    so log theta_b - log theta_a = log(rate at b) - log(rate at a); the logs solve these equations by least squares,
    weighted by the inverse variance of each. Positions that no chain of swaps ties to the first take the value of the
    nearest one above. InvalidInput where no swap touches the first position.
    """
    k = int(max(position.max(initial=-1), partner.max(initial=-1))) + 1
    swapped = partner >= 0
    shown, done = np.zeros((k, k)), np.zeros((k, k))
    np.add.at(shown, (position[swapped], partner[swapped]), 1.0)
    np.add.at(done, (position[swapped], partner[swapped]), acted[swapped])
    a, b = np.nonzero(np.triu((shown > 0) & (shown.T > 0), 1))
    if not (a == 0).any():
        raise InvalidInput("by_swaps.partner", "swaps of the first position with another", "none")
    rate_a, rate_b = ((done[x, y] + 0.5) / (shown[x, y] + 1.0) for x, y in ((a, b), (b, a)))
    variance = (1 - rate_a) / (done[a, b] + 0.5) + (1 - rate_b) / (done[b, a] + 0.5)
    weight, wanted = 1 / variance, np.log(rate_b / rate_a)
    design = np.zeros((len(a), k))
    design[np.arange(len(a)), b], design[np.arange(len(a)), a] = 1.0, -1.0
    tied = _tied(k, a, b)
    free = np.flatnonzero(tied)[1:]  # log theta_0 = 0
    scaled = design[:, free] * np.sqrt(weight)[:, None]
    found = np.linalg.lstsq(scaled, wanted * np.sqrt(weight), rcond=None)[0]
    theta = np.full(k, np.nan)
    theta[0], theta[free] = 1.0, np.exp(found)
    return Examination(_from_above(theta))


def by_em(position: Rows, group: Rows, acted: Mask, smoothing: float = 1.0) -> Examination:
    """theta by expectation maximisation (Wang et al. 2018, section 4), of n slots, where nothing was randomised.

    `group` (n,): slots that are alike but for their position (the item; the item and a class of people; a bin of the
    model's score); P(action) = theta_p * gamma_g, each gamma_g with a prior of `smoothing` actions and `smoothing`
    refusals. It can tell position from relevance only as far as groups stand at several positions for reasons that
    have nothing to do with relevance; use swaps where you can.
    """
    if not len(position):
        raise InvalidInput("by_em.position", "at least one slot", "none")
    k, groups = int(position.max()) + 1, np.unique(group, return_inverse=True)[1]
    cell, at = np.unique(groups * k + position, return_inverse=True)
    g, p = np.divmod(cell, k)
    shown, done = np.bincount(at).astype(np.float64), np.bincount(at, acted)
    quiet = shown - done
    everywhere, ever = np.bincount(p, shown, k), np.bincount(g, shown)
    first = np.bincount(p, done, k) / np.maximum(everywhere, 1)
    theta = np.clip(first / max(first.max(), 1e-9), 0.01, 0.99)
    gamma = (np.bincount(g, done) + smoothing) / (ever + 2 * smoothing)
    for _ in range(ROUNDS):
        none = np.maximum(1 - theta[p] * gamma[g], 1e-12)  # the chance that nothing happens
        looked = quiet * theta[p] * (1 - gamma[g]) / none  # looked at, and not wanted
        wanted = quiet * gamma[g] * (1 - theta[p]) / none  # wanted, and not looked at
        new = np.bincount(p, done + looked, k) / np.maximum(everywhere, 1)
        gamma = (np.bincount(g, done + wanted) + smoothing) / (ever + 2 * smoothing)
        new = np.where(everywhere > 0, new, np.nan)
        change = np.nanmax(np.abs(new - theta))
        theta = np.where(np.isnan(new), theta, new)
        if change < ENOUGH:
            break
    known = np.where(everywhere > 0, theta / theta[0] if everywhere[0] else theta / np.nanmax(theta), np.nan)
    known[0] = 1.0
    return Examination(np.maximum(_from_above(known), 1e-6))


def _tied(k: int, a: Rows, b: Rows) -> Mask:
    """Which positions (k,) a chain of pairs (a, b) ties to the first."""
    tied = np.zeros(k, np.bool_)
    tied[0] = True
    for _ in range(k):
        tied[b[tied[a]]] = True
        tied[a[tied[b]]] = True
    return tied


def _from_above(theta: Floats) -> Floats:
    """Unknown (NaN) chances take the nearest known one above; theta[0] is known."""
    known = np.maximum.accumulate(np.where(np.isnan(theta), 0, np.arange(len(theta))))
    return np.asarray(theta[known])
