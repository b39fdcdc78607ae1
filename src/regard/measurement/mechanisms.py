"""Mechanisms of the town, each with its switch: context, mood, position, satiation, recovery, novelty, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from regard.domain.arrays import Mask
from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY

WEEKDAYS, DAY_PARTS, DEVICES = 7, 4, ("phone", "computer", "television")
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """How strong each mechanism is, in units of the spread of plain taste over items; 0 (or "none") switches it off.

    context: weekday, day part and device shift taste. mood: (valence, arousal) shifts taste; it wanders as an
    Ornstein-Uhlenbeck process that forgets with time constant `mood_days`. position: "examination" looks at 0-based
    slot p with chance 1/(1+p)^eta (position-based model, Joachims et al. 2017); "cascade" walks down and goes on with
    chance `patience`, and after a click with `patience_after_click` (dependent clicks, Guo et al. 2009). satiation:
    what a topic loses for each time it was consumed; it recovers with half-life `recovery` days (None: never), as in
    Leqi et al. 2021. novelty: what an item loses once it was consumed. noise: scale of the logistic choice.
    """

    context: float = 0.5
    mood: float = 0.4
    mood_days: float = 0.5
    position: Literal["none", "examination", "cascade"] = "examination"
    eta: float = 1.0
    patience: float = 0.9
    patience_after_click: float = 0.7
    satiation: float = 0.3
    recovery: float | None = 5.0
    novelty: float = 10.0
    noise: float = 0.4

    def __post_init__(self) -> None:
        for name in ("context", "mood", "eta", "satiation", "novelty", "noise"):
            self._check(name, getattr(self, name) >= 0, "a number >= 0")
        for name in ("patience", "patience_after_click"):
            self._check(name, 0 <= getattr(self, name) <= 1, "a chance in [0, 1]")
        self._check("mood_days", self.mood_days > 0, "days > 0")
        self._check("recovery", self.recovery is None or self.recovery > 0, "days > 0 or None")
        self._check("position", self.position in ("none", "examination", "cascade"), "none, examination or cascade")

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise InvalidInput(f"Mechanisms.{name}", expected, repr(getattr(self, name)))

    def chance(self, margin: Floats) -> Floats:
        """The chance of a yes where utility stands `margin` above the threshold; any shape."""
        if self.noise == 0:
            return (margin > 0).astype(np.float32)
        return np.asarray(expit(margin / np.float32(self.noise)), np.float32)

    def examined(self, would_click: Mask, draws: Floats) -> Mask:
        """Which slots (B, k) are looked at, given what would be clicked when seen, and uniform draws (B, k)."""
        k = would_click.shape[1]
        if self.position == "none":
            return np.ones(would_click.shape, np.bool_)
        if self.position == "examination":
            return np.asarray(draws < self.looked_at(k))
        goes_on = draws < np.where(would_click, self.patience_after_click, self.patience)
        reached = np.ones(would_click.shape, np.bool_)
        reached[:, 1:] = np.logical_and.accumulate(goes_on[:, :-1], axis=1)
        return reached

    def looked_at(self, k: int) -> NDArray[np.float64]:
        """The chance that each of k slots is looked at, (k,), where it does not depend on what stands there.

        In a cascade: as if nothing were clicked.
        """
        if self.position == "none":
            return np.ones(k)
        if self.position == "examination":
            return np.asarray((1.0 + np.arange(k)) ** -self.eta)
        return np.asarray(self.patience ** np.arange(k))

    def mood_kept(self, seconds: NDArray[np.float64]) -> Floats:
        """The share of a mood that is left after so many seconds."""
        return np.exp(-seconds / (DAY * self.mood_days)).astype(np.float32)

    def satiation_kept(self, seconds: NDArray[np.float64]) -> Floats:
        """The share of satiation that is left after so many seconds."""
        if self.recovery is None:
            return np.ones(len(seconds), np.float32)
        return (0.5 ** (seconds / (DAY * self.recovery))).astype(np.float32)


OFF = Mechanisms(context=0.0, mood=0.0, position="none", satiation=0.0, novelty=0.0)


def weekday_and_part(at: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Weekday (0 is Monday) and day part (0 night, 1 morning, 2 afternoon, 3 evening), UTC, of unix seconds (n,)."""
    days, seconds = np.divmod(at, DAY)
    weekday = (days.astype(np.int64) + 3) % WEEKDAYS  # 1970-01-01 was a Thursday
    return weekday, (seconds // (DAY / DAY_PARTS)).astype(np.int64)
