"""Trees: gradient-boosted decision trees (LightGBM), one ensemble for each action over all that examples say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Mask, Vectors
from regard.domain.errors import InvalidInput
from regard.domain.run import Run
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
    A source's score never lowers a chance and a worse place never raises it (monotone constraints).
    leaves: of each tree. rate: how much of each tree counts. at_least: examples in a leaf; a word that fewer examples
    say is left out. penalty: l2 of the leaves. columns: the share of columns that each tree may ask.
    Time: O(rounds x examples x columns). Deterministic on one thread.
    """

    rounds: int = 200
    leaves: int = 8
    rate: float = 0.05
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
        seen, watched = self._watched(examples, run)
        rows, kept = _table(examples, used), list[Text]()
        settings = self._settings(examples.names, len(used), run.seed)
        for action, column in enumerate(labels.T):
            run.progress("fit", action / labels.shape[1])
            teaching, judging = (np.where(own, column, np.nan) for own in (seen, watched))
            kept.append(self._boost(rows, teaching, judging, settings))
        run.progress("fit", 1.0)
        return FittedTrees(self, used, tuple(kept))

    def _watched(self, examples: Examples, run: Run) -> tuple[Mask, Mask]:
        """Whose examples teach, and whose tell when to stop; (n,) both."""
        people = np.unique(examples.person)
        drawn = run.rng().permutation(people)[: round(self.watched * len(people))]
        watched = np.isin(examples.person, drawn)
        return ~watched, watched

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
    """`used`: the places of [columns, people, items, context] that the trees may ask; `texts`: one ensemble each."""

    recipe: Trees
    used: NDArray[np.int64]
    texts: tuple[Text, ...]

    def __post_init__(self) -> None:
        from lightgbm import Booster

        boosters = tuple(Booster(model_str=bytes(text).decode()) for text in self.texts)
        object.__setattr__(self, "_boosters", boosters)

    @property
    def boosters(self) -> Sequence[Booster]:
        """The ensembles, ready to ask."""
        found: Sequence[Booster] = self.__dict__["_boosters"]
        return found

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """(n,) -> (n, A)"""
        found = np.empty((len(examples), len(self.boosters)))
        for own, rows in self._batches(examples):
            for action, booster in enumerate(self.boosters):
                found[own, action] = booster.predict(rows, num_threads=1)
        return found

    def parts(self, examples: Examples, action: int) -> NDArray[np.float64]:
        """What each place of [columns, people, items, context] adds to one action, and the base last; (n, F + 1).

        In log-odds of a chance, in units of a value; exact Shapley values of the trees (Lundberg & Lee 2017).
        """
        width = examples.columns.shape[1] + sum(getattr(examples, name).shape[1] for name in SPARSE)
        found = np.zeros((len(examples), width + 1))
        for own, rows in self._batches(examples):
            amounts = self.boosters[action].predict(rows, pred_contrib=True, num_threads=1)
            found[own, np.r_[self.used, width]] = np.asarray(amounts)
        return found

    def _batches(self, examples: Examples) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        for start in range(0, len(examples), BATCH):
            own = slice(start, min(start + BATCH, len(examples)))
            whole = own == slice(0, len(examples))
            yield own, _dense(examples if whole else examples.take(np.arange(own.start, own.stop)), self.used)

    def artifact(self) -> Artifact:
        """The texts of the ensembles as bytes, and which columns they ask."""
        texts = {f"trees.{action}": text for action, text in enumerate(self.texts)}
        return Artifact("trees", asdict(self.recipe), {"used": self.used, **texts})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedTrees:
        """The same trees, bit for bit."""
        texts = tuple(artifact.arrays[f"trees.{action}"] for action in range(len(artifact.arrays) - 1))
        return cls(recipe_from(Trees, artifact.recipe), artifact.arrays["used"], texts)


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


def _dense(examples: Examples, used: NDArray[np.int64]) -> NDArray[np.float32]:
    """The used places as dense rows, for serving: each value is scattered to its place, the others are 0."""
    found = np.zeros((len(examples), len(used) + 1), np.float32)  # the last column takes what nobody asks
    width = examples.columns.shape[1]
    found[:, :width] = examples.columns  # all of them are used, first
    start = width
    for name in SPARSE:
        block = getattr(examples, name)
        place = np.full(block.shape[1], len(used))
        own = (used >= start) & (used < start + block.shape[1])
        place[used[own] - start] = np.flatnonzero(own)
        rows = np.repeat(np.arange(len(examples)), np.diff(block.indptr))
        found[rows, place[block.indices]] = block.data
        start += block.shape[1]
    return found[:, :-1]
