"""Popularity: what many people chose lately, overall or within a person's segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.records import plain
from regard.domain.request import NO_ROWS, Query
from regard.domain.run import Run
from regard.domain.weights import DAY, Weighting
from regard.models.scoring import FullScores, people_of, recipe_from

OVERALL = 0  # the row of `shares` for everybody


@dataclass(frozen=True)
class Popularity:
    """The share of people who chose an item, an event of age a days counting 2 ** (-a / half_life).

    half_life: days before the moment of the snapshot (None: no decay). segment: a user attribute; then the share within
    the person's own segment s, drawn to the overall share by `smoothing` pseudo-people m: (c_si + m p_i) / (n_s + m).
    People without the attribute, or with a value never seen, get the overall share.
    """

    half_life: float | None = None
    segment: str | None = None
    smoothing: float = 50.0
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        if self.half_life is not None and not self.half_life > 0:
            raise InvalidInput("Popularity.half_life", "days > 0 or None", repr(self.half_life))
        if not self.smoothing > 0:
            raise InvalidInput("Popularity.smoothing", "a number of people > 0", repr(self.smoothing))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedPopularity:  # noqa: B008
        """Counts; the seed plays no part. InvalidInput if `segment` is not an attribute of the people."""
        matrix = faded(data, self.half_life, self.weighting)
        overall = matrix.sum(axis=0, dtype=np.float64) / max(1, len(data.users))
        if self.segment is None:
            return FittedPopularity(self, overall[None, :], np.empty(0, "<U1"), people_of(matrix))
        names, codes = self._segments(data)
        member = sparse.csr_array(
            (np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(len(names) + 1, len(codes))
        )
        counts = (member @ matrix.astype(np.float64)).toarray()[: len(names)]  # the last row: people without a value
        sizes = np.bincount(codes, minlength=len(names) + 1)[: len(names), None]
        shares = (counts + self.smoothing * overall) / (sizes + self.smoothing)
        return FittedPopularity(self, np.vstack([overall, shares]), names, people_of(matrix))

    def _segments(self, data: Dataset) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """The segments' names (S,) and each person's code (U,), S for people without a value."""
        columns = data.user_attributes.column_names
        if self.segment not in columns:
            raise InvalidInput("Popularity.segment", f"one of the user attributes {columns}", repr(self.segment))
        values = [plain(cell) for cell in data.user_attributes.column(self.segment).to_pylist()]
        names = np.array(sorted({str(v) for v in values if v is not None}), dtype=np.str_)
        place = {str(name): code for code, name in enumerate(names)}
        return names, np.array([len(names) if v is None else place[str(v)] for v in values], np.int64)


def faded(data: Dataset, half_life: float | None, weighting: Weighting) -> sparse.csr_array:
    """Who met what (U, I), an event of age a days counting 2 ** (-a / half_life) at the moment of the snapshot."""
    e = data.events
    worth = lasting(data, half_life) * np.where(e.weight > 0, 1.0 if weighting.binary else e.weight, 0.0)
    return replace(weighting, binary=False).matrix(e.offsets, e.item, worth, e.time, len(data.items))


def lasting(data: Dataset, half_life: float | None) -> NDArray[np.float64]:
    """What is left of each event at the moment of the snapshot, (n,); all of it without a half-life (days)."""
    if half_life is None:
        return np.ones(len(data.events))
    return np.asarray(0.5 ** (np.maximum(data.at - data.events.time, 0.0) / (DAY * half_life)))


@dataclass(frozen=True, eq=False)
class FittedPopularity(FullScores):
    """`shares` (1 + S, I): everybody first, then each of `segments` (S,)."""

    recipe: Popularity
    shares: NDArray[np.float64]
    segments: NDArray[np.str_]
    people: NDArray[np.float64]
    name: str = "popular"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return int(self.shares.shape[1])

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); the same for everybody of a segment, whatever their history."""
        return self.shares[[self._row(query) for query in queries]].astype(np.float32)

    def _row(self, query: Query) -> int:
        value = None if self.recipe.segment is None else query.attributes.get(self.recipe.segment)
        if value is None or not len(self.segments):
            return OVERALL
        code = int(np.searchsorted(self.segments, str(value)))
        return code + 1 if code < len(self.segments) and self.segments[code] == str(value) else OVERALL

    def contributions(self, query: Query, row: int) -> Evidence:
        """Popularity explains itself: one named amount, "popularity" or "popularity in SEGMENT"."""
        if row >= self.n_items:
            return self.newer(query, "popular")
        which = self._row(query)
        label = "popularity" if which == OVERALL else f"popularity in {self.segments[which - 1]}"
        return Evidence("popular", NO_ROWS, np.empty(0), {label: float(self.shares[which, row])})

    def artifact(self) -> Artifact:
        """The shares and the recipe."""
        arrays = {"shares": self.shares, "segments": self.segments, "people": self.people}
        return Artifact("popular", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedPopularity:
        """The same model, bit for bit."""
        arrays = artifact.arrays
        recipe = recipe_from(Popularity, artifact.recipe)
        return cls(recipe, arrays["shares"], arrays["segments"], arrays["people"])
