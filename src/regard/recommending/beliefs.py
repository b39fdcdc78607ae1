"""Beliefs: how far the scores may be off, as a distribution that impressions narrow; what exploring policies draw from.

A belief speaks of gains: an error of 1 is the distance between the best and the worst candidate's score. It is an
immutable picture; `feedback.posteriors` learns the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Scores, Vectors, check_finite, check_shape
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.columns import Column, take

Normals: TypeAlias = Callable[[int], Vectors]  # how many columns -> standard normal draws (draws, columns)
MOST = 1.0  # no error is believed to be larger, before anything was shown, than the whole range of the scores


class Belief(Protocol):
    """What may be wrong with the scores of these candidates, in units of gain."""

    def moments(self, query: Query, candidates: Candidates) -> tuple[Scores, Scores]:
        """The expected error and its standard deviation, (n,) both."""
        ...

    def drawn(self, query: Query, candidates: Candidates, normals: Normals) -> Vectors:
        """Errors of all candidates together, drawn from the belief, (draws, n)."""
        ...


def _nothing() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class ByItem:
    """Each item's error by itself: N(0, (stretch * spread)^2) before it was shown, then what its impressions say.

    `shown` (I,) impressions and `error` (I,) their mean error, in units of gain, narrow it as a normal prior is
    narrowed: precision 1 / prior^2 + shown / noise^2. `noise` is the deviation of one impression's error. An item
    newer than the columns was never shown. `version` counts the updates.
    """

    shown: Column = field(default_factory=_nothing)
    error: Column = field(default_factory=_nothing)
    noise: float = 3.0
    stretch: float = 1.0
    version: int = 0

    def __post_init__(self) -> None:
        for name in ("noise", "stretch"):
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidInput(f"ByItem.{name}", "a number > 0", repr(getattr(self, name)))

    def moments(self, query: Query, candidates: Candidates) -> tuple[Scores, Scores]:
        """Shrunk mean error, and what is still open; (n,) both."""
        return _narrowed(self, candidates)

    def drawn(self, query: Query, candidates: Candidates, normals: Normals) -> Vectors:
        """(draws, n)"""
        mean, deviation = self.moments(query, candidates)
        return np.asarray(mean.astype(np.float32) + deviation.astype(np.float32) * normals(len(candidates)))


@lru_cache(maxsize=4)  # every slot of a list asks the same
def _narrowed(belief: ByItem, candidates: Candidates) -> tuple[Scores, Scores]:
    spread = np.zeros(len(candidates)) if candidates.spread is None else candidates.spread
    prior = np.minimum(belief.stretch * spread / width(candidates), MOST) ** 2
    evidence = np.asarray(take(belief.shown, candidates.rows, missing=0.0), np.float64) / belief.noise**2
    error = np.asarray(take(belief.error, candidates.rows, missing=0.0), np.float64)
    share = prior * evidence / (1 + prior * evidence)  # 0: nothing was seen or nothing was open
    return share * error, np.sqrt(prior / (1 + prior * evidence))


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """What a Bayesian linear head says in place of the score: x'theta, theta ~ N(mean, factor factor').

    x = [1, score, features `names`], so `mean` (d,) and `factor` (d, d) have d = 2 + len(names). Over the columns of a
    network's last layer this is neural-linear (Riquelme et al. 2018); the error of the score is x'theta - score. The
    scores must be expected rewards, as the ranker's are, or all alike: then the head decides alone. Missing features
    (NaN) count as 0.
    """

    names: tuple[str, ...]
    mean: Scores
    factor: NDArray[np.float64]
    version: int = 0

    def __post_init__(self) -> None:
        width = 2 + len(self.names)
        check_shape("Linear.mean", self.mean, (width,))
        check_shape("Linear.factor", self.factor, (width, width))
        check_finite("Linear.mean", self.mean)
        check_finite("Linear.factor", self.factor)

    def moments(self, query: Query, candidates: Candidates) -> tuple[Scores, Scores]:
        """(n,) both"""
        x = linear_columns(candidates, self.names)
        deviation = np.sqrt(((x @ self.factor) ** 2).sum(axis=1))
        return (x @ self.mean - x[:, 1]) / width(candidates), deviation / width(candidates)

    def drawn(self, query: Query, candidates: Candidates, normals: Normals) -> Vectors:
        """(draws, n); one theta a draw, so what two candidates share is wrong for both."""
        x = linear_columns(candidates, self.names)
        drawn = normals(len(self.mean)) @ (x @ self.factor).T.astype(np.float32)
        return np.asarray((drawn + (x @ self.mean - x[:, 1])) / width(candidates), np.float32)


def linear_columns(candidates: Candidates, names: tuple[str, ...]) -> NDArray[np.float64]:
    """x = [1, score, features `names`] of each candidate, (n, 2 + f)."""
    x = np.ones((len(candidates), 2 + len(names)))
    x[:, 1] = 0.0 if candidates.mean is None else candidates.mean
    if names and candidates.feature_names == names:
        x[:, 2:] = candidates.features
    else:
        for place, name in enumerate(names, start=2):
            x[:, place] = candidates.feature(name)
    return np.nan_to_num(x)


def width(candidates: Candidates) -> float:
    """How much score one unit of gain is: the range of the scores; 1 where all are equal."""
    if candidates.mean is None or not len(candidates):
        return 1.0
    return float(np.ptp(candidates.mean)) or 1.0
