"""Comings and goings, each with its switch: new items, creators who give up, people who leave, late praise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows
from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY
from regard.measurement.mechanisms import Floats

HABIT = 0.8  # of a person's contentment that one more list leaves as it was
NOBODY = -1  # the code of an item without a known creator


@dataclass(frozen=True, slots=True)
class Comings:
    """How much comes and goes; 0 switches each off.

    newcomers: the share of the items that are not there at first; they come one by one, each at a moment drawn within
    `over` days after `opens` (unix seconds). churn: the chance that a person whom nothing pleases leaves for good after
    a list; contentment is a running mean of "something on the list was liked", and the chance is churn * (1 - it).
    providers: the chance that a creator whose items nobody clicked in a season gives up and takes them all away; each
    `enough` clicks lower it by a factor e. delay: mean days, exponential, from a click to its like or rating.
    """

    newcomers: float = 0.0
    opens: float = 0.0
    over: float = 30.0
    churn: float = 0.0
    providers: float = 0.0
    enough: float = 5.0
    delay: float = 0.0

    def __post_init__(self) -> None:
        for name in ("newcomers", "churn", "providers"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"Comings.{name}", "a share in [0, 1]", repr(getattr(self, name)))
        for name in ("over", "enough"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"Comings.{name}", "a number > 0", repr(getattr(self, name)))
        if not self.delay >= 0:
            raise InvalidInput("Comings.delay", "days >= 0", repr(self.delay))


class Presence:
    """Who is still there, and what: the state of the comings and goings of one town.

    `here` (U,) people who have not left; `born` (I,) unix seconds, -inf from the start; `gone` (I,) taken away.
    """

    def __init__(self, comings: Comings, creators: Rows, people: int, rng: np.random.Generator) -> None:
        birth_luck, self._leave_luck, self._season_luck, self._delay_luck = rng.spawn(4)
        self.comings, self._creators = comings, creators
        self.here = np.ones(people, np.bool_)
        self.contentment = np.full(people, 0.5)
        self.born = np.where(
            birth_luck.random(len(creators)) < comings.newcomers,
            comings.opens + DAY * comings.over * birth_luck.random(len(creators)),
            -np.inf,
        )
        self.gone = np.zeros(len(creators), np.bool_)
        self._clicks = np.zeros(len(creators))

    def on_offer(self, at: float) -> Mask:
        """Which items (I,) there are at a moment."""
        return (self.born <= at) & ~self.gone

    def offered(self, items: Rows, at: NDArray[np.float64]) -> Mask:
        """Whether each of `items` (B, n; -1: none) is there at its row's moment (B,)."""
        if not self.comings.newcomers and not self.comings.providers:
            return items >= 0
        rows = np.maximum(items, 0)
        return np.asarray((items >= 0) & (self.born[rows] <= at[:, None]) & ~self.gone[rows])

    def after(self, users: Rows, slates: Rows, clicked: Mask, liked: Mask) -> None:
        """What lists (B, k) leave behind: clicks that creators live by, contentment, people who have had enough."""
        if self.comings.providers:
            self._clicks += np.bincount(slates[clicked], minlength=len(self.gone))
        if self.comings.churn:
            pleased = liked.any(axis=1)
            self.contentment[users] = HABIT * self.contentment[users] + (1 - HABIT) * pleased
            leaves = self._leave_luck.random(len(users)) < self.comings.churn * (1 - self.contentment[users])
            self.here[users[leaves]] = False

    def season(self) -> Rows:
        """The end of a season: creators whom too few clicked give up. The items that they take away, rows."""
        codes = self._creators
        known = codes[codes != NOBODY]
        if not self.comings.providers or not len(known):
            return np.empty(0, np.int64)
        clicks = np.bincount(known, self._clicks[codes != NOBODY])
        gives_up = self._season_luck.random(len(clicks)) < self.comings.providers * np.exp(
            -clicks / self.comings.enough
        )
        leaving = np.flatnonzero((codes != NOBODY) & gives_up[codes] & ~self.gone)
        self.gone[leaving] = True
        self._clicks[:] = 0
        return leaving

    def lateness(self, shape: tuple[int, ...]) -> Floats:
        """Seconds after which praise comes, of that shape; drawn only where praise is late."""
        if not self.comings.delay:
            return np.zeros(shape, np.float32)
        return np.asarray(
            DAY * self.comings.delay * self._delay_luck.standard_exponential(shape, np.float32), np.float32
        )
