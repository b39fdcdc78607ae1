"""BiasedMF: what rating a person would give, as mean + person + item + taste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.arrays import Rows, Scores, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.least_squares import solve_rows
from regard.models.scoring import FactorScores, people_of, recipe_from


@dataclass(frozen=True)
class BiasedMF:
    """r_ui = mu + b_u + b_i + p_u . q_i (Koren, Bell & Volinsky 2009, eq. 4), by alternating ridge regressions.

    `event` names the type whose values are the ratings; an item rated again counts with its last value. The penalty of
    the factors is l2 times the row's ratings (Zhou et al. 2008), of the biases `l2_bias` whatever their number, so that
    few ratings move a bias little. `weighting` fades old ratings' influence on the fit (decay, recency).
    """

    factors: int = 32
    l2: float = 0.15
    l2_bias: float = 2.0
    iterations: int = 12
    event: str = "rating"
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("factors", self.factors >= 1, "at least 1"),
            ("l2", self.l2 > 0, "a number > 0"),
            ("l2_bias", self.l2_bias > 0, "a number > 0"),
            ("iterations", self.iterations >= 1, "at least 1"),
        ):
            if not fits:
                raise InvalidInput(f"BiasedMF.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedBiasedMF:  # noqa: B008
        """InvalidInput where the data hold no event of the type `event`."""
        weights, ratings = self._ratings(data)
        mean = float(np.average(ratings, weights=weights.data))
        across, turn = weights.T.tocsr(), _turned(weights)
        # (I, d + 1) and (U, d + 1): factors, then the bias
        items = np.zeros((len(data.items), self.factors + 1))
        items[:, :-1] = run.rng().normal(0.0, 0.1, (len(items), self.factors))
        for sweep in range(self.iterations):
            people = self._half(weights, ratings - mean, items)
            items = self._half(across, (ratings - mean)[turn], people)
            run.progress("BiasedMF", (sweep + 1) / self.iterations)
        scale = np.array([mean, ratings.min(), ratings.max()])
        return FittedBiasedMF(self, people.astype(np.float32), items.astype(np.float32), scale, people_of(weights))

    def _half(self, weights: sparse.csr_array, ratings: Scores, others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Factors and bias of each row (n, d + 1), given those of the columns, from ratings (nnz,) less their mean."""
        features = np.concatenate([others[:, :-1], np.ones((len(others), 1))], axis=1)
        penalty = np.repeat(self.l2 * np.diff(weights.indptr)[:, None].astype(np.float64), self.factors + 1, axis=1)
        penalty[:, -1] = self.l2_bias
        targets = weights.data * (ratings - others[weights.indices, -1])
        return np.asarray(solve_rows(weights, targets, features, np.zeros(()), penalty))

    def _ratings(self, data: Dataset) -> tuple[sparse.csr_array, Scores]:
        """How much each rated cell of (U, I) weighs, and its last rating, (nnz,) in the same order."""
        e = data.events
        if self.event not in e.types or not (e.type == e.types.index(self.event)).any():
            raise InvalidInput("BiasedMF.event", f"an event type of the data {e.types}", repr(self.event))
        rated = (e.type == e.types.index(self.event)).astype(np.float32)
        weights = self.weighting.matrix(e.offsets, e.item, rated, e.time, len(data.items)).astype(np.float64)
        chosen = np.flatnonzero(rated)
        cell = e.user[chosen].astype(np.int64) * len(data.items) + e.item[chosen]
        order = np.argsort(cell, kind="stable")  # oldest first within a cell
        last = np.append(np.flatnonzero(np.diff(cell[order])), len(order) - 1)
        return weights, np.asarray(e.value[chosen][order][last], np.float64)


def _turned(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """Where each cell of the transposed matrix stood, (nnz,)."""
    places = sparse.csr_array((np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    return np.asarray(places.T.tocsr().data, np.int64)


@dataclass(frozen=True, eq=False)
class FittedBiasedMF(FactorScores):
    """Ratings for known people; a person unknown to the fit gets mu + b_i.

    A history says what somebody met, not how they rated it, so nobody can be folded in: a new person's taste counts
    from the next fit. `person_factors` (U, d + 1) and `item_factors` (I, d + 1) hold the bias last; `scale` holds mu,
    the lowest and the highest rating.
    """

    recipe: BiasedMF
    person_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    scale: NDArray[np.float64]
    people: NDArray[np.float64]
    name: str = "biased-mf"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.item_factors)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def predict(self, users: Rows, items: Rows) -> Scores:
        """The rating of each pair, (n,), within the range of the ratings seen; unknown rows count as average."""
        person, item = _rows(self.person_factors, users), _rows(self.item_factors, items)
        rating = self.scale[0] + person[:, -1] + item[:, -1] + (person[:, :-1] * item[:, :-1]).sum(axis=1)
        return np.asarray(np.clip(rating, self.scale[1], self.scale[2]))

    @property
    def item_vectors(self) -> Vectors:
        """[q_i, 1, b_i], (I, d + 2): its dot product with a person's vector is the rating."""
        q = self.item_factors
        return np.concatenate([q[:, :-1], np.ones((len(q), 1), np.float32), q[:, -1:]], axis=1)

    def factors(self) -> Vectors:
        """(I, d)"""
        return self.item_vectors

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """[p_u, mu + b_u, 1], (Q,) -> (Q, d + 2)."""
        return self._people(queries).astype(np.float32)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """The ratings, not clipped, so that order stays: (Q,) -> (Q, I)."""
        return (self._people(queries) @ self.exact.T).astype(np.float32)

    def _people(self, queries: Sequence[Query]) -> NDArray[np.float64]:
        person = _rows(self.person_factors, np.array([query.user for query in queries], np.int64))
        return np.concatenate([person[:, :-1], self.scale[0] + person[:, -1:], np.ones((len(person), 1))], axis=1)

    def contributions(self, query: Query, row: int) -> Evidence:
        """The four named amounts that make the rating: mean, person, item, taste."""
        if row >= self.n_items:
            return self.newer(query, "rating")
        person, item = _rows(self.person_factors, np.array([query.user]))[0], self.item_factors[row].astype(np.float64)
        amounts = {"mean": self.scale[0], "person": person[-1], "item": item[-1], "taste": person[:-1] @ item[:-1]}
        return Evidence("rating", NO_ROWS, np.empty(0), {name: float(amount) for name, amount in amounts.items()})

    def artifact(self) -> Artifact:
        """Factors, biases, the scale of ratings and the recipe."""
        names = ("person_factors", "item_factors", "scale", "people")
        return Artifact("biased-mf", asdict(self.recipe), {name: getattr(self, name) for name in names})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedBiasedMF:
        """The same model, bit for bit."""
        a = artifact.arrays
        recipe = recipe_from(BiasedMF, artifact.recipe)
        return cls(recipe, a["person_factors"], a["item_factors"], a["scale"], a["people"])


def _rows(factors: NDArray[np.float32], rows: Rows) -> NDArray[np.float64]:
    """The factors of `rows` in float64; zeros for rows that the model does not know."""
    known = (rows >= 0) & (rows < len(factors))
    found = np.zeros((len(rows), factors.shape[1]))
    found[known] = factors[rows[known]]
    return found
