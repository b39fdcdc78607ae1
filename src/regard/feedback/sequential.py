"""Sequential tests: an experiment may be read while it runs, at planned looks or at any time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.feedback.experiments import Arm, apart
from regard.measurement.tables import number

FAR = 8.0  # standard deviations; beyond them nothing is integrated


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much more the new arm brings per person, between which bounds, and whether one may `stop` and believe it."""

    difference: float
    low: float
    high: float
    stop: bool

    def __str__(self) -> str:
        bounds = f"{number(self.low)} to {number(self.high)}"
        if not self.stop:
            return f"no difference to be seen yet ({bounds}): go on"
        side = "better" if self.difference > 0 else "worse"
        return f"new is {side} by {number(abs(self.difference))} ({bounds}): stop"


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """May be read after every person, for ever: at most `level` of experiments without a difference are ever stopped.

    The mixture sequential probability ratio test (Robbins 1970; Johari et al. 2022, section 4): with D the difference
    and V its variance, L = mean over mixing effects m of N(D; m, V) / N(D; 0, V) is a martingale where nothing
    differs, so it passes 1 / level with chance level at most (Ville). Effects are mixed as N(+-effect,
    (spread effect)^2): an experiment is found fastest where it changes about as much as `effect`, and any other
    difference in the end. V is estimated, so the promise holds from a few dozen answers of each kind on.
    """

    effect: float
    level: float = 0.05
    spread: float = 0.25

    def __post_init__(self) -> None:
        for name in ("effect", "spread"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidInput(f"AlwaysValid.{name}", "a number > 0", repr(getattr(self, name)))
        _check_level("AlwaysValid", self.level)

    def __call__(self, new: Arm, old: Arm) -> Verdict:
        """What may be said now."""
        difference, variance = apart(new, old)
        half = self.half_width(variance)
        return Verdict(difference, difference - half, difference + half, abs(difference) > half)

    def log_evidence(self, difference: Scores, variance: Scores) -> Scores:
        """log L for differences and their variances of any one shape; -inf where nothing is known."""
        known = np.isfinite(variance) & (variance > 0)
        d, v = np.where(known, difference, 0.0), np.where(known, variance, 1.0)
        wide = v + (self.spread * self.effect) ** 2
        sides = [d**2 / (2 * v) - (d - m) ** 2 / (2 * wide) for m in (self.effect, -self.effect)]
        found = np.logaddexp(*sides) - math.log(2) + 0.5 * np.log(v / wide)
        return np.where(known, found, -np.inf)

    def half_width(self, variance: float) -> float:
        """The differences within this of the one that was seen have not been ruled out."""
        if not 0 < variance < math.inf:
            return math.inf
        asked = -math.log(self.level)

        def above(half: float) -> float:
            return float(self.log_evidence(np.array(half), np.array(variance))) - asked

        far = math.sqrt(variance)
        while above(far) < 0:
            far *= 2
        return float(brentq(above, 0.0, far))


@dataclass(frozen=True)
class GroupSequential:
    """May be read at planned `looks` (shares of all people to come, the last 1), as strong as one look at the end.

    O'Brien & Fleming's shape by Lan & DeMets' spending (1983): up to share t, 4 (1 - Phi(z_{1 - level/4} / sqrt t))
    of false alarms is spent, two-sided. The bounds follow by integrating over who is still running (Armitage et al.
    1969; Jennison & Turnbull 2000, ch. 19).
    """

    looks: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    level: float = 0.05

    def __post_init__(self) -> None:
        if not (self.looks and self.looks[0] > 0 and self.looks[-1] <= 1 and (np.diff(self.looks) > 0).all()):
            raise InvalidInput("GroupSequential.looks", "rising shares in (0, 1]", repr(self.looks))
        _check_level("GroupSequential", self.level)

    def __call__(self, new: Arm, old: Arm, look: int) -> Verdict:
        """What may be said at the look of that number (0 is the first)."""
        difference, variance = apart(new, old)
        half = float(self.bounds[look]) * math.sqrt(variance)
        return Verdict(difference, difference - half, difference + half, abs(difference) > half)

    @cached_property
    def bounds(self) -> Scores:
        """How many standard errors the difference must reach at each look, (looks,)."""
        times = np.array(self.looks)
        spent = 4 * ndtr(ndtri(self.level / 4) / np.sqrt(times))
        reached = np.empty(len(times))
        places, running = np.zeros(1), np.ones(1)  # Brownian motion at 0, all of it still running
        for look, (time, step) in enumerate(zip(times, np.diff(times, prepend=0.0), strict=True)):
            asked = spent[look] - (spent[look - 1] if look else 0.0)
            edge = _edge(places, running, math.sqrt(step), asked)
            reached[look] = edge / math.sqrt(time)
            if look + 1 < len(times):
                room = min(edge, FAR * math.sqrt(time))
                fine = math.sqrt(min(step, times[look + 1] - time)) / 3
                ahead = np.linspace(-room, room, 2 * math.ceil(room / fine) + 1)
                running = _moved(places, running, ahead, math.sqrt(step))
                places = ahead
        return reached


def _edge(places: Scores, running: Scores, spread: float, asked: float) -> float:
    """The distance from 0 beyond which `asked` of all that moves on by N(0, spread^2) lands; inf where none may."""

    def beyond(edge: float) -> float:
        return float(running @ (ndtr((places - edge) / spread) + ndtr((-places - edge) / spread)))

    far = float(np.abs(places).max()) + FAR * spread
    return math.inf if asked <= beyond(far) else float(brentq(lambda edge: beyond(edge) - asked, 0.0, far))


def _moved(places: Scores, running: Scores, ahead: Scores, spread: float) -> Scores:
    """The mass at evenly spaced places `ahead` (an odd number) after a move by N(0, spread^2), by Simpson's rule."""
    apart_: NDArray[np.float64] = (ahead[:, None] - places) / spread
    density = np.exp(-0.5 * apart_**2) @ running / (spread * math.sqrt(2 * math.pi))
    simpson = np.where(np.arange(len(ahead)) % 2, 4.0, 2.0)
    simpson[[0, -1]] = 1.0
    return np.asarray(density * simpson * (ahead[1] - ahead[0]) / 3)


def _check_level(where: str, level: float) -> None:
    if not 0 < level < 1:
        raise InvalidInput(f"{where}.level", "a chance in (0, 1)", repr(level))
