"""ContentRegression: from what an item says of itself to its place among tastes, so that new items have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import svds

from regard.data.artifacts import Artifact
from regard.data.item_records import records
from regard.domain.arrays import Array, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.content_kernel import Content, ContentKernel, Reach, check_reaches
from regard.models.scoring import InductiveScores, people_of, recipe_from

BLOCK = 4_096  # items whose likeness to the known ones is held at once
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ContentRegression:
    """Kernel ridge in closed form from content to collaborative factors (Gantner et al. 2010, by least squares).

    Columns of the interactions X are divided by people ** `exponent` (0 keeps their popularity, 1 leaves taste only);
    their truncated SVD gives each item with events a row of Q, and each history x the vector x H, so that x H Q' is
    the rank-`factors` picture of x. Ridge (`l2`) maps the content of these items, by ContentKernel, to their rows of
    Q. An item without events stands where its content says; one with n people at the weighted mean of both, where the
    content counts as much as `prior` people.

    labels: the fields read as labels (None: tags, creator and every worded attribute). numbers: attributes and the
    difference at which labels count e times less. near: numbers or dates (in days) that are alike by themselves.
    vectors: the name of text vectors in the data, or None; `text` is their weight. anchors: the most items that ridge
    learns from, those with the most people first; time O(anchors^3), memory 8 anchors^2 bytes.
    """

    factors: int = 35
    l2: float = 4.0
    prior: float = 5.0
    exponent: float = 0.2
    labels: tuple[str, ...] | None = None
    numbers: tuple[Reach, ...] = (("year", 15.0),)
    near: tuple[Reach, ...] = (("released", 90.0),)
    vectors: str | None = "use"
    text: float = 2.0
    anchors: int = 5_000
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("factors", self.factors >= 1, "at least 1"),
            ("l2", self.l2 > 0, "a number > 0"),
            ("prior", self.prior >= 0, "a number >= 0"),
            ("exponent", 0 <= self.exponent <= 1, "a number in [0, 1]"),
            ("text", self.text >= 0, "a weight >= 0"),
            ("anchors", self.anchors >= 1, "at least 1"),
        ):
            if not fits:
                raise InvalidInput(f"ContentRegression.{name}", expected, repr(getattr(self, name)))
        check_reaches("ContentRegression.numbers", self.numbers)
        check_reaches("ContentRegression.near", self.near)

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedContentRegression:  # noqa: B008
        """One SVD and one Cholesky; everything is learned from items with events only."""
        matrix = data.matrix(self.weighting).astype(np.float64)
        people, items, text = people_of(matrix), list(records(data)), self._text(data)
        history, own = self._factors(matrix, people, run)
        run.progress("ContentRegression: factors", 0.5)
        warm = np.flatnonzero(people > 0) if people.any() else np.arange(len(items))
        warm = np.sort(warm[np.argsort(-people[warm], kind="stable")[: self.anchors]])
        kernel = ContentKernel.learn([items[row] for row in warm], self.labels, self.numbers, self.near, self.text)
        content = kernel.read(items, text)
        if not (len(kernel.vocabulary.labels) or kernel.numbers or kernel.near or text.any()):
            hint = "Give items tags, a year, a date, or text vectors (encode_dataset)."
            raise InvalidInput("ContentRegression.fit", "labels, numbers, dates or text", "none of them", hint)
        ridge = Ridge.fit(kernel, content.where(warm), own[warm], self.l2)
        run.progress("ContentRegression: ridge", 1.0)
        said = ridge.predict(content)
        share = (people / (people + self.prior if self.prior else np.maximum(people, 1)))[:, None]
        vectors = (share * own + (1 - share) * said).astype(np.float32)
        return FittedContentRegression(self, ridge, vectors, history, people)

    def _text(self, data: Dataset) -> Vectors:
        if self.vectors is None:
            return np.zeros((len(data.items), 0), np.float32)
        if self.vectors not in data.vectors:
            hint = "encode_dataset(data, encoder) gives them; or set vectors=None."
            got = f"{sorted(data.vectors)}"
            raise InvalidInput("ContentRegression.vectors", f"content vectors {self.vectors!r} in the data", got, hint)
        return data.vectors[self.vectors]

    def _factors(self, matrix: sparse.csr_array, people: Matrix, run: Run) -> tuple[Matrix, Matrix]:
        """H and Q, (I, d) each."""
        scale = np.maximum(people, 1) ** -self.exponent
        scaled = sparse.csr_array(matrix * scale)
        if min(scaled.shape) <= 2 * self.factors:
            _, values, right = np.linalg.svd(scaled.toarray(), full_matrices=False)
        else:
            _, values, right = svds(scaled, k=self.factors, v0=run.rng().normal(size=min(scaled.shape)))
            values, right = values[::-1], right[::-1]
        kept = values[: self.factors] > 1e-9 * values.max(initial=1e-300)  # directions of nobody say nothing
        right = right[: self.factors] * kept[:, None]
        return scale[:, None] * right.T, np.asarray(right.T)


@dataclass(frozen=True, eq=False)
class Ridge:
    """f(c) = mean + k(c, known) @ weights, with weights = (K + l2 I)^-1 (target - mean)."""

    kernel: ContentKernel
    known: Content  # W items
    weights: Matrix  # (W, d)
    mean: Matrix  # (d,)

    @staticmethod
    def fit(kernel: ContentKernel, known: Content, target: Matrix, l2: float) -> Ridge:
        """From W items and their targets (W, d)."""
        square = kernel.likeness(known, known)
        square[np.diag_indices_from(square)] += l2
        mean = target.mean(axis=0)
        factor = cho_factor(square, lower=True, overwrite_a=True)
        return Ridge(kernel, known, cho_solve(factor, target - mean), mean)

    def predict(self, content: Content) -> Matrix:
        """(n, d), BLOCK items at a time."""
        n = content.labels.shape[0]
        parts = [np.arange(start, min(n, start + BLOCK)) for start in range(0, n, BLOCK)]
        found = [self.kernel.likeness(content.where(rows), self.known) @ self.weights for rows in parts]
        return np.asarray(self.mean + np.concatenate([np.empty((0, len(self.mean))), *found]))


@dataclass(frozen=True, eq=False)
class FittedContentRegression(InductiveScores):
    """score_i = (x H) . v_i, linear in the history x, over items with and without events."""

    recipe: ContentRegression
    ridge: Ridge
    item_vectors: Vectors  # (I, d)
    history: Matrix  # (I, d): what an item in the history says of the person; zero for items without events
    people: Matrix  # (I,)
    name: str = "content_regression"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.item_vectors)

    def support(self) -> Matrix:
        """People per item, (I,)."""
        return self.people

    def factors(self) -> Vectors:
        """(I, d)"""
        return self.item_vectors

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """The person's vector, (Q,) -> (Q, d)."""
        past = history_matrix(queries, self.n_items, self.recipe.weighting).astype(np.float64)
        return np.asarray(past @ self.history, np.float32)

    def encode_items(self, items: Sequence[Item], contents: Mapping[str, Vectors]) -> Vectors:
        """By all that their content says, (m, d)."""
        silent = np.zeros((len(items), self.ridge.known.text.shape[1]), np.float32)
        text = silent if self.recipe.vectors is None else contents.get(self.recipe.vectors, silent)
        return self.ridge.predict(self.ridge.kernel.read(items, text)).astype(np.float32)

    def contributions(self, query: Query, row: int) -> Evidence:
        """x_j h_j . v_i of each history item j, exact."""
        if row >= self.n_items:
            return self.newer(query, "content")
        found = self.evidence(query, self.item_vectors[row])
        return replace(found, kind="liked") if self.people[row] > self.recipe.prior else found

    def evidence(self, query: Query, vector: Vectors) -> Evidence:
        """x_j h_j . v of each history item j, exact."""
        past = history_matrix([query], self.n_items, self.recipe.weighting)
        amounts = past.data * (self.history[past.indices] @ vector.astype(np.float64))
        return Evidence("content", past.indices.astype(np.int64), amounts)

    def artifact(self) -> Artifact:
        """Vectors, the ridge with the content it learned from, and the recipe."""
        ridge = self.ridge
        arrays: dict[str, Array] = {"item_vectors": self.item_vectors, "history": self.history, "people": self.people}
        arrays |= {"ridge.weights": ridge.weights, "ridge.mean": ridge.mean}
        parts = {"kernel": ridge.kernel.artifact(ridge.known)}
        return Artifact("content-regression", asdict(self.recipe), arrays, parts)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedContentRegression:
        """The same model, bit for bit."""
        held, stored = artifact.arrays, dict(artifact.recipe)
        for name in ("numbers", "near"):
            stored[name] = tuple((attribute, reach) for attribute, reach in stored[name])
        stored["labels"] = None if stored["labels"] is None else tuple(stored["labels"])
        kernel, known = ContentKernel.from_artifact(artifact.parts["kernel"])
        ridge = Ridge(kernel, known, held["ridge.weights"], held["ridge.mean"])
        recipe = recipe_from(ContentRegression, stored)
        return cls(recipe, ridge, held["item_vectors"], held["history"], held["people"])
