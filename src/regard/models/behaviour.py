"""Behaviour: a deep model of what people do, in order; the next item from what they did, who and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.arrays import Rows, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import History, Query
from regard.domain.run import Run
from regard.learning.knobs import LogUniform, OneOf, Uniform, Whole
from regard.learning.spaces import Space
from regard.models.appending import Appending, PersonState, appending
from regard.models.fields import Fields
from regard.models.interests import Interest, grouped
from regard.models.networks.figures import next_item_figure
from regard.models.networks.streams import Reading, Stream, gaps_since, teaching
from regard.models.networks.teaching import Drawing, Kinds, Losses, next_item_loss
from regard.models.person_tower import PersonTower
from regard.models.scoring import InductiveScores, people_of, recipe_from
from regard.models.sides import Sides
from regard.models.towers import FittedItemTower, ItemTower, said_of

if TYPE_CHECKING:
    from regard.models.networks.next_item import NextItem

Body = Literal["gru", "lstm", "convolution", "transformer", "hstu"]
PARTS = ("history", "person", "moment", "earlier")  # of a person's vector; see networks/people.py


@dataclass(frozen=True)
class Behaviour:
    """Next-item prediction over packed histories with one table of item vectors (SASRec, Kang & McAuley 2018).

    body: GRU, LSTM, dilated causal convolution, pre-norm causal transformer, or HSTU's gated attention.
    items: what an item is known by. width: d of all vectors. blocks: layers.
    window: the newest places that are read one by one, and the length of a training row. summary: events before them
      that count in sum.
    attributes, context, timed: whether who a person is, the contexts of events (device, place, mood ...) and the clock
      count. They need columns in the data; without them nothing changes.
    loss: full_softmax is best where I x events of a batch fits the memory (Klenitskiy & Vasilev 2023); else
      sampled_softmax with log-Q correction, gbce or bpr, over `samples` negatives that a batch shares.
    pretrain: epochs before the others in which every positive event teaches and a share `masked` of the items met is
      hidden and foretold, too (BERT4Rec's task, Sun et al. 2019, in a body that looks back only). Then, in `epochs`,
      events of the types `actions` teach (none named: all).
    batch: rows of `window` places. precision: see Plan. validation data in the run stop the epochs early, by nDCG@10 of
      the next item.
    Time: O(events (d^2 + window d + I d)) an epoch, the last term O(samples d) where sampled. Needs the extra `deep`.
    """

    body: Body = "transformer"
    items: ItemTower = field(default_factory=ItemTower)
    width: int = 64
    blocks: int = 1
    window: int = 100
    summary: int = 200
    attributes: bool = True
    context: bool = True
    timed: bool = False
    dropout: float = 0.2
    loss: Losses = "full_softmax"
    negatives: Drawing = "uniform"
    samples: int = 256
    pretrain: int = 0
    masked: float = 0.2
    actions: tuple[str, ...] = ()
    epochs: int = 20
    batch: int = 16
    rate: float = 2e-3
    decay: float = 0.01
    patience: int = 3
    precision: Literal["float32", "bfloat16"] = "float32"
    SPACE: ClassVar[Space] = Space(
        {
            "body": OneOf(*get_args(Body)),
            "width": OneOf(32, 64, 128),
            "blocks": Whole(1, 3),
            "dropout": Uniform(0.0, 0.5),
            "rate": LogUniform(3e-4, 1e-2),
        }
    )

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("body", self.body in get_args(Body), f"one of {get_args(Body)}"),
            ("width", self.width >= 1, "at least 1"),
            ("blocks", self.blocks >= 1, "at least 1"),
            ("window", self.window >= 1, "at least 1 event"),
            ("summary", self.summary >= 0, "at least 0 events"),
            ("dropout", 0 <= self.dropout < 1, "a share in [0, 1)"),
            ("loss", self.loss in get_args(Losses), f"one of {get_args(Losses)}"),
            ("negatives", self.negatives in get_args(Drawing), f"one of {get_args(Drawing)}"),
            ("samples", self.samples >= 1, "at least 1"),
            ("pretrain", self.pretrain >= 0, "at least 0"),
            ("masked", 0 <= self.masked < 1, "a share in [0, 1)"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1 row"),
            ("rate", 0 < self.rate < 1, "a learning rate in (0, 1)"),
            ("decay", 0 <= self.decay < 1, "a number in [0, 1)"),
            ("patience", self.patience >= 1, "at least 1 epoch"),
            ("precision", self.precision in ("float32", "bfloat16"), "float32 or bfloat16"),
        ):
            if not fits:
                raise InvalidInput(f"Behaviour.{name}", expected, repr(getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedBehaviour:  # noqa: B008
        """Foretell every positive event from those before it. Same seed, machine and threads, same fit.

        Without any the model has learned nothing and proposes nothing. Unavailable without PyTorch.
        """
        try:
            import torch

            from regard.learning.checkpoints import began
            from regard.learning.loop import loop
            from regard.learning.plan import Plan
            from regard.learning.steps import plain
        except ImportError as error:
            raise Unavailable("Behaviour.fit", "PyTorch and onnx", str(error), "pip install 'regard[deep]'") from error
        teaching(data.events.where(np.asarray(data.events.weight > 0)), self.actions)  # refused before hours of work
        reading = Reading.learn(data, self.window, self.summary)
        sides = Sides.learn(data, self.attributes, self.context, self.timed)
        fields, people = self.items.fields(data), people_of(data.matrix())
        kinds, counts = Kinds(self.loss, self.negatives, self.samples), torch.from_numpy(people).float()
        module = self._module(data, (reading, sides, fields), run)
        for stage, epochs, wanted, masked in (
            ("pretrain", self.pretrain, (), self.masked),
            ("", self.epochs, self.actions, 0.0),
        ):
            if not epochs or (stage and run.folder is not None and began(run.folder)):
                continue
            stream = Stream.of(data, reading, self.batch, repr(self) + stage, wanted)
            last = run.validation is not None and not stage
            judge = next_item_figure(stream, run.validation, len(data.events)) if last and run.validation else None
            plan = Plan(epochs, self.rate, self.decay, precision=self.precision, figure=judge, patience=self.patience)
            folder = run.folder / stage if run.folder is not None else None
            loss = next_item_loss(kinds, counts, masked)
            loop(module, loss, plain, stream, plan, replace(run, folder=folder))
        return self._fitted(module, people, (reading, sides, fields))

    def _module(self, data: Dataset, how: tuple[Reading, Sides, Fields], run: Run) -> NextItem:
        """The network, over `data` and the moments of what validates it."""
        from regard.learning.loop import seeded
        from regard.models.networks.bags import bag_of
        from regard.models.networks.next_item import NextItem
        from regard.models.networks.people import Tower, body_of

        reading, sides, fields = how
        moments = [sides.moments(data)]
        if run.validation is not None:
            moments.append(sides.moments(run.validation, gaps_since(data, run.validation)))
        rows = sparse.csr_array(sparse.vstack([*moments, sides.nothing()], format="csr"))
        bags = bag_of(sides.people(data)), bag_of(rows)
        with seeded(run.seed):
            body = body_of(self.body, self.width, self.blocks, self.window, self.dropout)
            tower = Tower(body, self.width, self.dropout, (len(reading.types), *sides.widths))
            items = self.items.network(data, fields, self.width)
            return NextItem(items, tower, self.width, bags)

    def _fitted(
        self, module: NextItem, people: NDArray[np.float64], how: tuple[Reading, Sides, Fields]
    ) -> FittedBehaviour:
        import torch

        from regard.models.networks.items import graph_of_content
        from regard.models.networks.stepping import graphs_of

        with torch.no_grad():
            vectors = module.items().numpy().copy()
        reading, sides, fields = how
        start = module.start.detach().numpy()[0].copy()
        graphs = {name: np.frombuffer(graph, np.uint8) for name, graph in graphs_of(module.tower, self.width).items()}
        content = module.items.content
        told = np.frombuffer(b"" if content is None else graph_of_content(content), np.uint8)
        if not people.any():  # nothing was learned, so nothing is said
            vectors = np.zeros_like(vectors)
        tower = PersonTower(vectors, start, reading=reading, sides=sides, **graphs)
        return FittedBehaviour(self, tower, FittedItemTower(self.items, fields, told, self.width), people)


@dataclass(frozen=True, eq=False)
class FittedBehaviour(InductiveScores):
    """score_i = item_i . person; a person's vector comes from their newest events by ONNX: the last one changes it."""

    recipe: Behaviour
    tower: PersonTower
    item_tower: FittedItemTower
    people: NDArray[np.float64]  # (I,)
    name: str = "behaviour"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.tower.item_vectors)

    @property
    def item_vectors(self) -> Vectors:
        """(I, d)"""
        return self.tower.item_vectors

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def factors(self) -> Vectors:
        """(I, d)"""
        return self.item_vectors

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """The person's vector, (Q,) -> (Q, d)."""
        return self.tower.encode(queries)

    def begin(self, past: History) -> PersonState:
        """What a person's events left in a body that remembers (gru, lstm, convolution; others: InvalidInput).

        `append` and `vector` then say what `encode` says (within 1e-5) as long as the history is shorter than the
        window. From there `encode`'s window moves on with each event, while a state's stays where it began and grows,
        as a row does in training: begin anew now and then, since no body learned to read more than `window` events.
        """
        return self._appending.begin(past)

    def append(self, state: PersonState, events: History) -> PersonState:
        """The state after one more event, or some; `state` stays as it is. InvalidInput for one before the newest."""
        return self._appending.append(state, events)

    def vector(self, state: PersonState, query: Query) -> Vectors:
        """The person's vector (d,) in the moment of `query`, whose attributes and context count, not its history."""
        return self._appending.vector(state, query)

    @cached_property
    def _appending(self) -> Appending:
        return appending(self.tower, self.recipe.body)

    def parts(self, query: Query) -> Mapping[str, float]:
        """How much of the person's vector is what they did, who they are, where they are now, and what lies before the
        window; sums to 1."""
        return dict(zip(PARTS, map(float, self.tower.gates(query)), strict=True))

    def contributions(self, query: Query, row: int) -> Evidence:
        """What the score loses when one item leaves the history, for each item that counts; "together" is what they do
        only together (or twice, or what the rest says without them), so that all sum to the score. Not exact: an order
        is not a sum.
        """
        return self.newer(query, "liked") if row >= self.n_items else self.evidence(query, self.item_vectors[row])

    def evidence(self, query: Query, vector: Vectors) -> Evidence:
        """What the product with `vector` (d,) loses when one item leaves the history; see `contributions`."""
        rows, people = self._without_each(query)
        found = people @ vector.astype(np.float64)
        amounts = found[0] - found[1:]
        return Evidence("liked", rows, amounts, {"together": float(found[0] - amounts.sum())}, exact=False)

    def interests(self, query: Query, alike: float = 0.5) -> tuple[Interest, ...]:
        """Groups of alike items in the window, the heaviest first; an item's amount is how much shorter the person's
        vector is, in its own direction, without it. `alike`: the least mean cosine within a group."""
        rows, people = self._without_each(query)
        length = float(np.linalg.norm(people[0]))
        amounts = length - people[1:] @ people[0] / length if length else np.zeros(len(rows))
        return grouped(rows, self.exact[rows], amounts, alike)

    def _without_each(self, query: Query) -> tuple[Rows, NDArray[np.float64]]:
        """The different items (h,) of the window, and the person's vector, whole and without each (1 + h, d)."""
        rows = np.unique(self.tower.read(query)[0])
        without = [query.with_history(query.history.without([int(item)])) for item in rows]
        return rows, self.encode([query, *without]).astype(np.float64)

    def encode_items(self, items: Sequence[Item], contents: Mapping[str, Vectors]) -> Vectors:
        """What the item tower makes of them, (m, d); zero where it reads ids only, or nothing was learned."""
        if not self.item_vectors.any():
            return np.zeros((len(items), self.item_vectors.shape[1]), np.float32)
        return self.item_tower.vectors([said_of(item) for item in items], contents)

    def artifact(self) -> Artifact:
        """Vectors, graphs, counts, what is read and how, and the recipe."""
        recipe = asdict(self.recipe) | {"reading": self.tower.reading.told()}
        arrays = {"people": self.people, **self.tower.arrays()}
        return Artifact("behaviour", recipe, arrays, {"items": self.item_tower.artifact()})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedBehaviour:
        """The same model, bit for bit."""
        held, told = artifact.arrays, dict(artifact.recipe)
        tower = PersonTower.from_arrays(held, Reading.from_told(told.pop("reading")))
        items = ItemTower(**{**told["items"], "content": tuple(told["items"]["content"])})
        recipe = recipe_from(Behaviour, {**told, "items": items, "actions": tuple(told["actions"])})
        return cls(recipe, tower, FittedItemTower.from_artifact(artifact.parts["items"]), held["people"])
