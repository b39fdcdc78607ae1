"""Planted sources: how well each one knows a person's wants depends on what is known of the person and on the item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.dataset import Dataset
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.domain.run import Run
from regard.models.cutting import known_items
from regard.models.scoring import FullScores

ITEMS = 120


def town(seed: int, people: int = 400) -> Dataset:
    """Half of the people chose about 8 items, half about 24; early items are chosen more often."""
    rng = np.random.default_rng(seed)
    chance = 1 / (4 + np.arange(ITEMS))
    wanted = [
        rng.choice(ITEMS, 6 + int(rng.integers(5)) + 16 * (user % 2), False, chance / chance.sum())
        for user in range(people)
    ]
    pairs = [(f"u{user:03d}", f"i{item:03d}") for user, own in enumerate(wanted) for item in own]
    every = pl.DataFrame({"id": [f"i{item:03d}" for item in range(ITEMS)]})
    table = pl.DataFrame(pairs, schema=["user", "item"], orient="row")
    return Dataset.from_frame(table.with_columns(time=pl.int_range(pl.len()).cast(pl.Float64)), items=every)


@dataclass(frozen=True, eq=False)
class Seer:
    """A recipe that knows `everything` already: its score is noise, and `light`, `heavy` of truth added.

    heavy is for people with more than `many` known items; `tail` multiplies what it knows of the later items. It says
    nothing to people without history, but where `stranger` it says the same to all of them.
    """

    everything: Dataset
    light: float
    heavy: float
    tail: float = 1.0
    stranger: bool = False
    many: int = 14
    seed: int = 0
    heard: list[object] = field(default_factory=list)  # the warm starts of its fits

    def fit(self, data: Dataset, *, run: Run = Run()) -> Seen:  # noqa: B008
        """Learns nothing from `data`."""
        self.heard.append(run.warm_start)
        truth = (self.everything.matrix().toarray() > 0).astype(np.float64)
        truth[:, ITEMS // 3 :] *= self.tail
        return Seen(self, truth, np.random.default_rng(self.seed).normal(size=truth.shape))


@dataclass(frozen=True, eq=False)
class Seen(FullScores):
    """What a Seer says."""

    recipe: Seer
    truth: NDArray[np.float64]  # (U, I)
    noise: NDArray[np.float64]  # (U, I)
    name: str = "seer"

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return int(self.truth.shape[1])

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I)"""
        return np.array([self._of(query) for query in queries], np.float32)

    def _of(self, query: Query) -> NDArray[np.float64]:
        known = known_items(query)
        if known == 0:
            return np.asarray(self.truth.mean(axis=0) * self.recipe.stranger)
        knows = self.recipe.heavy if known > self.recipe.many else self.recipe.light
        return np.asarray(self.noise[query.user] + knows * self.truth[query.user])

    def contributions(self, query: Query, row: int) -> Evidence:
        """One amount: the score."""
        return Evidence("liked", NO_ROWS, np.empty(0), {"seen": float(self._of(query)[row])})
