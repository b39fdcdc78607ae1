"""LightGCN: item vectors learned on the graph of people, items and labels; anybody is served from their history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.data.item_records import records
from regard.domain.arrays import Array, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Evidence
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.content import Vocabulary
from regard.models.networks.edges import EdgeBatch, Edges
from regard.models.scoring import FactorScores, people_of, recipe_from
from regard.models.unseen_figure import UnseenFigure

if TYPE_CHECKING:
    from torch import Tensor

Losses = Literal["ssm", "bpr"]
Drawing = Literal["uniform", "popular", "in_batch", "hard"]
LABELS = 10_000  # nodes of tags, creators and worded attributes, the most frequent ones


@dataclass(frozen=True)
class LightGCN:
    """Linear graph convolution over who met what (He et al. 2020), with the person's own vector left out.

    With X the interactions, R = D_N^-user_degree X D_I^-item_degree. People have no vector but what the graph carries
    to them from their items, and while they learn, an item is told from the others by the rest of its person's past. So
    training asks what serving asks, people and events that are new to the model are served like all others, and on
    Gowalla's validation cut it ranks better than with vectors of people (docs/log.md).
    loss: ssm, a sampled softmax of cosines over `temperature` (Wu et al. 2022), or bpr, of dot products; over `samples`
      negatives that a batch shares. popularity: with ssm, this times log(people of the item) is added to each logit:
      cosines know no popularity, and would have to learn it from negatives one by one.
    attributes: the weight of edges to labels (tags, creator, worded attributes), more nodes on the people's side; each
      item spreads it over its labels; 0 leaves them out.
    batch: edges. l2: decay of the vectors (AdamW). validation data in the run stop the epochs early, by nDCG@20 of
      unmet items.
    Time: an epoch is edges / batch times O(layers edges d), plus O(edges samples d). Needs the extra `deep` to fit.
    """

    width: int = 64
    layers: int = 3
    user_degree: float = 0.5
    item_degree: float = 0.5
    loss: Losses = "ssm"
    temperature: float = 0.1
    popularity: float = 1.0
    negatives: Drawing = "uniform"
    samples: int = 512
    attributes: float = 0.0
    epochs: int = 20
    batch: int = 8_192
    rate: float = 0.01
    l2: float = 0.0
    patience: int = 3
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("width", self.width >= 1, "at least 1"),
            ("layers", self.layers >= 1, "at least 1"),
            ("user_degree", 0 <= self.user_degree <= 2, "a number in [0, 2]"),
            ("item_degree", 0 <= self.item_degree <= 2, "a number in [0, 2]"),
            ("loss", self.loss in get_args(Losses), f"one of {get_args(Losses)}"),
            ("temperature", 0 < self.temperature < np.inf, "a number > 0"),
            ("popularity", 0 <= self.popularity <= 2, "a number in [0, 2]"),
            ("negatives", self.negatives in get_args(Drawing), f"one of {get_args(Drawing)}"),
            ("samples", self.samples >= 1, "at least 1"),
            ("attributes", 0 <= self.attributes < np.inf, "a number >= 0"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1 edge"),
            ("rate", 0 < self.rate < 1, "a learning rate in (0, 1)"),
            ("l2", 0 <= self.l2 < np.inf, "a number >= 0"),
            ("patience", self.patience >= 1, "at least 1 epoch"),
        ):
            if not fits:
                raise InvalidInput(f"LightGCN.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedLightGCN:  # noqa: B008
        """Learn from every person with two items or more; without any, the model proposes nothing.

        Same seed, machine and threads, same fit. Unavailable without PyTorch.
        """
        try:
            from regard.learning.loop import loop, seeded
            from regard.learning.plan import Plan
            from regard.learning.steps import plain
            from regard.models.networks.light_graph import LightGraph
        except ImportError as error:
            raise Unavailable("LightGCN.fit", "PyTorch", str(error), "pip install 'regard[deep]'") from error
        matrix = data.matrix(self.weighting)
        graph = self._graph(matrix, data)
        people = people_of(matrix)
        edges = Edges.of(graph.normal, matrix.shape[0], self.batch, repr(self))
        with seeded(run.seed):
            module = LightGraph(graph.normal, people > 0, graph.labels, self.layers, self.width)

        def fitted(module: LightGraph) -> FittedLightGCN:
            return self._fitted([table.detach().cpu().numpy() for table in module()], graph, people)

        judge = None if run.validation is None else UnseenFigure.of(data, run.validation)
        figure = None if judge is None else lambda module: judge(fitted(module))
        plan = Plan(self.epochs, self.rate, self.l2, figure=figure, patience=self.patience)
        loop(module, self._loss(people), plain, edges, plan, run)
        if not len(edges):
            module.requires_grad_(False).items.zero_()
        return fitted(module)

    def _graph(self, matrix: sparse.csr_array, data: Dataset) -> Graph:
        """R, people first, then labels."""
        side, labels = matrix, 0
        if self.attributes:
            items = list(records(data))
            borne = Vocabulary.learn(items, None, LABELS).read(items, by_idf=False)
            labels = borne.shape[1]
            side = sparse.vstack([matrix, self.attributes * borne.T], format="csr")
        of_others, of_items = (np.maximum(side.sum(axis=axis), 1.0) for axis in (1, 0))
        scale = of_items**-self.item_degree
        normal = sparse.csr_array(side.multiply((of_others**-self.user_degree)[:, None]).multiply(scale))
        return Graph(normal.astype(np.float32), labels, scale)

    def _prior(self, people: NDArray[np.float64]) -> NDArray[np.float32]:
        """What is added to each item's logit, (I,)."""
        power = self.popularity if self.loss == "ssm" else 0.0
        return (power * np.log(np.maximum(people, 1.0))).astype(np.float32)

    def _fitted(self, tables: Sequence[Vectors], graph: Graph, people: NDArray[np.float64]) -> FittedLightGCN:
        """What the module gives for items, and for those who met them, as it serves."""
        final, past = tables
        if self.loss == "ssm":
            lengths = np.linalg.norm(final, axis=1, keepdims=True)
            final = np.asarray(final / np.where(lengths > 0, lengths, 1), np.float32)
        table = np.column_stack([final, self.temperature * self._prior(people)]).astype(np.float32)
        return FittedLightGCN(self, table, (past * graph.scale[:, None]).astype(np.float32), people)

    def _loss(self, people: NDArray[np.float64]) -> Callable[[Any, EdgeBatch], Tensor]:
        """(module, batch) -> one loss per edge."""
        import torch

        from regard.learning import losses, negatives

        counts, prior = torch.from_numpy(people).float(), torch.from_numpy(self._prior(people))
        choices: dict[str, Callable[[], negatives.Negatives]] = {
            "uniform": lambda: negatives.uniform(len(people), self.samples),
            "popular": lambda: negatives.popular(counts, self.samples),
            "in_batch": lambda: negatives.in_batch(counts, self.samples),
            "hard": lambda: negatives.hard(len(people), self.samples),
        }
        draw = choices[self.negatives]()

        def loss(module: Any, batch: EdgeBatch) -> Tensor:
            device = module.items.device
            person, item, share = (torch.from_numpy(c).to(device) for c in (batch.person, batch.item, batch.share))
            final, past = module()
            users = module.people(past, person, item, share)
            drawn = draw(item, users, final)
            if self.loss == "ssm":
                return losses.ssm(users, final, item, drawn, self.temperature, prior.to(device))
            return losses.bpr(users, final, item, drawn)

        return loss


@dataclass(frozen=True, eq=False)
class Graph:
    """`normal`: R (N, I), the last `labels` rows of it for labels; `scale` (I,): D_I^-item_degree."""

    normal: sparse.csr_array
    labels: int
    scale: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FittedLightGCN(FactorScores):
    """score_i = v_i . p with p = sum_j x_j h_j over the history, at length 1 after ssm; the last event changes it.

    One more coordinate is 1 for people with a history and the item's popularity in v, so that dots are whole scores.
    """

    recipe: LightGCN
    item_vectors: Vectors  # (I, d + 1): v, at length 1 after ssm, and popularity
    history: Vectors  # (I, d): h, what an item adds to whoever met it
    people: NDArray[np.float64]  # (I,)
    name: str = "lightgcn"

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
        """The person's vector, (Q,) -> (Q, d + 1); zeros without history."""
        return self._people(self._past(queries)).astype(np.float32)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); in float64 before it is rounded, so that batches equal singles."""
        return (self._people(self._past(queries)) @ self.exact.T).astype(np.float32)

    def _past(self, queries: Sequence[Query]) -> sparse.csr_array:
        return history_matrix(queries, self.n_items, self.recipe.weighting).astype(np.float64)

    def _people(self, past: sparse.csr_array) -> NDArray[np.float64]:
        """Histories (Q, I) -> (Q, d + 1)"""
        sums = np.asarray(past @ self.history)
        return np.column_stack([sums / self._sizes(past, sums)[:, None], sums.any(axis=1)])

    def _sizes(self, past: sparse.csr_array, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each person's sum (Q, d) is divided by, (Q,): its length after ssm, else their degree as in R."""
        if self.recipe.loss == "ssm":
            lengths = np.linalg.norm(sums, axis=1)
            return np.where(lengths > 0, lengths, 1.0)
        return np.asarray(np.maximum(past.sum(axis=1), 1.0) ** self.recipe.user_degree)

    def contributions(self, query: Query, row: int) -> Evidence:
        """x_j h_j . v_row / |p| of each history item j, and its popularity; exact in float64, as scores are rounded."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        past = self._past([query])
        near = past.data[:, None] * self.history[past.indices]
        size = self._sizes(past, near.sum(axis=0, keepdims=True))[0]
        amounts = near @ self.exact[row, :-1] / size
        prior = float(self.exact[row, -1]) if near.any() else 0.0
        other = {"popularity": prior} if self.recipe.popularity and prior else {}
        return Evidence("liked", past.indices.astype(np.int64), amounts, other)

    def artifact(self) -> Artifact:
        """Both tables of vectors, the counts and the recipe."""
        arrays: dict[str, Array] = {"item_vectors": self.item_vectors, "history": self.history, "people": self.people}
        return Artifact("lightgcn", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedLightGCN:
        """The same model, bit for bit."""
        arrays = artifact.arrays
        recipe = recipe_from(LightGCN, artifact.recipe)
        return cls(recipe, arrays["item_vectors"], arrays["history"], arrays["people"])
