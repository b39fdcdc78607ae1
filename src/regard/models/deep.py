"""Deep: a learner that reads who, what, when and what came before with one network, and serves without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Vectors
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.run import Run
from regard.models.examples import Examples
from regard.models.networks.meetings import Content, Given, Inputs, Meeting, Person
from regard.models.onnx_session import session
from regard.models.scoring import recipe_from
from regard.models.tokens import PERSON
from regard.models.words import WORDS

if TYPE_CHECKING:
    from regard.models.networks.joint import Joint

CHUNK = 2_048  # examples that are answered at once


@dataclass(frozen=True)
class Deep:
    """Fields as vectors, a history and texts that are read, and an interaction; see networks/joint.py for the equation.

    person: "gru" and "attention" read the person's fields and the newest `window` events as one sequence, "fields"
    means the events. content: "convolution" reads the words of `content`, or else the item's fields as a sequence;
    "vectors" reads its vectors. meeting: how both sides meet (networks/interactions.py); `layers` and `rank` are the
    cross network's. width: d of all vectors. second: products of two fields are always in, as in FM. ids: who and what
    count as themselves; a share `forgetting` of them is hidden while learning. The newest `share` of the examples
    stops the epochs (by `watch`); with `refit` all are learned from again for as many epochs as were best.
    """

    person: Person = "gru"
    content: Content = "fields"
    meeting: Meeting = "cross"
    window: int = 20
    width: int = 16
    hidden: tuple[int, ...] = (128, 64)
    layers: int = 2
    rank: int = 0
    second: bool = True
    ids: bool = True
    forgetting: float = 0.1
    dropout: float = 0.1
    epochs: int = 15
    batch: int = 512
    rate: float = 2e-3
    decay: float = 0.01
    patience: int = 2
    share: float = 0.1
    refit: bool = True
    watch: Literal["log_loss", "auc"] = "log_loss"

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("person", self.person in get_args(Person), f"one of {get_args(Person)}"),
            ("content", self.content in get_args(Content), f"one of {get_args(Content)}"),
            ("meeting", self.meeting in get_args(Meeting), f"one of {get_args(Meeting)}"),
            ("window", self.window >= 0, "0 or more events"),
            ("width", self.width >= 1, "at least 1"),
            ("hidden", len(self.hidden) > 0 and min(self.hidden) >= 1, "at least one layer of at least 1"),
            ("layers", self.layers >= 1, "at least 1"),
            ("rank", self.rank >= 0, "0 or more"),
            ("forgetting", 0 <= self.forgetting < 1, "a share in [0, 1)"),
            ("dropout", 0 <= self.dropout < 1, "a share in [0, 1)"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1 example"),
            ("rate", 0 < self.rate < 1, "a learning rate in (0, 1)"),
            ("decay", self.decay >= 0, "0 or more"),
            ("patience", self.patience >= 1, "at least 1 epoch"),
            ("share", 0 < self.share < 1, "a share in (0, 1)"),
            ("watch", self.watch in ("log_loss", "auc"), "log_loss or auc"),
        ):
            if not fits:
                raise InvalidInput(f"Deep.{name}", expected, repr(getattr(self, name)))

    def fit(
        self,
        examples: Examples,
        labels: NDArray[np.float32],
        content: Mapping[str, Vectors],
        *,
        run: Run = Run(),  # noqa: B008
    ) -> LearnedDeep:
        """See `examples.Learner`; `content` may also hold word numbers under WORDS. Unavailable without PyTorch."""
        if not labels.shape[1]:  # no action could be learned, so nobody will ask
            labels = np.full((len(labels), 1), np.nan, np.float32)
        try:
            from regard.models.networks.fit_joint import Beside, Schooling, fit_joint
            from regard.models.networks.joint import Shape
        except ImportError as error:
            raise Unavailable("Deep.fit", "PyTorch and onnx", str(error), "pip install 'regard[deep]'") from error
        table, n_items = self._table(content, examples)
        inputs = Inputs.learn(examples, self.ids, self.window, n_items)
        amounts = _amounts(labels)
        given, said = inputs.read(examples), amounts.scaled(labels)
        how = Schooling(**{**self._fields(Schooling), "shape": Shape(**self._fields(Shape))})
        joint = fit_joint(how, inputs, given, said, Beside(table, examples.at, amounts.value), run)
        return LearnedDeep.of(self, inputs, joint, table, amounts)

    def _fields(self, kind: type[Any]) -> dict[str, Any]:
        """Those that `kind` has, too."""
        return {f.name: getattr(self, f.name) for f in fields(kind) if hasattr(self, f.name)}

    def _table(self, content: Mapping[str, Vectors], examples: Examples) -> tuple[Array | None, int]:
        """What `content` reads of items, (I + 1, w), the last row for unknown ones, and I."""
        longest = int(max(examples.item.max(initial=-1), examples.history.max(initial=-1))) + 1
        if self.content == "convolution" and WORDS in content:
            rows = np.asarray(content[WORDS], np.int32)
        elif self.content == "vectors":
            said = [np.asarray(v, np.float32) for name, v in sorted(content.items()) if name != WORDS]
            if not said:
                raise InvalidInput("Deep.fit content", "vectors of items", "none", 'Use content="fields".')
            rows = np.concatenate(said, axis=1)
        else:
            return None, max([longest, *(len(one) for one in content.values())])
        return np.concatenate([rows, np.zeros_like(rows[:1], shape=(1, rows.shape[1]))]), len(rows)


@dataclass(frozen=True, eq=False)
class Amounts:
    """Which labels are values and no chances, with mean and deviation; (A,) each."""

    value: NDArray[np.bool_]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def scaled(self, labels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values in deviations from their mean, chances as they are."""
        return ((labels - self.centre) / self.scale).astype(np.float32)

    def chances(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Logits (n, A) as chances, values on their own scale."""
        logits = logits.astype(np.float64)
        return np.where(self.value, logits * self.scale + self.centre, 1 / (1 + np.exp(-np.clip(logits, -500, 500))))


def _amounts(labels: NDArray[np.float32]) -> Amounts:
    value = np.array([bool(np.any((column != 0) & (column != 1) & ~np.isnan(column))) for column in labels.T], np.bool_)
    known = np.where(value, labels, np.nan)
    centre, scale = np.zeros(len(value)), np.ones(len(value))
    centre[value], scale[value] = np.nanmean(known[:, value], axis=0), np.nanstd(known[:, value], axis=0)
    return Amounts(value, centre, np.where(scale > 0, scale, 1.0))


@dataclass(frozen=True, eq=False)
class LearnedDeep:
    """Tables in NumPy, the rest as two ONNX graphs on one thread: the person is read once where all rows are one's."""

    recipe: Deep
    inputs: Inputs
    amounts: Amounts
    vectors: Vectors  # (T, d)
    weights: Vectors  # (T, A)
    content: Vectors  # (I + 1, d): what the content table says
    past: Vectors  # (I + 1, d): items as events of a history
    types: Vectors  # (types + 1, d)
    reader: NDArray[np.uint8]  # ONNX graphs
    whole: NDArray[np.uint8]

    @classmethod
    def of(cls, recipe: Deep, inputs: Inputs, joint: Joint, table: Array | None, amounts: Amounts) -> LearnedDeep:
        """From a network that has learned."""
        from regard.models.networks.fit_joint import tables_of
        from regard.models.networks.joint import graphs_of

        content, past = tables_of(joint, inputs, table)
        held = (joint.vectors, joint.weights)
        vectors, weights = (one.weight.detach().numpy().copy() for one in held)
        graphs = (np.frombuffer(graph, np.uint8) for graph in graphs_of(joint))
        return cls(
            recipe,
            inputs,
            amounts,
            vectors,
            weights,
            content,
            past,
            joint.types.weight.detach().numpy().copy(),
            *graphs,
        )

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """(n,) -> (n, A)"""
        given = self.inputs.read(examples)
        parts = [self._logits(given.take(slice(start, start + CHUNK))) for start in range(0, len(examples), CHUNK)]
        return self.amounts.chances(np.concatenate([np.empty((0, len(self.amounts.value)), np.float32), *parts]))

    def _logits(self, given: Given) -> NDArray[np.float32]:
        n, d, tokens = len(given.item), self.vectors.shape[1], self.inputs.tokens
        told = (tokens.bags(given.rows) @ self.vectors).reshape(n, len(tokens.side), d)
        own = told[:, tokens.side == PERSON]
        same = all((one == one[:1]).all() for one in (given.past, given.actions, own))
        one = slice(0, 1) if same else slice(None)
        events = (self.past[given.past[one]] + self.types[given.actions[one]]) * given.there[one, :, None]
        said = {"fields": own[one], "events": events, "there": given.there[one]}
        read = _run(self._reader, said)
        more = {"weights": given.rows @ self.weights, "numbers": given.numbers, "content": self.content[given.item]}
        asked = {"fields": told, "read": _spread(read, n), **more}
        asked |= {"events": _spread(events, n), "there": given.there}
        return _run(self._whole, asked)

    @cached_property
    def _reader(self) -> Any:
        return session("Deep.reader", self.reader)

    @cached_property
    def _whole(self) -> Any:
        return session("Deep.whole", self.whole)

    def artifact(self) -> Artifact:
        """The tables, the graphs and how examples are read."""
        names = ("vectors", "weights", "content", "past", "types", "reader", "whole")
        arrays: dict[str, Array] = {name: getattr(self, name) for name in names} | self.inputs.arrays()
        arrays |= {f"amounts.{name}": getattr(self.amounts, name) for name in ("value", "centre", "scale")}
        return Artifact("deep", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> LearnedDeep:
        """The same, bit for bit."""
        arrays, stored = artifact.arrays, {**artifact.recipe, "hidden": tuple(artifact.recipe["hidden"])}
        amounts = Amounts(*(arrays[f"amounts.{name}"] for name in ("value", "centre", "scale")))
        names = ("vectors", "weights", "content", "past", "types", "reader", "whole")
        return cls(recipe_from(Deep, stored), Inputs.from_arrays(arrays), amounts, *(arrays[name] for name in names))


def _run(graph: Any, given: Mapping[str, Array]) -> NDArray[np.float32]:
    """The only output; of `given` what the graph asks for. One row runs as two: ONNX sums a single one otherwise."""
    n = len(next(iter(given.values())))
    rows = {one.name: _spread(given[one.name], max(n, 2)) for one in graph.get_inputs()}
    found: NDArray[np.float32] = graph.run(None, {k: np.ascontiguousarray(v, np.float32) for k, v in rows.items()})[0]
    return found[:n]


def _spread(rows: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    return rows if len(rows) == n else np.broadcast_to(rows, (n, *rows.shape[1:]))
