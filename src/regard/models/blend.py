"""Blend: several models in one linear score, with weights learned on events that none of them had seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Mask, Scores
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.protocols import Estimator, Evidence
from regard.domain.request import Query
from regard.domain.run import Run, silent
from regard.models.blend_weights import Pool, best_weights
from regard.models.scoring import FullScores


@dataclass(frozen=True)
class Blend:
    """score = sum_s w_s / scale_s * score_s, with w_s >= 0 that sum to 1 (linear stacking, Sill et al. 2009).

    A part of each person's positive events (`share`; the `newest`, or drawn at `random`) leaves the data, or
    `run.validation` is taken; the sources are fitted on the rest; scale_s is the mean deviation of a person's scores;
    weights are searched for nDCG@`at` over the pooled best of all sources, for at most `people` people; then the
    sources are fitted on everything. On the cut the blend is never worse than its best source.
    """

    sources: tuple[tuple[str, Estimator[Any]], ...]
    share: float = 0.15
    cut: Literal["newest", "random"] = "newest"
    at: int = 10
    people: int = 1_000

    def __post_init__(self) -> None:
        names = [name for name, _ in self.sources]
        for name, fits, expected in (
            ("sources", names and len(set(names)) == len(names), "at least one, each under its own name"),
            ("share", 0 < self.share < 1, "a share in (0, 1)"),
            ("cut", self.cut in ("newest", "random"), "newest or random"),
            ("at", self.at >= 1, "at least 1"),
            ("people", self.people >= 1, "at least 1"),
        ):
            if not fits:
                raise InvalidInput(f"Blend.{name}", expected, repr(names if name == "sources" else getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedBlend:  # noqa: B008
        """Two fits of each source, one of them without the cut; `run.tracker` hears weights and what each is worth.

        A warm start from a blend of the same sources keeps its weights: one fit of each source.
        """
        inner = replace(run, validation=None, warm_start=None)
        known = run.warm_start
        if isinstance(known, FittedBlend) and known.recipe == self:
            return FittedBlend(self, self._fit_all(data, inner), known.weights, known.amounts, known.worth)
        rest, held = self._split(data, run)
        cut = self._fit_all(rest, inner)
        pool = self._pool(rest, held, cut, run)
        weights, worth = best_weights(pool, run.rng(), self.at)
        learned = {name: float(w) for (name, _), w in zip(self.sources, weights, strict=True)}
        run.tracker("Blend.weights", learned)
        run.tracker(f"Blend.nDCG@{self.at}", dict(zip([*learned, "blend"], map(float, worth), strict=True)))
        return FittedBlend(self, self._fit_all(data, inner), weights, weights / pool.scale, worth)

    def _fit_all(self, data: Dataset, run: Run) -> dict[str, Any]:
        fitted = {}
        for place, (name, recipe) in enumerate(self.sources):
            run.progress("fit", place / len(self.sources))
            fitted[name] = recipe.fit(data, run=replace(run, progress=silent))
        run.progress("fit", 1.0)
        return fitted

    def _split(self, data: Dataset, run: Run) -> tuple[Dataset, Dataset]:
        """What the sources may learn from, and what the weights are learned on."""
        if run.validation is not None:
            if len(run.validation.users) != len(data.users) or len(run.validation.items) != len(data.items):
                raise InvalidInput("Blend.fit run.validation", "the same people and items as the data", "others")
            return data, run.validation.where(run.validation.events.weight > 0)
        held = held_out(data, self.share, run.rng() if self.cut == "random" else None)
        return data.where(~held), data.where(held)

    def _pool(self, rest: Dataset, held: Dataset, cut: Mapping[str, Any], run: Run) -> Pool:
        asked = np.flatnonzero(np.diff(held.events.offsets) > 0)
        if len(asked) > self.people:
            asked = np.sort(run.rng().choice(asked, self.people, replace=False))
        queries = rest.queries(asked)
        targets = [np.unique(held.history(int(user)).rows) for user in asked]
        return Pool.of(list(cut.values()), queries, targets, 10 * self.at)


def held_out(data: Dataset, share: float, rng: np.random.Generator | None) -> Mask:
    """Which events leave, (n,): of each person with two or more positive events `share` of these, at least one.

    The newest, or, with `rng`, any. All events of a person with an item leave together, so that it is unseen.
    """
    events = data.events
    positive = events.weight > 0
    order = np.arange(len(events)) if rng is None else rng.permutation(len(events))
    place = np.lexsort((order, ~positive, events.user))  # by person, positive first, then oldest first
    count = np.bincount(events.user, positive, len(data.users)).astype(np.int64)
    rank = np.empty(len(events), np.int64)
    rank[place] = np.arange(len(events)) - events.offsets[events.user[place]]
    leaving = np.where(count > 1, np.maximum(1, (share * count).astype(np.int64)), 0)
    chosen = positive & (rank >= (count - leaving)[events.user])
    pair = events.user.astype(np.int64) * len(data.items) + events.item
    return np.isin(pair, pair[chosen])


@dataclass(frozen=True, eq=False)
class FittedBlend(FullScores):
    """The sources and their weights; `worth` is nDCG on the cut of each source alone and, last, of the blend."""

    recipe: Blend
    sources: Mapping[str, Any]
    weights: Scores  # (S,), sum to 1
    amounts: Scores  # (S,): weights / scale
    worth: Scores  # (S + 1,)
    name: str = "blend"

    @property
    def n_items(self) -> int:
        """How many items the sources know."""
        return max(int(source.n_items) for source in self.sources.values())

    def support(self) -> NDArray[np.floating]:
        """People per item, (I,): the most that any source learned it from."""
        return np.asarray(np.max([source.support() for source in self.sources.values()], axis=0))

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I)"""
        total = np.zeros((len(queries), self.n_items))
        for amount, source in zip(self.amounts, self.sources.values(), strict=True):
            if amount:
                total += amount * source.scores(queries).astype(np.float64)
        return total.astype(np.float32)

    def contributions(self, query: Query, row: int) -> Evidence:
        """The weighted sum of the sources' evidence; the kind is that of the source that says most."""
        if row >= self.n_items:
            return self.newer(query, "liked")
        found = self.by_source(query, row)
        rows = np.concatenate([evidence.rows for evidence in found.values()])
        amounts = np.concatenate([evidence.amounts for evidence in found.values()])
        unique, place = np.unique(rows, return_inverse=True)
        other = {f"{name}: {what}": x for name, one in found.items() for what, x in one.other.items()}
        kind = max(found.values(), key=lambda evidence: evidence.total).kind
        exact = all(evidence.exact for evidence in found.values())
        return Evidence(kind, unique, np.bincount(place, amounts, len(unique)).astype(np.float64), other, exact)

    def by_source(self, query: Query, row: int) -> dict[str, Evidence]:
        """What each source with a weight adds to the score, with its own evidence."""
        found = {}
        for amount, (name, source) in zip(self.amounts, self.sources.items(), strict=True):
            if amount:
                one: Evidence = source.contributions(query, row)
                other = {what: amount * x for what, x in one.other.items()}
                found[name] = replace(one, amounts=amount * one.amounts, other=other)
        return found

    def artifact(self) -> Artifact:
        """The weights, with each source as a part."""
        recipe = {f.name: getattr(self.recipe, f.name) for f in fields(Blend) if f.name != "sources"}
        recipe["sources"] = [[name, asdict(source)] for name, source in self.recipe.sources]  # type: ignore[call-overload]
        arrays = {"weights": self.weights, "amounts": self.amounts, "worth": self.worth}
        return Artifact("blend", recipe, arrays, {name: source.artifact() for name, source in self.sources.items()})

    @classmethod
    def from_artifact(cls, artifact: Artifact, readers: Mapping[str, Callable[[Artifact], Any]]) -> FittedBlend:
        """The same blend, bit for bit; `readers` build each kind of part (wiring knows them)."""
        names = [name for name, _ in artifact.recipe["sources"]]
        for name in names:
            if (kind := artifact.parts[name].kind) not in readers:
                raise NotFound(f"Blend.from_artifact {name}", f"a kind of {sorted(readers)}", kind)
        sources = {name: readers[artifact.parts[name].kind](artifact.parts[name]) for name in names}
        rest = {name: value for name, value in artifact.recipe.items() if name != "sources"}
        recipe = Blend(tuple((name, source.recipe) for name, source in sources.items()), **rest)
        arrays = artifact.arrays
        return cls(recipe, sources, arrays["weights"], arrays["amounts"], arrays["worth"])
