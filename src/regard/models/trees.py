"""Trees: gradient-boosted decision trees (LightGBM), one ensemble for each action over all that examples say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Vectors
from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.models.crosses import SIDES, Crosses
from regard.models.examples import SPARSE, Examples
from regard.models.panel import PLACE
from regard.models.scoring import recipe_from

if TYPE_CHECKING:
    from lightgbm import Booster

BATCH = 50_000  # examples whose dense rows are held at once
Text: TypeAlias = NDArray[np.uint8]
STEADY = {"deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1}


@dataclass(frozen=True)
class Trees:
    """Boosted trees on log-loss, or on squared error where labels are numbers (Friedman 2001; Ke et al. 2017).

    rounds: most trees of an action; `patience` rounds without gain on the `watched` share of the people end them.
    Beside what examples say they may ask how person and moment go with the item (`Crosses`).
    A source's score never lowers a chance and a worse place never raises it (monotone constraints).
    leaves: of each tree. rate: how much of each tree counts. at_least: examples in a leaf; a word that fewer examples
    say is left out. penalty: l2 of the leaves. columns: the share of columns that each tree may ask.
    Time: O(rounds x examples x columns). Deterministic on one thread.
    """

    rounds: int = 200
    leaves: int = 15
    rate: float = 0.08
    at_least: int = 50
    penalty: float = 10.0
    columns: float = 0.7
    patience: int = 20
    watched: float = 0.2

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("rounds", self.rounds >= 1, "at least 1"),
            ("leaves", self.leaves >= 2, "at least 2"),
            ("rate", 0 < self.rate <= 1, "a share in (0, 1]"),
            ("at_least", self.at_least >= 1, "at least 1 example"),
            ("penalty", self.penalty >= 0, "a number >= 0"),
            ("columns", 0 < self.columns <= 1, "a share in (0, 1]"),
            ("patience", self.patience >= 1, "at least 1 round"),
            ("watched", 0 < self.watched < 1, "a share in (0, 1)"),
        ):
            if not fits:
                raise InvalidInput(f"Trees.{name}", expected, repr(getattr(self, name)))

    @property
    def window(self) -> int:
        """They read no order of events: that is what sources are for."""
        return 0

    def fit(
        self,
        examples: Examples,
        labels: NDArray[np.float32],
        content: Mapping[str, Vectors],
        *,
        run: Run = Run(),  # noqa: B008
    ) -> FittedTrees:
        """One ensemble for each column of `labels` (n, A); content vectors speak through sources only."""
        used = _used(examples, self.at_least)
        people = np.unique(examples.person)
        watched = np.isin(examples.person, run.rng().permutation(people)[: round(self.watched * len(people))])
        rows, kept, crossed = _table(examples, used), list[Text](), list[Crosses]()
        settings = self._settings(examples.names, len(used) + len(SIDES), run.seed)
        for action, column in enumerate(labels.T):
            run.progress("fit", action / labels.shape[1])
            teaching, judging = (np.where(own, column, np.nan) for own in (~watched, watched))
            crosses, columns = self._crossed(examples, teaching)
            crossed.append(crosses)
            table = sparse.csr_array(sparse.hstack([rows, sparse.csr_array(columns)], format="csr"))
            kept.append(self._boost(table, teaching, judging, settings))
        run.progress("fit", 1.0)
        return FittedTrees(self, used, tuple(kept), tuple(crossed))

    def _crossed(self, examples: Examples, labels: Array) -> tuple[Crosses, NDArray[np.float32]]:
        """What pairs of words promise, by the examples with a label, and their columns; those of the others, too."""
        known = ~np.isnan(labels)
        crosses, own = Crosses.learn(examples.take(known), labels[known], self.at_least)
        columns = np.empty((len(examples), len(SIDES)), np.float32)
        columns[known], columns[~known] = own, crosses.columns(examples.take(~known))
        return crosses, columns

    def _settings(self, names: Sequence[str], width: int, seed: int) -> dict[str, Any]:
        sources = {name.removesuffix(PLACE) for name in names if name.endswith(PLACE)}
        signs = [-1 if name.endswith(PLACE) else int(name in sources) for name in names]
        return {
            **STEADY,
            "seed": seed,
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "min_data_in_leaf": self.at_least,
            "min_data_in_bin": min(3, self.at_least),
            "lambda_l2": self.penalty,
            "feature_fraction": self.columns,
            "monotone_constraints": signs + [0] * (width - len(signs)),
        }

    def _boost(self, rows: sparse.csr_array, seen: Array, watched: Array, settings: Mapping[str, Any]) -> Text:
        """The text of one ensemble, as bytes; labels are NaN where an example is not `seen`, or not `watched`."""
        from lightgbm import Dataset, early_stopping, train

        teaching, judging = ~np.isnan(seen), ~np.isnan(watched)
        chance = np.isin(np.concatenate([seen[teaching], watched[judging]]), (0, 1)).all()
        own = {**settings, "objective": "binary" if chance else "regression"}
        lessons = Dataset(rows[teaching], seen[teaching], params=own)
        judges = [lessons.create_valid(rows[judging], watched[judging])] if judging.any() else []
        stop: list[Callable[..., Any]] = [early_stopping(self.patience, verbose=False)] if judges else []
        booster = train(own, lessons, self.rounds, valid_sets=judges, callbacks=stop)
        return np.frombuffer(booster.model_to_string().encode(), np.uint8)


@dataclass(frozen=True, eq=False)
class FittedTrees:
    """`used`: the places of [columns, people, items, context] that the trees may ask, beside their `crosses`; `texts`
    and `crosses`: one ensemble each."""

    recipe: Trees
    used: NDArray[np.int64]
    texts: tuple[Text, ...]
    crosses: tuple[Crosses, ...]

    def __post_init__(self) -> None:
        _ = self.boosters  # a release is ready when it is loaded, not at its first request

    @cached_property
    def boosters(self) -> tuple[Booster, ...]:
        """The ensembles, ready to ask."""
        from lightgbm import Booster

        return tuple(Booster(model_str=bytes(text).decode()) for text in self.texts)

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """(n,) -> (n, A)"""
        found = np.empty((len(examples), len(self.boosters)))
        for own, part in _batches(examples):
            rows = _dense(part, self.used, len(SIDES))
            for action, (booster, crosses) in enumerate(zip(self.boosters, self.crosses, strict=True)):
                rows[:, len(self.used) :] = crosses.columns(part)
                found[own, action] = booster.predict(rows, num_threads=1)
        return found

    def parts(self, examples: Examples, action: int) -> NDArray[np.float64]:
        """What each place of [columns, people, items, context] adds to one action, and the base last; (n, F + 1).

        In log-odds of a chance, in units of a value; exact Shapley values of the trees (Lundberg & Lee 2017). What a
        cross adds goes to the words of the person or the moment that make it, by their sizes.
        """
        starts = np.cumsum([examples.columns.shape[1], *(getattr(examples, name).shape[1] for name in SPARSE)])
        crosses, width = self.crosses[action], int(starts[-1])
        rows = _dense(examples, self.used, len(SIDES))
        rows[:, len(self.used) :] = crosses.columns(examples)
        amounts = np.asarray(self.boosters[action].predict(rows, pred_contrib=True, num_threads=1))
        found = np.zeros((len(examples), width + 1))
        found[:, np.r_[self.used, width]] = amounts[:, [*range(len(self.used)), -1]]
        for place, side in enumerate(SIDES):
            words, shares = crosses.shares(examples, side)
            sizes = np.abs(shares)
            total = sizes.sum(axis=1, keepdims=True)
            parts = np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0)
            cross = amounts[:, len(self.used) + place]
            found[:, starts[SPARSE.index(side)] + words] += cross[:, None] * parts
            found[:, width] += np.where(total[:, 0] > 0, 0.0, cross)
        return found

    def artifact(self) -> Artifact:
        """The texts of the ensembles as bytes, which columns they ask, and the crosses."""
        arrays: dict[str, Array] = {"used": self.used}
        for action, (text, crosses) in enumerate(zip(self.texts, self.crosses, strict=True)):
            arrays |= {f"trees.{action}": text, **crosses.arrays(f"crosses.{action}")}
        return Artifact("trees", asdict(self.recipe), arrays)

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedTrees:
        """The same trees, bit for bit."""
        arrays = artifact.arrays
        n = sum(name.startswith("trees.") for name in arrays)
        texts = tuple(arrays[f"trees.{action}"] for action in range(n))
        crosses = tuple(Crosses.from_arrays(f"crosses.{action}", arrays) for action in range(n))
        return cls(recipe_from(Trees, artifact.recipe), arrays["used"], texts, crosses)


def _batches(examples: Examples) -> Iterator[tuple[slice, Examples]]:
    """At most BATCH examples at a time."""
    for start in range(0, len(examples), BATCH):
        own = slice(start, min(start + BATCH, len(examples)))
        yield own, examples if len(examples) <= BATCH else examples.take(np.arange(own.start, own.stop))


def _used(examples: Examples, at_least: int) -> NDArray[np.int64]:
    """The places of [columns, people, items, context] that enough examples fill for a tree to ask them."""
    filled = [np.full(examples.columns.shape[1], len(examples))]
    for name in SPARSE:
        block = getattr(examples, name)
        filled.append(np.bincount(block.indices, minlength=block.shape[1]))
    counts = np.concatenate(filled)
    counts[: len(examples.names)] = max(at_least, 1)
    return np.flatnonzero(counts >= at_least)


def _table(examples: Examples, used: NDArray[np.int64]) -> sparse.csr_array:
    """The used places as one sparse table, for learning; NaN of columns stays NaN."""
    blocks = [sparse.csr_array(examples.columns), *(getattr(examples, name) for name in SPARSE)]
    return sparse.csr_array(sparse.hstack(blocks, format="csr")[:, used])


def _dense(examples: Examples, used: NDArray[np.int64], more: int) -> NDArray[np.float32]:
    """The used places as dense rows, for serving: each value is scattered to its place, the others are 0.

    `more` empty columns stand at the end.
    """
    found = np.zeros((len(examples), len(used) + more), np.float32)
    width = examples.columns.shape[1]
    found[:, :width] = examples.columns  # all of them are used, first
    start = width
    for name in SPARSE:
        block = getattr(examples, name)
        place = np.full(block.shape[1], -1, np.int64)
        own = np.flatnonzero((used >= start) & (used < start + block.shape[1]))
        place[used[own] - start] = own
        asked = place[block.indices]
        rows = np.repeat(np.arange(len(examples)), np.diff(block.indptr))
        found[rows[asked >= 0], asked[asked >= 0]] = block.data[asked >= 0]
        start += block.shape[1]
    return found
