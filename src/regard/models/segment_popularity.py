"""SegmentPopularity: what is popular with people who say the same of themselves, the floor for who is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.fields import Fields, distinct, said_by
from regard.models.lifts import Lifts
from regard.models.popular import faded, lasting
from regard.models.scoring import FullScores, people_of, recipe_from


@dataclass(frozen=True)
class SegmentPopularity:
    """An item's share of all choices, plus its lift in each segment of the person and of the moment.

    score_i = p_i + sum_s trust_s (share_si - p_i), over the words and eighths of numbers that the person's attributes
    and the request's context say (age, gender, country; device, weekday); see Lifts for the trust, which is learned,
    so that nobody names attributes and useless ones fall out. Who says nothing gets p, the popularity of everybody.
    half_life: days in which an event loses half its weight, before the moment of the snapshot (None: no decay).
    at_least: people (or events, for the context) that make a segment.
    """

    half_life: float | None = None
    at_least: int = 20
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        if self.half_life is not None and not self.half_life > 0:
            raise InvalidInput("SegmentPopularity.half_life", "days > 0 or None", repr(self.half_life))
        if self.at_least < 1:
            raise InvalidInput("SegmentPopularity.at_least", "at least 1", repr(self.at_least))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedSegmentPopularity:  # noqa: B008
        """Counts; the seed plays no part."""
        matrix = faded(data, self.half_life, self.weighting)
        people = said_by(data.user_attributes) or [{}] * len(data.users)
        fields = Fields.learn(people)
        who = Lifts.learn(fields, fields.read(people), matrix, self.at_least)
        return FittedSegmentPopularity(self, who, self._moments(data), people_of(matrix))

    def _moments(self, data: Dataset) -> Lifts:
        """Lifts of contexts: each event of positive weight chose one item."""
        e = data.events
        right = np.asarray(e.weight > 0)
        n = int(right.sum())
        chosen = sparse.csr_array(
            (lasting(data, self.half_life)[right], (np.arange(n), e.item[right])), shape=(n, len(data.items))
        )
        if e.context is None:
            fields = Fields.learn([])
            return Lifts.learn(fields, fields.read([{}] * n), chosen, self.at_least)
        contexts = e.context.filter(right)
        fields = Fields.learn(said_by(contexts))
        return Lifts.learn(fields, distinct(contexts, fields.read), chosen, self.at_least)


@dataclass(frozen=True, eq=False)
class FittedSegmentPopularity(FullScores):
    """Shares of everybody, lifts by who people are and by where they are."""

    recipe: SegmentPopularity
    who: Lifts
    where: Lifts
    people: NDArray[np.float64]  # (I,)
    name: str = "segment-popular"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.people)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); the same for everybody who says the same, whatever their history."""
        lifts = self.who.lifts([q.attributes for q in queries]) + self.where.lifts([q.context for q in queries])
        return (self.who.base + lifts).astype(np.float32)

    def contributions(self, query: Query, row: int) -> Evidence:
        """ "popularity", then "popularity in SEGMENT" where the segment lifts the item, "less popular in" where not."""
        if row >= self.n_items:
            return self.newer(query, "popular")
        parts = {**self.who.parts(query.attributes, row), **self.where.parts(query.context, row)}
        named = {f"{'popularity' if a > 0 else 'less popular'} in {name}": a for name, a in parts.items()}
        return Evidence("popular", NO_ROWS, np.empty(0), {"popularity": float(self.who.base[row]), **named})

    def artifact(self) -> Artifact:
        """The segments and the recipe."""
        arrays = {**self.who.arrays("who"), **self.where.arrays("where"), "people": self.people}
        return Artifact("segment-popular", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedSegmentPopularity:
        """The same model, bit for bit."""
        recipe = recipe_from(SegmentPopularity, artifact.recipe)
        who, where = (Lifts.from_arrays(name, artifact.arrays) for name in ("who", "where"))
        return cls(recipe, who, where, artifact.arrays["people"])
