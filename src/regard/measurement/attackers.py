"""Attackers: made-up people whose ratings push one item up, or down (shilling)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.errors import InvalidInput

BEST, WORST = 5.0, 1.0
MIDDLE, SPREAD = 3.6, 1.1  # ratings of fillers where nothing is known of an item (Lam & Riedl 2004)


@dataclass(frozen=True, slots=True)
class Attack:
    """`people` made-up people who each rate `target` and `fillers` other items, so as to look like somebody.

    kind: "random" fillers with ratings around the overall mean; "average" the same around each item's own mean (Lam &
    Riedl 2004); "bandwagon" the best known items, with the best rating (Burke, Mobasher & Bhaumik 2006). push: 5 stars
    for the target; else 1.
    """

    target: str
    people: int = 20
    fillers: int = 30
    kind: Literal["random", "average", "bandwagon"] = "average"
    push: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("people", "fillers"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"Attack.{name}", "at least 1", repr(getattr(self, name)))
        if self.kind not in ("random", "average", "bandwagon"):
            raise InvalidInput("Attack.kind", "random, average or bandwagon", repr(self.kind))

    def events(self, known: pl.DataFrame, start: float, end: float) -> pl.DataFrame:
        """Their ratings between two moments (unix seconds), by time: user, item, type, value, time.

        `known`: the honest events (item, type, value); its items are the fillers to choose from.
        """
        rng = np.random.default_rng(self.seed)
        rated = pl.when(pl.col("type") == "rating").then(pl.col("value"))
        about = (
            known.group_by("item").agg(met=pl.len(), mean=rated.mean()).sort("met", "item", descending=[True, False])
        )
        about = about.filter(pl.col("item") != self.target)
        if about.height < self.fillers:
            raise InvalidInput("Attack.events", f"at least {self.fillers} other items", f"{about.height}")
        fillers = self._fillers(about.height, rng)
        person = np.repeat(np.arange(self.people), self.fillers + 1)
        item = np.insert(about["item"].to_numpy()[fillers].astype(object), self.fillers, self.target, axis=1)
        stars = self._stars(about["mean"].fill_null(MIDDLE).to_numpy()[fillers], rng)
        value = np.insert(stars, self.fillers, BEST if self.push else WORST, axis=1)
        return pl.DataFrame(
            {
                "user": [f"shill-{row:04d}" for row in person],
                "item": item.ravel().tolist(),
                "type": "rating",
                "value": value.ravel().astype(np.float32),
                "time": start + (end - start) * rng.random(len(person)),
            }
        ).sort("time", maintain_order=True)

    def _fillers(self, n: int, rng: np.random.Generator) -> Rows:
        """(people, fillers) places in the order of being known, each person's all different."""
        if self.kind == "bandwagon":
            return np.tile(np.arange(self.fillers), (self.people, 1))
        return np.argsort(rng.random((self.people, n)), axis=1)[:, : self.fillers]

    def _stars(self, means: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        if self.kind == "bandwagon":
            return np.full(means.shape, BEST)
        middle = means if self.kind == "average" else MIDDLE
        return np.asarray(np.clip(np.rint(middle + SPREAD * rng.standard_normal(means.shape)), WORST, BEST))
