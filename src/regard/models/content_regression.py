"""ContentRegression: from what an item says of itself to its place among tastes, so that new items have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import svds

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.content_features import ContentFeatures
from regard.models.scoring import FullScores, people_of, recipe_from
from regard.models.text import dataset_items

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ContentRegression:
    """Closed-form ridge from content to collaborative factors (Gantner et al. 2010, by least squares).

    The factors are the truncated SVD of the interactions X ~ P Q' with the person's side P = X H folded in from any
    history. Ridge maps the content of the items with events to their rows of Q; Q holds how popular and for whom, so
    both are regressed. Without events an item stands where its content says; with n people at the weighted mean of
    both, where the content counts as much as `prior` people.

    factors: width of the SVD. l2: ridge, in items. labels: the fields that are read as labels (None: tags, creator and
    every worded attribute). numbers: numeric attributes, read through a smooth basis. vectors: the name of text
    vectors in the data, or None. `exponent` e in [0, 1]: columns of X are divided by people ** e before the SVD (0:
    as they are).
    """

    factors: int = 24
    l2: float = 10.0
    prior: float = 5.0
    exponent: float = 0.0
    labels: tuple[str, ...] | None = None
    numbers: tuple[str, ...] = ("year",)
    vectors: str | None = "use"
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("factors", self.factors >= 1, "at least 1"),
            ("l2", self.l2 > 0, "a number > 0"),
            ("prior", self.prior >= 0, "a number >= 0"),
            ("exponent", 0 <= self.exponent <= 1, "a number in [0, 1]"),
        ):
            if not fits:
                raise InvalidInput(f"ContentRegression.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedContentRegression:  # noqa: B008
        """One SVD and one Cholesky of the content's width; everything is learned from items with events only."""
        matrix = data.matrix(self.weighting).astype(np.float64)
        people = people_of(matrix)
        items, text = dataset_items(data), self._text(data)
        warm = np.flatnonzero(people > 0) if people.any() else np.arange(len(items))
        kept = [items[row] for row in warm]
        features = ContentFeatures.learn(kept, text[warm], self.labels, self.numbers)
        history, own = self._factors(matrix, people, run)
        run.progress("ContentRegression: factors", 0.5)
        content = features.read(items, text)
        mean, map_ = self._ridge(content[warm], own[warm])
        said = (content - mean[0]) @ map_ + mean[1]
        share = (people / (people + self.prior if self.prior else np.maximum(people, 1)))[:, None]
        run.progress("ContentRegression: ridge", 1.0)
        vectors = (share * own + (1 - share) * said).astype(np.float32)
        return FittedContentRegression(self, features, vectors, history, Ridge(*mean, map_), people)

    def _text(self, data: Dataset) -> Vectors:
        if self.vectors is None:
            return np.zeros((len(data.items), 0), np.float32)
        if self.vectors not in data.vectors:
            hint = "encode_dataset(data, encoder) gives them; or set vectors=None."
            got = f"{sorted(data.vectors)}"
            raise InvalidInput("ContentRegression.vectors", f"content vectors {self.vectors!r} in the data", got, hint)
        return data.vectors[self.vectors]

    def _factors(self, matrix: sparse.csr_array, people: Matrix, run: Run) -> tuple[Matrix, Matrix]:
        """H and Q, (I, d) each: a history x has the vector x H, and x H Q' is the rank-d picture of x."""
        scale = np.maximum(people, 1) ** -self.exponent
        scaled = sparse.csr_array(matrix * scale)
        if min(scaled.shape) <= 2 * self.factors:
            _, values, right = np.linalg.svd(scaled.toarray(), full_matrices=False)
        else:
            _, values, right = svds(scaled, k=self.factors, v0=run.rng().normal(size=min(scaled.shape)))
            values, right = values[::-1], right[::-1]
        kept = values[: self.factors] > 1e-9 * values.max(initial=1e-300)  # directions of nobody say nothing
        right = right[: self.factors] * kept[:, None]
        return scale[:, None] * right.T, right.T / scale[:, None]

    def _ridge(self, content: Matrix, target: Matrix) -> tuple[tuple[Matrix, Matrix], Matrix]:
        """The means of content (F,) and target (d,), and the map (F, d) between the rest; the smaller of two solves."""
        mean = content.mean(axis=0), target.mean(axis=0)
        left, right = content - mean[0], target - mean[1]
        if left.shape[1] <= len(left):
            square = left.T @ left
            square[np.diag_indices_from(square)] += self.l2
            return mean, cho_solve(cho_factor(square), left.T @ right)
        square = left @ left.T
        square[np.diag_indices_from(square)] += self.l2
        return mean, left.T @ cho_solve(cho_factor(square), right)


@dataclass(frozen=True, eq=False)
class Ridge:
    """target = (content - content_mean) @ map + target_mean."""

    content_mean: Matrix  # (F,)
    target_mean: Matrix  # (d,)
    map: Matrix  # (F, d)


@dataclass(frozen=True, eq=False)
class FittedContentRegression(FullScores):
    """score_i = (x H) . v_i, linear in the history x, over items with and without events."""

    recipe: ContentRegression
    features: ContentFeatures
    item_vectors: Vectors  # (I, d)
    history: Matrix  # (I, d): what an item in the history says of the person; zero for items without events
    ridge: Ridge
    people: Matrix  # (I,)
    name: str = "content_regression"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.item_vectors)

    def support(self) -> Matrix:
        """People per item, (I,)."""
        return self.people

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """The person's vector, (Q,) -> (Q, d)."""
        return np.asarray(self._people(queries), np.float32)

    def encode_items(self, items: Sequence[Item], text: Vectors) -> Vectors:
        """The vectors of new items from their content and text vectors (n, t): (n, d), beside `item_vectors`."""
        content = self.features.read(items, text) - self.ridge.content_mean
        return np.asarray(content @ self.ridge.map + self.ridge.target_mean, np.float32)

    def extended(self, items: Sequence[Item], text: Vectors) -> FittedContentRegression:
        """The same model with new items after the known ones, found and scored at once."""
        new = self.encode_items(items, text)
        silent = np.zeros((len(items), self.history.shape[1]))
        return FittedContentRegression(
            self.recipe,
            self.features,
            np.concatenate([self.item_vectors, new]),
            np.concatenate([self.history, silent]),
            self.ridge,
            np.r_[self.people, np.zeros(len(items))],
        )

    def _people(self, queries: Sequence[Query]) -> Matrix:
        return np.asarray(
            history_matrix(queries, self.n_items, self.recipe.weighting).astype(np.float64) @ self.history
        )

    def scores(self, queries: Sequence[Query]) -> Vectors:
        """(Q,) -> (Q, I); in float64 before it is rounded, so that batches equal singles."""
        return (self._people(queries) @ self.item_vectors.T.astype(np.float64)).astype(np.float32)

    def contributions(self, query: Query, row: int) -> Evidence:
        """x_j h_j . v_i of each history item j, exact."""
        if row >= self.n_items:
            return self.newer(query, "content")
        past = history_matrix([query], self.n_items, self.recipe.weighting)
        amounts = past.data * (self.history[past.indices] @ self.item_vectors[row].astype(np.float64))
        kind = "liked" if self.people[row] > self.recipe.prior else "content"
        return Evidence(kind, past.indices.astype(np.int64), amounts)

    def artifact(self) -> Artifact:
        """Vectors, the map, what was learned of the content, and the recipe."""
        arrays: dict[str, Array] = {"item_vectors": self.item_vectors, "history": self.history, "people": self.people}
        ridge: dict[str, Matrix] = {f"ridge.{name}": array for name, array in vars(self.ridge).items()}
        features = {"features": self.features.artifact()}
        return Artifact("content-regression", asdict(self.recipe), {**arrays, **ridge}, features)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedContentRegression:
        """The same model, bit for bit."""
        held = artifact.arrays
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in artifact.recipe.items()}
        ridge = Ridge(*(held[f"ridge.{name}"] for name in ("content_mean", "target_mean", "map")))
        features = ContentFeatures.from_artifact(artifact.parts["features"])
        recipe = recipe_from(ContentRegression, lists)
        return cls(recipe, features, held["item_vectors"], held["history"], ridge, held["people"])
