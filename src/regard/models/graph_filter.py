"""GraphFilter: smoothing over the graph of people and items, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact, sparse_arrays, sparse_matrix
from regard.domain.arrays import Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.learning.knobs import Uniform, Whole
from regard.learning.spaces import Space
from regard.models.scoring import FactorScores, recipe_from

ROWS = 8_192  # of a block that are held in float64 at once
OVERSAMPLING = 32  # columns beyond the rank while the spectrum is sought (Halko et al. 2011, section 4.2)


@dataclass(frozen=True)
class GraphFilter:
    """A linear filter plus an ideal low-pass filter on the interaction graph (GF-CF, Shen et al. 2021, eq. 11).

    With R = D_U^-user_degree X D_I^-item_degree, V its first `rank` right singular vectors and D the items' degrees:
    W = D^-near_degree R'R D^near_degree + low_pass D^-low_degree V V' D^low_degree, and scores are x W.
    Shen's own exponents are .5, .5, 0 and .5 with low_pass .3; ours were chosen on a validation cut of Gowalla's train
    (docs/log.md). Memory: the events and I x rank numbers, never I x I. Time: `sweeps` products of R with a block.
    """

    rank: int = 256
    low_pass: float = 0.75
    user_degree: float = 0.3
    item_degree: float = 0.5
    near_degree: float = 0.2
    low_degree: float = 0.4
    sweeps: int = 4
    weighting: Weighting = field(default_factory=Weighting)
    SPACE: ClassVar[Space] = Space(
        {
            "rank": Whole(32, 1024, log=True),
            "low_pass": Uniform(0.0, 1.5),
            "user_degree": Uniform(0.0, 0.6),
            "near_degree": Uniform(0.0, 0.5),
        }
    )

    def __post_init__(self) -> None:
        if self.rank < 0 or self.sweeps < 1:
            got = f"rank {self.rank}, sweeps {self.sweeps}"
            raise InvalidInput("GraphFilter", "rank >= 0 and sweeps >= 1", got)
        for name in ("low_pass", "user_degree", "item_degree", "near_degree", "low_degree"):
            if not 0 <= getattr(self, name) <= 2:
                raise InvalidInput(f"GraphFilter.{name}", "a number in [0, 2]", repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedGraphFilter:  # noqa: B008
        """One pass for the degrees, `sweeps` for the spectrum; the seed starts its search."""
        matrix = data.matrix(self.weighting).astype(np.float64)
        of_person = np.maximum(matrix.sum(axis=1), 1.0) ** -self.user_degree
        degrees = np.maximum(matrix.sum(axis=0), 1.0)
        normal = sparse.csr_array(matrix.multiply(of_person[:, None]).multiply(degrees**-self.item_degree))
        vectors = spectrum(normal, self.rank, self.sweeps, run) if self.low_pass else np.zeros((len(degrees), 0))
        return FittedGraphFilter(self, normal, vectors, degrees)


def spectrum(matrix: sparse.csr_array, rank: int, sweeps: int, run: Run) -> NDArray[np.float64]:
    """The first `rank` right singular vectors of `matrix` (U, I), (I, at most rank), by randomised subspace iteration.

    Halko, Martinsson & Tropp 2011, algorithm 4.4, in float32; directions without energy are left out.
    """
    small = matrix.astype(np.float32)
    turned = small.T.tocsr()
    width = min(rank + OVERSAMPLING, *matrix.shape)
    block = run.rng().standard_normal((matrix.shape[1], width), dtype=np.float32)
    for sweep in range(sweeps):
        block = orthonormal(turned @ (small @ block))
        run.progress("GraphFilter: spectrum", (sweep + 1) / sweeps)
    image = (small @ block).astype(np.float64)
    energy, turn = np.linalg.eigh(image.T @ image)
    order = np.argsort(-energy, kind="stable")[:rank]
    order = order[energy[order] > 1e-6 * energy.max(initial=0.0)]
    return np.asarray(block.astype(np.float64) @ turn[:, order])


def orthonormal(block: Vectors) -> Vectors:
    """A basis (I, at most w) of what the columns of `block` (I, w) span, by their products with each other.

    Two rounds, as the first one errs with the square of the columns' condition (Fukaya et al. 2014, "CholeskyQR2", here
    with eigenvectors, so that columns that depend on others fall away). Where rows are many it takes a fifth of the
    time of Householder's QR.
    """
    for _ in range(2):
        products = np.zeros((block.shape[1],) * 2)
        for start in range(0, len(block), ROWS):
            part = block[start : start + ROWS].astype(np.float64)
            products += part.T @ part
        energy, turn = np.linalg.eigh(products)
        kept = energy > 1e-12 * energy.max(initial=0.0)
        block = block @ (turn[:, kept] / np.sqrt(energy[kept])).astype(np.float32)
    return block


@dataclass(frozen=True, eq=False)
class FittedGraphFilter(FactorScores):
    """`normal` (U, I): the normalised interactions R; `vectors` (I, r): V; `degrees` (I,)."""

    recipe: GraphFilter
    normal: sparse.csr_array
    vectors: NDArray[np.float64]
    degrees: NDArray[np.float64]
    name: str = "graph-filter"
    turned: sparse.csr_array = field(init=False, repr=False)  # (I, U)

    def __post_init__(self) -> None:
        object.__setattr__(self, "turned", self.normal.T.tocsr())

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.degrees)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return np.asarray(np.diff(self.turned.indptr), np.float64)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); in float64 before it is rounded, so that batches equal singles."""
        past = self._past(queries)
        smooth = self._wave(past) @ self.vectors.T
        smooth *= self._powers[1]
        return np.asarray(self._linear(past).toarray() + smooth, np.float32)

    def factors(self) -> Vectors:
        """D^low_degree V, (I, r)"""
        return self.vectors.astype(np.float32) * self._powers[1].astype(np.float32)[:, None]

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """The low-pass part, (Q,) -> (Q, r)."""
        return self._wave(self._past(queries)).astype(np.float32)

    def sides(self, queries: Sequence[Query], people: Vectors) -> tuple[Vectors, sparse.csr_array]:
        """The low-pass part as a vector; beside it the linear part, of items that share a person with what they met."""
        return people, self._linear(self._past(queries))

    def _linear(self, past: sparse.csr_array) -> sparse.csr_array:
        powers = self._powers[0]
        found = self._over(past, powers) @ self.turned @ self.normal
        found.data *= powers[found.indices]
        return sparse.csr_array(found)

    def _wave(self, past: sparse.csr_array) -> NDArray[np.float64]:
        return np.asarray(self.recipe.low_pass * (self._over(past, self._powers[1]) @ self.vectors))

    @cached_property
    def _powers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """D^near_degree and D^low_degree, (I,) each."""
        return self.degrees**self.recipe.near_degree, self.degrees**self.recipe.low_degree

    def _past(self, queries: Sequence[Query]) -> sparse.csr_array:
        return history_matrix(queries, self.n_items, self.recipe.weighting).astype(np.float64)

    @staticmethod
    def _over(past: sparse.csr_array, powers: NDArray[np.float64]) -> sparse.csr_array:
        data = past.data / powers[past.indices]
        return sparse.csr_array((data, past.indices, past.indptr), shape=past.shape)

    def contributions(self, query: Query, row: int) -> Evidence:
        """x_j W_j,row of each history item j, exact in float64; `score` is its float32 rounding."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        past, recipe = self._past([query]), self.recipe
        own, items = self.degrees[row], past.indices
        near = (self.turned[items] @ self.turned[[row]].T).toarray()[:, 0]
        near *= (own / self.degrees[items]) ** recipe.near_degree
        low = self.vectors[items] @ self.vectors[row] * (own / self.degrees[items]) ** recipe.low_degree
        return Evidence("liked", items.astype(np.int64), past.data * (near + recipe.low_pass * low))

    def artifact(self) -> Artifact:
        """The normalised graph, the spectrum, the degrees and the recipe."""
        arrays = {"vectors": self.vectors, "degrees": self.degrees, **sparse_arrays("normal", self.normal)}
        return Artifact("graph-filter", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedGraphFilter:
        """The same model, bit for bit."""
        a = artifact.arrays
        recipe = recipe_from(GraphFilter, artifact.recipe)
        return cls(recipe, sparse_matrix("normal", a), a["vectors"], a["degrees"])
