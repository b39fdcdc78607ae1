"""ImplicitALS: matrix factors for implicit feedback, where a person's vector is folded in from any history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.learning.knobs import LogUniform, Uniform, Whole
from regard.learning.spaces import Space
from regard.models.least_squares import Floats, solve_rows
from regard.models.scoring import FactorScores, people_of, recipe_from


@dataclass(frozen=True)
class ImplicitALS:
    """Weighted matrix factorisation by alternating least squares (Hu, Koren & Volinsky 2008).

    Minimises sum_ui (1 + alpha x_ui) (p_ui - y_i . z_u)^2 + sum_r lambda_r |v_r|^2 with p = 1 where x > 0.
    alpha: None takes the one that gives all events together a tenth of the weight of all cells, at any density.
    l2, scaling: lambda_r = l2 m (w_r / m) ** scaling with w_r = alpha n_r + N, the weight of row r's N cells, and m its
      mean over the rows: scaling 0 is Hu's one penalty, 1 grows with the evidence (Rendle et al. 2022, section 3.3).
    """

    factors: int = 64
    alpha: float | None = None
    l2: float = 0.015
    scaling: float = 0.75
    iterations: int = 10
    weighting: Weighting = field(default_factory=Weighting)
    SPACE: ClassVar[Space] = Space(
        {"factors": Whole(16, 256, log=True), "l2": LogUniform(1e-3, 0.3), "scaling": Uniform(0.0, 1.0)}
    )

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("factors", self.factors >= 1, "at least 1"),
            ("alpha", self.alpha is None or self.alpha > 0, "a number > 0 or None"),
            ("l2", self.l2 > 0, "a number > 0"),
            ("scaling", 0 <= self.scaling <= 1, "an exponent in [0, 1]"),
            ("iterations", self.iterations >= 1, "at least 1"),
        ):
            if not fits:
                raise InvalidInput(f"ImplicitALS.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedALS:  # noqa: B008
        """`iterations` exact sweeps, O(events d^2 + (U + I) d^3) each; a warm start gives the first item vectors."""
        matrix = data.matrix(self.weighting)
        by_item = matrix.T.tocsr()
        alpha = self.alpha or 0.1 * np.prod(matrix.shape, dtype=float) / max(1.0, float(matrix.sum()))
        of_people, of_items = Side.of(matrix, alpha, self), Side.of(by_item, alpha, self)
        items = self._first(len(data.items), run)
        for sweep in range(self.iterations):
            people = of_people.solve(matrix, items, items.T @ items)
            items = of_items.solve(by_item, people, people.T @ people)
            run.progress("ImplicitALS", (sweep + 1) / self.iterations)
        return FittedALS(self, items, people_of(matrix), np.array([alpha, of_people.typical]))

    def _first(self, n_items: int, run: Run) -> NDArray[np.float32]:
        """Small random vectors (deviation .1 / sqrt(d)), or the warm start's for the items that it knows."""
        first = run.rng().normal(0.0, 0.1 / np.sqrt(self.factors), (n_items, self.factors)).astype(np.float32)
        warm = run.warm_start
        if isinstance(warm, FittedALS) and warm.item_vectors.shape[1] == self.factors:
            first[: warm.n_items] = warm.item_vectors[:n_items]
        return first


@dataclass(frozen=True)
class Side:
    """One half of the alternation: the confidence and the penalty of the rows of one matrix (n, m)."""

    alpha: float
    typical: float  # m, the mean of w_r
    l2: float
    scaling: float

    @staticmethod
    def of(matrix: sparse.csr_array, alpha: float, recipe: ImplicitALS) -> Side:
        """The side whose rows are those of `matrix`."""
        typical = alpha * float(matrix.sum()) / max(1, matrix.shape[0]) + matrix.shape[1]
        return Side(alpha, typical, recipe.l2, recipe.scaling)

    def penalty(self, matrix: sparse.csr_array) -> NDArray[np.float64]:
        """lambda_r of each row, (n,)."""
        evidence = self.alpha * matrix.sum(axis=1, dtype=np.float64) + matrix.shape[1]
        return np.asarray(self.l2 * self.typical * (evidence / self.typical) ** self.scaling)

    def solve(self, matrix: sparse.csr_array, factors: Floats, square: Floats) -> Floats:
        """The vector of each row given the columns' `factors` (m, d) and their `square` (d, d): (n, d)."""
        penalty = np.repeat(self.penalty(matrix)[:, None], factors.shape[1], axis=1)
        return solve_rows(self.alpha * matrix, 1 + self.alpha * matrix.data, factors, square, penalty)


@dataclass(frozen=True, eq=False)
class FittedALS(FactorScores):
    """score_i = y_i . z with z folded in from the history at request time: nobody is unknown to it."""

    recipe: ImplicitALS
    item_vectors: Vectors  # (I, d)
    people: NDArray[np.float64]  # (I,)
    scale: NDArray[np.float64]  # alpha and m of the people's side
    name: str = "als"

    square: NDArray[np.float64] = field(init=False, repr=False)  # (d, d)

    def __post_init__(self) -> None:
        object.__setattr__(self, "square", self.exact.T @ self.exact)

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.item_vectors)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def factors(self) -> Vectors:
        """(I, d)"""
        return self.item_vectors

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """The person's vector, (Q,) -> (Q, d); zeros without history."""
        return self._people(queries).astype(np.float32)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); in float64 before it is rounded, so that batches equal singles."""
        return (self._people(queries) @ self.exact.T).astype(np.float32)

    def _people(self, queries: Sequence[Query]) -> NDArray[np.float64]:
        past = history_matrix(queries, self.n_items, self.recipe.weighting).astype(np.float64)
        return np.asarray(self.side.solve(past, self.exact, self.square))

    @property
    def side(self) -> Side:
        """How a person is folded in."""
        return Side(float(self.scale[0]), float(self.scale[1]), self.recipe.l2, self.recipe.scaling)

    def contributions(self, query: Query, row: int) -> Evidence:
        """c_j y_i' A^-1 y_j of each history item j (Hu et al. 2008, section 5), exact in float64."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        past = history_matrix([query], self.n_items, self.recipe.weighting).astype(np.float64)
        near = self.exact[past.indices]
        confidence = self.side.alpha * past.data
        normal = self.square + (near.T * confidence) @ near + self.side.penalty(past)[0] * np.eye(len(self.square))
        amounts = (1 + confidence) * (near @ np.linalg.solve(normal, self.exact[row]))
        return Evidence("liked", past.indices.astype(np.int64), amounts)

    def artifact(self) -> Artifact:
        """The item vectors and the recipe."""
        arrays: dict[str, Array] = {"item_vectors": self.item_vectors, "people": self.people, "scale": self.scale}
        return Artifact("als", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedALS:
        """The same model, bit for bit."""
        arrays = artifact.arrays
        recipe = recipe_from(ImplicitALS, artifact.recipe)
        return cls(recipe, arrays["item_vectors"], arrays["people"], arrays["scale"])
