"""EASE: a linear item-to-item model in closed form, and the strongest simple one on dense histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.data.item_records import records
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.learning.knobs import LogUniform, Uniform
from regard.learning.spaces import Space
from regard.models.co_occurrence import Square, fading_gram, gram, invert
from regard.models.content import Vocabulary, unit
from regard.models.scoring import FullScores, people_of, places_of, recipe_from

LABELS = 20_000  # the most frequent labels whose sharing counts


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
    content: weight of what items say of themselves: (n_i n_j) ** (1/4) / mean(n) ** (1/2) * C_ij is added to the Gram
      matrix, with the likeness C by `content_by` (cosine) and the counts n, as if shared tags were shared people
      (after Singh & Gordon 2008). Items without events get weights, too. 0 is Steck's model.
    content_by: the label field (`tags`, `creator`, an attribute) or the content vectors of the data that C compares.
    at_least: items that fewer people met get no weights: the solution is O(M^3) over the M others, often better, too.
    Memory while fitting: one I x I float32 matrix (4 I^2 bytes) and a few blocks of 64 MB; a catalogue above
    `max_bytes` is refused. Time: O(I^3).
    """

    l2: float = 500.0
    dropout: float = 0.0
    popularity: float = 0.0
    local: float = 0.0
    reach: float = 30.0
    content: float = 0.0
    content_by: str = "tags"
    at_least: int = 0
    weighting: Weighting = field(default_factory=Weighting)
    max_bytes: int = 8 * 2**30
    SPACE: ClassVar[Space] = Space(
        {"l2": LogUniform(5.0, 5000.0), "popularity": Uniform(0.0, 0.8), "dropout": Uniform(0.0, 0.6)}
    )

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("l2", self.l2 > 0, "a number > 0"),
            ("dropout", 0 <= self.dropout < 1, "a share in [0, 1)"),
            ("popularity", 0 <= self.popularity <= 1, "an exponent in [0, 1]"),
            ("local", 0 <= self.local <= 1, "a share in [0, 1]"),
            ("reach", self.reach > 0, "a number of events > 0"),
            ("at_least", self.at_least >= 0, "a number of people >= 0"),
            ("content", self.content >= 0, "a weight >= 0"),
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
        people = people_of(matrix)
        kept = np.flatnonzero(people >= self.at_least)
        square = self._square(data, matrix, kept)
        run.progress("EASE: co-occurrence", 0.5)
        weights = self._solve(square)
        if len(kept) < n_items:
            weights, small = np.zeros((n_items, n_items), np.float32), weights
            weights[np.ix_(kept, kept)] = small
        run.progress("EASE: solved", 1.0)
        return FittedEASE(self, weights, people)

    def _square(self, data: Dataset, matrix: sparse.csr_array, kept: NDArray[np.int64]) -> Square:
        """The Gram matrix of the items `kept` (M,), (M, M); its lower triangle holds."""

        def chosen(found: sparse.csr_array) -> sparse.csr_array:
            return found if len(kept) == found.shape[1] else sparse.csr_array(found[:, kept])

        if self.local:
            square = fading_gram(chosen(matrix), chosen(places_of(data)), self.reach, self.local)
        else:
            square = gram(chosen(matrix))
        return gram(chosen(self._content(data, people_of(matrix))), square) if self.content else square

    def _content(self, data: Dataset, people: NDArray[np.float64]) -> sparse.csr_array:
        """What items share, as rows of people who like them: (L, I), whose Gram matrix is the likeness, scaled."""
        if self.content_by in data.vectors:
            found = data.vectors[self.content_by]
            rows = sparse.csr_array(unit(found - found.mean(axis=0)))
        else:
            items = list(records(data))
            words = Vocabulary.learn(items, [self.content_by], LABELS)
            if not words.labels:
                expected = f"labels that two items share, or one of the vectors {sorted(data.vectors)}"
                raise InvalidInput("EASE.content_by", expected, repr(self.content_by))
            rows = words.read(items)
        counts = np.maximum(people, 1)
        scale = self.content**0.5 * (counts / counts.mean()) ** 0.25
        return sparse.csr_array((rows * scale[:, None]).T.astype(np.float32))

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
