"""Posteriors: what impressions have taught of each item and each column; rewards update them, policies get a picture.

Sums that rewards add to, and that fade; `belief()` is the immutable picture that the next list is drawn by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Rows, Scores, check_finite, check_shape
from regard.domain.errors import InvalidInput
from regard.recommending.beliefs import ByItem, Linear

NOISIEST = 10.0  # the largest noise of one impression, in units of gain, however little the scores tell
OWN = 10.0  # impressions from which on an item's own mean speaks more loudly than the line over all


@dataclass(frozen=True, slots=True, eq=False)
class Rewarded:
    """n shown slots and what they brought, as columns (n,).

    `score` is what stood in the slot's part "score" (0 the worst candidate's, 1 the best's), `reward` what came of it,
    `looked` how its place was looked at (1: as the first one): reward = looked * worth + noise. `weight` is how far
    the slot is to be believed: 0 while its reward may still come (the columns of `rewards.Rewarding`).
    """

    item: Rows
    score: Scores
    reward: Scores
    looked: Scores
    weight: Scores

    def __post_init__(self) -> None:
        for name in ("score", "reward", "looked", "weight"):
            check_shape(f"Rewarded.{name}", getattr(self, name), (len(self.item),))
            check_finite(f"Rewarded.{name}", getattr(self, name))
        if min(self.looked.min(initial=0), self.weight.min(initial=0)) < 0:
            raise InvalidInput("Rewarded", "looked >= 0 and weight >= 0", "a negative one")


def _zeros() -> NDArray[np.float64]:
    return np.zeros((3, 0))


@dataclass(frozen=True, slots=True, eq=False)
class ItemPosteriors:
    """worth of an impression = a + b score + own of the item, own ~ N(0, noise^2 / OWN); error of a score = own / b.

    `sums` (3, I): of looked^2, looked^2 score, looked reward. `line` (4,): of (looked score)^2, looked score reward,
    reward^2, and how many. Sums only, so a fresh batch and the sum of two give the same.
    """

    sums: NDArray[np.float64] = field(default_factory=_zeros)
    line: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    version: int = 0

    def updated(self, shown: Rewarded) -> ItemPosteriors:
        """With these impressions added."""
        n = max(self.sums.shape[1], int(shown.item.max(initial=-1)) + 1)
        sums = np.zeros((3, n))
        sums[:, : self.sums.shape[1]] = self.sums
        x, seen, r, sure = shown.score, shown.looked, shown.reward, shown.weight
        for place, amount in enumerate((seen**2, seen**2 * x, seen * r)):
            sums[place] += np.bincount(shown.item, sure * amount, n)
        line = [sure * (seen * x) ** 2, sure * seen * x * r, sure * r**2, sure]
        return ItemPosteriors(sums, self.line + [float(column.sum()) for column in line], self.version + 1)

    def faded(self, kept: float) -> ItemPosteriors:
        """Everything weighs `kept` of what it did: tastes change, and a new release has learned what was seen."""
        _check_share(kept)
        return replace(self, sums=self.sums * kept, line=self.line * kept)

    def slope(self) -> tuple[float, float, float]:
        """a, b, and the deviation of one impression's reward; b is never less than a tenth of that.

        Penalised least squares (Henderson 1975): own effects are profiled out, so that an item whose score is badly
        wrong, a newcomer's, does not bend the line.
        """
        (shown, score, reward), (xx, xr, rr, n) = self.sums, self.line.tolist()
        columns = self.sums[:2]
        shrunk = columns / (shown + OWN)
        left = np.array([[shown.sum(), score.sum()], [score.sum(), xx]]) - shrunk @ columns.T
        right = np.array([reward.sum(), xr]) - shrunk @ reward
        line = np.linalg.solve(left + 1e-9 * (n + 1) * np.eye(2), right)
        missed = rr - (reward**2 / (shown + OWN)).sum() - line @ right
        noise = float(np.sqrt(max(missed, 0.0) / n)) if n else 1.0
        a, b = line.tolist()
        return a, max(b, noise / NOISIEST, 1e-9), noise

    def belief(self, stretch: float = 1.0) -> ByItem:
        """The picture of now, for policies."""
        a, b, noise = self.slope()
        shown, score, reward = self.sums
        error = np.divide(reward - a * shown - b * score, b * shown, out=np.zeros(len(shown)), where=shown > 0)
        return ByItem(shown, error, max(noise / b, 1e-9), stretch, self.version)

    def artifact(self) -> Artifact:
        """Its sums."""
        return Artifact("item-posteriors", {"version": self.version}, {"sums": self.sums, "line": self.line})

    @staticmethod
    def from_artifact(artifact: Artifact) -> ItemPosteriors:
        """The same, bit for bit."""
        return ItemPosteriors(artifact.arrays["sums"], artifact.arrays["line"], int(artifact.recipe["version"]))


@dataclass(frozen=True, slots=True)
class LinearPrior:
    """reward = looked * x'theta + N(0, noise^2), theta ~ N((0, trust, 0 ...), width^2), x = [1, score, features].

    With `trust` 1 the head begins as the score itself.
    """

    names: tuple[str, ...]
    noise: float = 0.5
    width: float = 1.0
    trust: float = 1.0

    def __post_init__(self) -> None:
        for name in ("noise", "width"):
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidInput(f"LinearPrior.{name}", "a number > 0", repr(getattr(self, name)))


@dataclass(frozen=True, slots=True, eq=False)
class LinearPosterior:
    """The sums of a Bayesian linear regression: `gram` (d, d) of x x', `moment` (d,) of x reward, over noise^2."""

    prior: LinearPrior
    gram: NDArray[np.float64]
    moment: Scores
    version: int = 0

    @staticmethod
    def of(prior: LinearPrior) -> LinearPosterior:
        """Before any reward."""
        d = 2 + len(prior.names)
        return LinearPosterior(prior, np.zeros((d, d)), np.zeros(d))

    def updated(self, x: NDArray[np.float64], reward: Scores, looked: Scores | None = None) -> LinearPosterior:
        """With the columns `x` (n, d) of shown candidates (`beliefs.linear_columns`) and what they brought (n,)."""
        check_shape("LinearPosterior.updated x", x, (None, len(self.moment)))
        seen = x if looked is None else x * looked[:, None]
        gram = self.gram + seen.T @ seen / self.prior.noise**2
        return replace(
            self, gram=gram, moment=self.moment + seen.T @ reward / self.prior.noise**2, version=self.version + 1
        )

    def faded(self, kept: float) -> LinearPosterior:
        """The rewards weigh `kept` of what they did, the prior as ever (Russac et al. 2019)."""
        _check_share(kept)
        return replace(self, gram=self.gram * kept, moment=self.moment * kept)

    def belief(self) -> Linear:
        """The picture of now: mean A^-1 b, and a factor of A^-1 from the Cholesky factor of A."""
        d, weight = len(self.moment), self.prior.width**-2
        start = np.zeros(d)
        start[1] = self.prior.trust
        precision = self.gram + weight * np.eye(d)
        lower = np.linalg.cholesky(precision)
        factor = np.linalg.inv(lower).T  # A^-1 = L^-T L^-1
        return Linear(self.prior.names, factor @ (factor.T @ (self.moment + weight * start)), factor, self.version)

    def artifact(self) -> Artifact:
        """Prior and sums."""
        about = {"names": list(self.prior.names), "noise": self.prior.noise, "width": self.prior.width}
        about |= {"trust": self.prior.trust, "version": self.version}
        return Artifact("linear-posterior", about, {"gram": self.gram, "moment": self.moment})

    @staticmethod
    def from_artifact(artifact: Artifact) -> LinearPosterior:
        """The same, bit for bit."""
        about: Mapping[str, Any] = artifact.recipe
        prior = LinearPrior(tuple(about["names"]), about["noise"], about["width"], about["trust"])
        return LinearPosterior(prior, artifact.arrays["gram"], artifact.arrays["moment"], int(about["version"]))


def _check_share(kept: float) -> None:
    if not 0 <= kept <= 1:
        raise InvalidInput("faded", "a share in [0, 1]", repr(kept))
