"""ItemKNN and UserKNN: the items, or the people, that are most alike by who met whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact, sparse_arrays, sparse_matrix
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.learning.knobs import LogUniform, OneOf, Whole
from regard.learning.spaces import Space
from regard.models.alike import Crowd, Likeness, TermWeights, nearest, norms, top
from regard.models.scoring import FullScores, people_of, recipe_from

SPACE = Space(
    {"k": Whole(5, 500, log=True), "shrinkage": LogUniform(1.0, 200.0), "likeness": OneOf(*get_args(Likeness))}
)


def _check(recipe: ItemKNN | UserKNN) -> None:
    name = type(recipe).__name__
    if recipe.k < 1:
        raise InvalidInput(f"{name}.k", "at least 1 neighbour", repr(recipe.k))
    if not recipe.shrinkage >= 0:
        raise InvalidInput(f"{name}.shrinkage", "a number >= 0", repr(recipe.shrinkage))
    if recipe.likeness not in ("cosine", "tfidf", "bm25"):
        raise InvalidInput(f"{name}.likeness", "cosine, tfidf or bm25", repr(recipe.likeness))


@dataclass(frozen=True)
class ItemKNN:
    """score_i = sum_j x_j s(j, i) over the k items j most like i (Deshpande & Karypis 2004; RecBole's orientation).

    s(j, i) = <a_j, a_i> / (|a_j| |a_i| + shrinkage) on the items' columns of people, weighted by `likeness`: as they
    are, tf-idf, or BM25 (k1 = 1.2, b = .75; Robertson & Zaragoza 2009).
    """

    k: int = 200
    shrinkage: float = 10.0
    likeness: Likeness = "tfidf"
    weighting: Weighting = field(default_factory=Weighting)
    SPACE: ClassVar[Space] = SPACE

    def __post_init__(self) -> None:
        _check(self)

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedItemKNN:  # noqa: B008
        """Exact; time grows with the pairs of items that share a person, memory with k I."""
        matrix = data.matrix(self.weighting)
        by_item = matrix.T.tocsr()
        terms = TermWeights.of(by_item, self.likeness)
        similar = nearest(terms.weigh(by_item), self.k, self.shrinkage, run.progress)
        return FittedItemKNN(self, similar.T.tocsr(), people_of(matrix))


@dataclass(frozen=True, eq=False)
class FittedItemKNN(FullScores):
    """`similar` (I, I): column i holds the likeness of i's k nearest items."""

    recipe: ItemKNN
    similar: sparse.csr_array
    people: NDArray[np.float64]
    name: str = "item-knn"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return int(self.similar.shape[0])

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I)"""
        return np.asarray((history_matrix(queries, self.n_items, self.recipe.weighting) @ self.similar).toarray())

    def contributions(self, query: Query, row: int) -> Evidence:
        """x_j s(j, row) of each history item j, exact in float64; `score` is its float32 rounding."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        past = history_matrix([query], self.n_items, self.recipe.weighting)
        likeness = self.similar[past.indices][:, [row]].toarray()[:, 0]
        return Evidence("liked", past.indices.astype(np.int64), past.data.astype(np.float64) * likeness)

    def artifact(self) -> Artifact:
        """The neighbours and the recipe."""
        return Artifact(
            "item-knn", asdict(self.recipe), {"people": self.people, **sparse_arrays("similar", self.similar)}
        )

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedItemKNN:
        """The same model, bit for bit."""
        similar = sparse_matrix("similar", artifact.arrays)
        return cls(recipe_from(ItemKNN, artifact.recipe), similar, artifact.arrays["people"])


@dataclass(frozen=True)
class UserKNN:
    """score_i = sum_v s(u, v) x_vi over the k people v most like u, never u's own row (Herlocker et al. 1999).

    Likeness as in ItemKNN, on people's rows of items. Any history is folded in, so people unknown to the fit and
    events of this moment count at once.
    """

    k: int = 50
    shrinkage: float = 10.0
    likeness: Likeness = "bm25"
    weighting: Weighting = field(default_factory=Weighting)
    SPACE: ClassVar[Space] = SPACE

    def __post_init__(self) -> None:
        _check(self)

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedUserKNN:  # noqa: B008
        """Keeps the interactions (memory-based); the neighbours are found at request time."""
        return FittedUserKNN(self, data.matrix(self.weighting))


@dataclass(frozen=True, eq=False)
class FittedUserKNN(FullScores):
    """`matrix` (U, I): the interactions; their weighted form is derived."""

    recipe: UserKNN
    matrix: sparse.csr_array
    name: str = "user-knn"
    terms: TermWeights = field(init=False, repr=False)
    weighed: sparse.csr_array = field(init=False, repr=False)  # (U, I) float64
    crowd: Crowd = field(init=False, repr=False)

    def __post_init__(self) -> None:
        terms = TermWeights.of(self.matrix, self.recipe.likeness)
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "weighed", terms.weigh(self.matrix))
        object.__setattr__(self, "crowd", Crowd.of(self.weighed, self.recipe.shrinkage))

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return int(self.matrix.shape[1])

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return people_of(self.matrix)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I)"""
        near = self._near(self._past(queries), queries)
        return np.asarray((near @ self.matrix).toarray(), np.float32)

    def _past(self, queries: Sequence[Query]) -> sparse.csr_array:
        return self.terms.weigh(history_matrix(queries, self.n_items, self.recipe.weighting))

    def _near(self, past: sparse.csr_array, queries: Sequence[Query]) -> sparse.csr_array:
        """The k nearest people of each query, (Q, U)."""
        return top(self.crowd.likeness(past), self.recipe.k, np.array([query.user for query in queries]))

    def contributions(self, query: Query, row: int) -> Evidence:
        """What each history item adds through the likeness of the people who met `row`.

        s(u, v) is a sum over the shared items j, so score = sum_j a_uj sum_v a_vj x_v,row / (|a_u| |a_v| + shrinkage).
        """
        if row >= self.n_items:
            return self.newer(query, "people")
        past = self._past([query])
        near = self._near(past, [query])
        people = self.weighed[near.indices]  # (k, I)
        worth = self.matrix[near.indices][:, [row]].toarray()[:, 0].astype(np.float64)
        worth /= norms(past)[0] * self.crowd.lengths[near.indices] + self.recipe.shrinkage
        amounts = past.data * (people.T @ worth)[past.indices]
        return Evidence("people", past.indices.astype(np.int64), amounts)

    def artifact(self) -> Artifact:
        """The interactions and the recipe."""
        return Artifact("user-knn", asdict(self.recipe), sparse_arrays("matrix", self.matrix))

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedUserKNN:
        """The same model, bit for bit."""
        return cls(recipe_from(UserKNN, artifact.recipe), sparse_matrix("matrix", artifact.arrays))
