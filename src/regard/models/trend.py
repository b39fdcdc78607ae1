"""Trend: any model's scores times how alive each item is now, plus what is popular now and what one returns to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Scores
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import DAY, Weighting
from regard.models.ease import EASE
from regard.models.scoring import FullScores

FLOOR = 0.01  # events that every item is lent, so that one without any has a ratio


@dataclass(frozen=True)
class Trend:
    """score_ui = source_ui ratio_i + popular * r_i / max(r) + log(1 + repeats * own_ui).

    What goes together is learned from all times, what is alive from lately: r_i is the sum over item i's events of
    2 ** (-age / half_life), with ages in days before the moment of the data; ratio_i = ((r_i + FLOOR) / (n_i + FLOOR))
    ** strength over its largest, with all n_i events of i. own_ui sums person u's own events with i, fading by
    `repeats_half_life` from their newest event: for shops, where people buy again. Our own; figures in docs/log.md.

    source: a recipe whose model is FullScores. popular, repeats: in units of the source's scores.
    Time and memory beyond the source's: one pass over the events, one number per item.
    """

    source: Any = field(default_factory=EASE)
    half_life: float = 14.0
    strength: float = 1.0
    popular: float = 0.0
    repeats: float = 0.0
    repeats_half_life: float = 60.0

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("source", hasattr(self.source, "fit"), "a recipe"),
            ("half_life", self.half_life > 0, "days > 0"),
            ("strength", 0 <= self.strength <= 4, "an exponent in [0, 4]"),
            ("popular", self.popular >= 0, "a weight >= 0"),
            ("repeats", self.repeats >= 0, "a weight >= 0"),
            ("repeats_half_life", self.repeats_half_life > 0, "days > 0"),
        ):
            if not fits:
                raise InvalidInput(f"Trend.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedTrend:  # noqa: B008
        """The source's fit and one pass over the events."""
        events = data.events
        right = events.weight > 0
        item, age = events.item[right], (data.at - events.time[right]) / DAY
        count = np.bincount(item, minlength=len(data.items)).astype(np.float64)
        lately = np.bincount(item, 0.5 ** (np.maximum(age, 0.0) / self.half_life), len(data.items)).astype(np.float64)
        ratio = ((lately + FLOOR) / (count + FLOOR)) ** self.strength
        highest = lately.max(initial=0.0)
        lately = lately / highest if highest > 0 else lately
        ratio /= ratio.max(initial=FLOOR)
        return FittedTrend(self, self.source.fit(data, run=run), ratio, self.popular * lately)


@dataclass(frozen=True, eq=False)
class FittedTrend(FullScores):
    """`source`: a fitted FullScores; `ratio` (I,) in (0, 1]; `lately` (I,): what popularity adds."""

    recipe: Trend
    source: Any
    ratio: Scores
    lately: Scores
    name: str = "trend"

    @property
    def n_items(self) -> int:
        """How many items the source knows."""
        return len(self.ratio)

    def support(self) -> NDArray[np.floating]:
        """People per item, (I,)."""
        return np.asarray(self.source.support())

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); in float64 before it is rounded."""
        found = self.source.scores(queries) * self.ratio + self.lately
        if self.recipe.repeats:
            own = history_matrix(queries, self.n_items, self._own())
            people = np.repeat(np.arange(len(queries)), np.diff(own.indptr))
            found[people, own.indices] += np.log1p(self.recipe.repeats * own.data.astype(np.float64))
        return np.asarray(found, np.float32)

    def _own(self) -> Weighting:
        return Weighting(half_life=self.recipe.repeats_half_life, repeats="sum")

    def contributions(self, query: Query, row: int) -> Evidence:
        """The source's evidence times the ratio, the person's own repeats of the item, and "popular lately"."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        found: Evidence = self.source.contributions(query, row)
        ratio, rows, amounts = float(self.ratio[row]), found.rows, found.amounts * self.ratio[row]
        other = {what: amount * ratio for what, amount in found.other.items()}
        if self.recipe.popular:
            other["popular lately"] = float(self.lately[row])
        if self.recipe.repeats and (query.history.rows == row).any():
            own = history_matrix([query], self.n_items, self._own())
            again = np.log1p(self.recipe.repeats * own.data[own.indices == row].astype(np.float64))
            rows, place = np.unique(np.r_[rows, row], return_inverse=True)
            amounts = np.bincount(place, np.r_[amounts, again.sum()], len(rows)).astype(np.float64)
        return Evidence(found.kind, rows, amounts, other, found.exact)

    def artifact(self) -> Artifact:
        """The ratios, with the source as a part."""
        recipe = {f.name: getattr(self.recipe, f.name) for f in fields(Trend) if f.name != "source"}
        recipe["source"] = asdict(self.recipe.source)
        return Artifact(
            "trend", recipe, {"ratio": self.ratio, "lately": self.lately}, {"source": self.source.artifact()}
        )

    @classmethod
    def from_artifact(cls, artifact: Artifact, readers: Mapping[str, Callable[[Artifact], Any]]) -> FittedTrend:
        """The same model, bit for bit; `readers` build each kind of source (wiring knows them)."""
        part = artifact.parts["source"]
        if part.kind not in readers:
            raise NotFound("Trend.from_artifact", f"a kind of {sorted(readers)}", part.kind)
        source = readers[part.kind](part)
        recipe = Trend(**{**artifact.recipe, "source": source.recipe})
        return cls(recipe, source, artifact.arrays["ratio"], artifact.arrays["lately"])
