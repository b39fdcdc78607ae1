"""Behaviour: a deep model of the order of events; the next item from what a person just did, served without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Evidence
from regard.domain.request import Query
from regard.domain.run import Run
from regard.models.networks.figures import next_item_figure
from regard.models.networks.streams import Batch, Stream
from regard.models.person_tower import PersonTower
from regard.models.scoring import FullScores, people_of, recipe_from

if TYPE_CHECKING:
    from torch import Tensor

Body = Literal["gru", "convolution", "transformer", "hstu"]
Losses = Literal["full_softmax", "sampled_softmax", "gbce", "bpr"]
Drawing = Literal["uniform", "popular", "in_batch"]


@dataclass(frozen=True)
class Behaviour:
    """Next-item prediction over packed histories with one table of item vectors (SASRec, Kang & McAuley 2018).

    body: GRU, dilated causal convolution, pre-norm causal transformer, or HSTU's gated attention.
    width: d of all vectors. blocks: layers. window: the newest events that count, and the length of a training row.
    loss: full_softmax is best where I x events of a batch fits the memory (Klenitskiy & Vasilev 2023); else
      sampled_softmax with log-Q correction, gbce or bpr, over `samples` negatives that a batch shares.
    batch: rows of `window` events. validation data in the run stop the epochs early, by nDCG@10 of the next item.
    Time: O(events (d^2 + window d + I d)) an epoch, the last term O(samples d) where sampled. Needs the extra `deep`.
    """

    body: Body = "transformer"
    width: int = 64
    blocks: int = 1
    window: int = 100
    dropout: float = 0.2
    loss: Losses = "full_softmax"
    negatives: Drawing = "uniform"
    samples: int = 256
    epochs: int = 20
    batch: int = 16
    rate: float = 2e-3
    patience: int = 3
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("body", self.body in get_args(Body), f"one of {get_args(Body)}"),
            ("width", self.width >= 1, "at least 1"),
            ("blocks", self.blocks >= 1, "at least 1"),
            ("window", self.window >= 1, "at least 1 event"),
            ("dropout", 0 <= self.dropout < 1, "a share in [0, 1)"),
            ("loss", self.loss in get_args(Losses), f"one of {get_args(Losses)}"),
            ("negatives", self.negatives in get_args(Drawing), f"one of {get_args(Drawing)}"),
            ("samples", self.samples >= 1, "at least 1"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1 row"),
            ("rate", 0 < self.rate < 1, "a learning rate in (0, 1)"),
            ("patience", self.patience >= 1, "at least 1 epoch"),
            ("precision", self.precision in ("float32", "bfloat16"), "float32 or bfloat16"),
        ):
            if not fits:
                raise InvalidInput(f"Behaviour.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedBehaviour:  # noqa: B008
        """Train on every positive event with a next one. Same seed, machine and threads, same fit.

        Without any such event the model has learned nothing and proposes nothing. Unavailable without PyTorch.
        """
        try:
            from regard.learning.loop import loop, seeded
            from regard.learning.plan import Plan
            from regard.learning.steps import plain
            from regard.models.networks.next_item import NextItem, Tower, body_of, graph_of
        except ImportError as error:
            raise Unavailable("Behaviour.fit", "PyTorch and onnx", str(error), "pip install 'regard[deep]'") from error
        stream = Stream.of(data, self.window, self.batch, repr(self))
        people = people_of(data.matrix())
        with seeded(run.seed):
            body = body_of(self.body, self.width, self.blocks, self.window, self.dropout)
            module = NextItem(len(data.items), Tower(body, self.width, self.dropout), self.width)
        judge = None if run.validation is None else next_item_figure(stream, run.validation)
        plan = Plan(self.epochs, self.rate, precision=self.precision, figure=judge, patience=self.patience)
        loop(module, self._loss(people), plain, stream, plan, run)
        vectors = module.items.weight.detach().numpy().copy()
        graph = np.frombuffer(graph_of(module.tower, self.width), np.uint8)
        return FittedBehaviour(self, vectors if stream.pairs else np.zeros_like(vectors), people, graph)

    def _loss(self, people: NDArray[np.float64]) -> Callable[[Any, Batch], Tensor]:
        """(module, batch) -> one loss per event that has a next one."""
        import torch

        from regard.learning import losses, negatives
        from regard.models.networks.layout import Layout

        counts = torch.from_numpy(people).float()
        choices: dict[str, Callable[[], negatives.Negatives]] = {
            "uniform": lambda: negatives.uniform(len(people), self.samples),
            "popular": lambda: negatives.popular(counts, self.samples),
            "in_batch": lambda: negatives.in_batch(counts, self.samples),
        }
        draw = choices[self.negatives]()
        sampled = {"sampled_softmax": losses.sampled_softmax, "gbce": losses.gbce, "bpr": losses.bpr}

        def loss(module: Any, batch: Batch) -> Tensor:
            targets, layout = torch.from_numpy(batch.targets), Layout.of(torch.from_numpy(batch.segment))
            right = targets >= 0
            users = module(torch.from_numpy(batch.items), torch.from_numpy(batch.gaps), layout)[right]
            table, targets = module.items.weight, targets[right]
            if self.loss == "full_softmax":
                return losses.full_softmax(users, table, targets)
            return sampled[self.loss](users, table, targets, draw(targets))

        return loss


@dataclass(frozen=True, eq=False)
class FittedBehaviour(FullScores):
    """score_i = item_i . person, with the person's vector by ONNX from the newest events; the last one changes it."""

    recipe: Behaviour
    item_vectors: Vectors  # (I, d)
    people: NDArray[np.float64]  # (I,)
    graph: NDArray[np.uint8]  # an ONNX graph
    name: str = "behaviour"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.item_vectors)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    @cached_property
    def tower(self) -> PersonTower:
        """What reads histories."""
        return PersonTower(self.item_vectors, self.graph, self.recipe.window)

    @cached_property
    def _exact(self) -> NDArray[np.float64]:
        return np.asarray(self.item_vectors, np.float64)

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """The person's vector, (Q,) -> (Q, d); zeros without history."""
        return self.tower.encode(queries)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); in float64 before it is rounded, so that batches equal singles."""
        return (self.encode(queries).astype(np.float64) @ self._exact.T).astype(np.float32)

    def contributions(self, query: Query, row: int) -> Evidence:
        """What the score loses when one item leaves the history, for each item that counts; "together" is what they do
        only together (or twice), so that all sum to the score. Not exact: an order is not a sum.
        """
        if row >= self.n_items:
            return self.newer(query, "liked")
        rows = np.unique(self.tower.read(query)[0])
        without = [query.with_history(query.history.without([int(item)])) for item in rows]
        found = self.encode([query, *without]).astype(np.float64) @ self._exact[row]
        amounts = found[0] - found[1:]
        return Evidence("liked", rows, amounts, {"together": float(found[0] - amounts.sum())}, exact=False)

    def artifact(self) -> Artifact:
        """The vectors, the graph, the counts and the recipe."""
        arrays: dict[str, Array] = {"item_vectors": self.item_vectors, "people": self.people, "graph": self.graph}
        return Artifact("behaviour", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedBehaviour:
        """The same model, bit for bit."""
        arrays = artifact.arrays
        return cls(recipe_from(Behaviour, artifact.recipe), arrays["item_vectors"], arrays["people"], arrays["graph"])
