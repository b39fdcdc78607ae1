"""Blend: several models in one linear score; weights by segment of people, learned on events that none had seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Mask, Scores
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.protocols import Estimator, Evidence
from regard.domain.request import Query
from regard.domain.run import Run
from regard.measurement.slices import long_tail
from regard.models.blend_weights import Cut, Learned, learn
from regard.models.cutting import Asked, fit_all, parted
from regard.models.scoring import FullScores, people_of
from regard.models.segments import SEGMENTS, Bounds

SCORED = 10**8  # people x items that each source scores for the weights
FEWEST = 100  # people that weights are learned from where there are so many


@dataclass(frozen=True)
class Blend:
    """score = sum_s w_gs / scale_s * score_s, with w_gs >= 0 that sum to 1 for each segment g of people (linear
    stacking, Sill et al. 2009): cold (no history), light, medium, heavy.

    A part of each person's positive events (`share`; the `newest`, or drawn at `random`) leaves the data, or
    `run.validation` is taken; the sources are fitted on the rest; scale_s is the mean deviation of a person's scores;
    weights are searched for nDCG@`at` over the pooled best of all sources, for at most `people` people (all items are
    scored for each: from 100,000 items on for `SCORED` / I, at least `FEWEST`), and for the same ones as if they were
    cold; a segment has its own where these win on people they were not learned on. Then the sources are fitted on
    everything; those named in `continued` (dear ones) start from their first fit. On the cut the blend is at most .5%
    worse than its best source for any segment of people, and, where weights can do it, for the items of head, long
    tail and without events, each ranked among themselves (`Learned.worth`).
    """

    sources: tuple[tuple[str, Estimator[Any]], ...]
    share: float = 0.15
    cut: Literal["newest", "random"] = "newest"
    at: int = 10
    people: int = 1_000
    continued: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.sources]
        for name, fits, expected in (
            ("sources", names and len(set(names)) == len(names), "at least one, each under its own name"),
            ("share", 0 < self.share < 1, "a share in (0, 1)"),
            ("cut", self.cut in ("newest", "random"), "newest or random"),
            ("at", self.at >= 1, "at least 1"),
            ("people", self.people >= 1, "at least 1"),
            ("continued", set(self.continued) <= set(names), f"names out of {', '.join(names)}"),
        ):
            if not fits:
                raise InvalidInput(f"Blend.{name}", expected, repr(names if name == "sources" else getattr(self, name)))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedBlend:  # noqa: B008
        """Two fits of each source, one of them without the cut; `run.tracker` hears weights and what each is worth.

        A warm start from a blend of the same sources keeps its weights: one fit of each source.
        """
        known = run.warm_start
        if isinstance(known, FittedBlend) and known.recipe == self:
            return FittedBlend(self, self._fit(data, run, "all", known.sources), Bounds.of_data(data), known.learned)
        rest, held = parted(data, self.share, self.cut, run)
        fitted = self._fit(rest, run, "cut")
        people = min(self.people, max(FEWEST, SCORED // max(1, len(rest.items))))
        asked = Asked.of(rest, held, people, run.rng())
        slices = Cut.of(list(fitted.values()), asked, 10 * self.at, item_slices(rest))
        learned = learn(slices, run.rng(), self.at)
        self._tell(learned, run)
        del slices
        fitted = {name: fitted[name] for name in self.continued}  # the others make room for those that take their place
        return FittedBlend(self, self._fit(data, run, "all", fitted), Bounds.of_data(data), learned)

    def _fit(self, data: Dataset, run: Run, what: str, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        warm = {name: one for name, one in (before or {}).items() if name in self.continued}
        return fit_all(self.sources, data, replace(run, folder=run.folder and run.folder / what), warm)

    def _tell(self, learned: Learned, run: Run) -> None:
        names = [name for name, _ in self.sources]
        for segment, weights in zip(SEGMENTS, learned.weights, strict=True):
            run.tracker(f"Blend.weights {segment}", dict(zip(names, map(float, weights), strict=True)))
        for part, worth in learned.worth.items():
            run.tracker(f"Blend.nDCG@{self.at} {part}", dict(zip([*names, "blend"], map(float, worth), strict=True)))


def item_slices(data: Dataset) -> dict[str, Mask]:
    """The items of the head, of the long tail and without any event, (I,) each, by what `data` knows of them."""
    counts = people_of(data.matrix())
    tail = long_tail(counts)
    return {"head": ~tail, "long tail": tail, "cold items": counts == 0}


@dataclass(frozen=True, eq=False)
class FittedBlend(FullScores):
    """The sources and what was learned of them; the length of a request's history chooses the weights."""

    recipe: Blend
    sources: Mapping[str, Any]
    bounds: Bounds
    learned: Learned
    name: str = "blend"

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        """By source and segment of people; over the sources each segment's sum to 1."""
        rows = zip(self.sources, self.learned.weights.T.tolist(), strict=True)
        return {name: dict(zip(SEGMENTS, row, strict=True)) for name, row in rows}

    def amounts(self, queries: Sequence[Query]) -> Scores:
        """What each source's score counts for each request, (Q, S)."""
        return self.learned.amounts[self.bounds.of_queries(queries)]

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
        for amount, source in zip(self.amounts(queries).T, self.sources.values(), strict=True):
            if amount.any():
                total += amount[:, None] * source.scores(queries).astype(np.float64)
        return total.astype(np.float32)

    def contributions(self, query: Query, row: int) -> Evidence:
        """The weighted sum of the sources' evidence; the kind is that of the source that says most."""
        return self.newer(query, "liked") if row >= self.n_items else joined(self.by_source(query, row))

    def by_source(self, query: Query, row: int, sources: Mapping[str, Any] | None = None) -> dict[str, Evidence]:
        """What each source with a weight for this request adds to the score, with its own evidence; `sources` in the
        place of those that were fitted."""
        found = {}
        amounts = zip(self.amounts([query])[0], (sources or self.sources).items(), strict=True)
        for amount, (name, source) in amounts:
            if amount:
                one: Evidence = source.contributions(query, row)
                other = {what: amount * x for what, x in one.other.items()}
                found[name] = replace(one, amounts=amount * one.amounts, other=other)
        return found

    def artifact(self) -> Artifact:
        """The weights, with each source as a part."""
        recipe = {f.name: getattr(self.recipe, f.name) for f in fields(Blend) if f.name != "sources"}
        recipe["sources"] = [[name, asdict(source)] for name, source in self.recipe.sources]  # type: ignore[call-overload]
        arrays = {"bounds": np.array(astuple(self.bounds)), **self.learned.arrays()}
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
        rest["continued"] = tuple(rest["continued"])
        recipe = Blend(tuple((name, source.recipe) for name, source in sources.items()), **rest)
        learned = Learned.from_arrays(artifact.arrays)
        return cls(recipe, sources, Bounds(*map(float, artifact.arrays["bounds"])), learned)


def joined(found: Mapping[str, Evidence]) -> Evidence:
    """The evidence of several sources as one, which sums to the sum of theirs."""
    rows = np.concatenate([evidence.rows for evidence in found.values()])
    amounts = np.concatenate([evidence.amounts for evidence in found.values()])
    unique, place = np.unique(rows, return_inverse=True)
    other = {f"{name}: {what}": x for name, one in found.items() for what, x in one.other.items()}
    kind = max(found.values(), key=lambda one: (len(one.rows) + len(one.other) > 0, one.total)).kind
    exact = all(evidence.exact for evidence in found.values())
    return Evidence(kind, unique, np.bincount(place, amounts, len(unique)).astype(np.float64), other, exact)
