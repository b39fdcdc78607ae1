"""EASE: a linear item-to-item model in closed form, and the strongest simple one on dense histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.co_occurrence import Square, fading_gram, gram, invert
from regard.models.scoring import FullScores, people_of, places_of, recipe_from


@dataclass(frozen=True)
class EASE:
    """Embarrassingly shallow autoencoder (Steck 2019, eq. 8): B = I - P / diag(P), P = (X'X + l2 I)^-1.

    l2: ridge, in the units of the Gram matrix X'X (people per item).
    dropout: share p of a history hidden while fitting, which adds p / (1 - p) of each item's own count to its ridge
      (EDLAE, Steck 2020, eq. 10).
    popularity: the Gram matrix is scaled by counts ** (-popularity / 2) on both sides before the inverse, and B back
      after it, so that the ridge weighs relatively more on popular items.
    local: share of the Gram matrix in which two items of a history count exp(-distance / reach), `reach` in events
      (`co_occurrence.fading_gram`; our own addition, figures in docs/log.md). 0 is Steck's model.
    Memory while fitting: one I x I float32 matrix (4 I^2 bytes; two with `local`) and a few blocks of 64 MB; a
    catalogue above `max_bytes` is refused. Time: O(I^3) whatever the number of people.
    """

    l2: float = 500.0
    dropout: float = 0.0
    popularity: float = 0.0
    local: float = 0.0
    reach: float = 30.0
    weighting: Weighting = field(default_factory=Weighting)
    max_bytes: int = 8 * 2**30

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("l2", self.l2 > 0, "a number > 0"),
            ("dropout", 0 <= self.dropout < 1, "a share in [0, 1)"),
            ("popularity", 0 <= self.popularity <= 1, "an exponent in [0, 1]"),
            ("local", 0 <= self.local <= 1, "a share in [0, 1]"),
            ("reach", self.reach > 0, "a number of events > 0"),
        ):
            if not fits:
                raise InvalidInput(f"EASE.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedEASE:  # noqa: B008
        """Closed form; the seed plays no part. InvalidInput where the catalogue is too large for I x I numbers."""
        n_items = len(data.items)
        if 4 * n_items**2 > self.max_bytes:
            needed = f"{n_items:,} items ({4 * n_items**2 / 2**30:.1f} GiB)"
            hint = "Raise EASE.max_bytes, or take GraphFilter or ItemKNN, whose memory is linear."
            raise InvalidInput("EASE.fit", f"4 I^2 <= {self.max_bytes / 2**30:.1f} GiB", needed, hint)
        matrix = data.matrix(self.weighting)
        square = gram(matrix)
        if self.local:
            square *= 1 - self.local
            near = fading_gram(matrix, places_of(data), self.reach)
            near *= self.local
            square += near
            del near
        run.progress("EASE: co-occurrence", 0.5)
        weights = self._solve(square)
        run.progress("EASE: solved", 1.0)
        return FittedEASE(self, weights, people_of(matrix))

    def _solve(self, square: Square) -> Square:
        """B (I, I) from the lower triangle of the Gram matrix, in place."""
        own = np.diag(square).astype(np.float64)
        scale = np.maximum(own, 1.0) ** (-self.popularity / 2)
        if self.popularity:
            square *= scale.astype(np.float32)[:, None]
            square *= scale.astype(np.float32)
        own *= scale**2
        np.fill_diagonal(square, own + self.l2 + self.dropout / (1 - self.dropout) * own)
        weights = invert(square)
        weights *= (-1 / (np.diag(weights) * scale)).astype(np.float32)
        if self.popularity:
            weights *= scale.astype(np.float32)[:, None]
        np.fill_diagonal(weights, 0.0)
        return weights


LOCAL_EASE = EASE(l2=50.0, popularity=0.4, local=0.5, reach=30.0)
"""The best on MovieLens-100K when events carry times; hyper-parameters chosen on validation cuts of train."""


@dataclass(frozen=True, eq=False)
class FittedEASE(FullScores):
    """score_i = sum_j x_j B_ji over the history; B (I, I) float32 with a zero diagonal."""

    recipe: EASE
    weights: Square  # (I, I): from the row's item to the column's
    people: NDArray[np.float64]  # (I,)
    name: str = "ease"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.weights)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I)"""
        return np.asarray(history_matrix(queries, self.n_items, self.recipe.weighting) @ self.weights)

    def contributions(self, query: Query, row: int) -> Evidence:
        """x_j B_ji of each history item j, exact in float64; `score` is its float32 rounding."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        past = history_matrix([query], self.n_items, self.recipe.weighting)
        amounts = past.data.astype(np.float64) * self.weights[past.indices, row]
        return Evidence("liked", past.indices.astype(np.int64), amounts)

    def artifact(self) -> Artifact:
        """The weights, the counts and the recipe."""
        return Artifact("ease", asdict(self.recipe), {"weights": self.weights, "people": self.people})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedEASE:
        """The same model, bit for bit."""
        arrays = artifact.arrays
        return cls(recipe_from(EASE, artifact.recipe), arrays["weights"], arrays["people"])
