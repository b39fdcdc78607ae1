"""The weights of a blend, learned on a cut: by segment of people, held to what the best source does on every slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Array, Mask, Scores
from regard.domain.errors import InvalidInput
from regard.models.cutting import Asked
from regard.models.pooling import Pool, pools
from regard.models.scoring import FullScores
from regard.models.segments import COLD, SEGMENTS, Bounds
from regard.models.weight_search import FEW, floored, own_weights, search

TOLERANCE = 0.005  # how much worse than its best source, relative, the blend may be on any slice of the cut
STEPS = tuple(np.linspace(0.1, 1.0, 10))  # how far weights move towards the best source of a slice that falls short
ROUNDS = 12  # of mending item slices


@dataclass(frozen=True, eq=False)
class Learned:
    """Weights (4, S) by segment of people, each row >= 0 with sum 1, for scores divided by `scale` (S,).

    worth: nDCG on the cut by slice, of each source alone and, last, of the blend, (S + 1,); item slices are ranked
    among their own items.
    """

    weights: Scores
    scale: Scores
    worth: Mapping[str, Scores]

    @cached_property
    def amounts(self) -> Scores:
        """What each source's score is multiplied by, (4, S)."""
        return self.weights / self.scale

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps it."""
        return {
            "weights": self.weights,
            "scale": self.scale,
            "slices": np.array(list(self.worth), np.str_),
            "worth": np.array(list(self.worth.values())).reshape(-1, len(self.scale) + 1),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Learned:
        """As it was; InvalidInput for a blend of before segments."""
        if "scale" not in arrays:
            raise InvalidInput("Blend.from_artifact", "weights by segment", "one row for everybody", "Fit again.")
        worth = {str(name): row for name, row in zip(arrays["slices"], arrays["worth"], strict=True)}
        return Learned(arrays["weights"], arrays["scale"], worth)

    def shortfall(self) -> Mapping[str, float]:
        """By slice, how much worse than the best source the blend is, relative; 0 where it is no worse."""
        return {name: _short(worth[:-1], worth[-1]) for name, worth in self.worth.items()}


@dataclass(frozen=True, eq=False)
class Slice:
    """People and items on which the blend is compared with its sources: a pool, and each person's segment (Q,)."""

    pool: Pool
    segment: NDArray[np.int64]

    def value(self, table: Scores, k: int) -> float:
        """nDCG@k by the weights of each person's segment out of `table` (4, S)."""
        return self.pool.ndcg(table[self.segment], k)

    def where(self, mask: Mask) -> Slice:
        """The people of `mask` (Q,)."""
        return Slice(self.pool.where(mask), self.segment[mask])


@dataclass(frozen=True, eq=False)
class Cut:
    """The slices of a cut: `people` by segment, all `warm` ones, and `items` by kind."""

    scale: Scores
    warm: Slice
    people: Mapping[str, Slice]
    items: Mapping[str, Slice]

    @staticmethod
    def of(sources: Sequence[FullScores], asked: Asked, depth: int, items: Mapping[str, Mask]) -> Cut:
        """Warm people as they are, and all of them as if they were cold; `items` are masks (I,) by name."""
        lengths = asked.lengths()
        bounds, warm = Bounds.of(lengths), asked.where(lengths > 0)
        pooled = pools(sources, warm, depth, {"": None, **items})
        cold = Pool.of(sources, asked.cold(), depth)
        scale = np.where(pooled[""].deviation > 0, pooled[""].deviation, cold.deviation)
        scale[scale <= 0] = 1.0
        codes = bounds.codes(warm.lengths())
        known = {name: Slice(pool.over(scale), codes[pool.who]) for name, pool in pooled.items()}
        everybody = known.pop("")
        people = {"cold": Slice(cold.over(scale), np.full(len(cold), COLD))}
        people |= {name: everybody.where(everybody.segment == code) for code, name in enumerate(SEGMENTS) if code}
        kept = {name: one for name, one in known.items() if len(one.pool) >= FEW}
        return Cut(scale, everybody, {name: one for name, one in people.items() if len(one.pool)}, kept)

    def slices(self) -> dict[str, Slice]:
        """All that have people, by name."""
        warm = {"warm": self.warm} if len(self.warm.pool) else {}
        return {**warm, **self.people, **self.items}


def learn(cut: Cut, rng: np.random.Generator, k: int) -> Learned:
    """Weights for each segment: those of all warm people, or its own where these win by more than noise.

    Then each segment, and after them each slice of items, is mended until its nDCG is at most TOLERANCE below that of
    its best source. For people that is always possible (the best source alone does it); for items it may not be, and
    then the nearest that was found stands, and `worth` says so.
    """
    n, everybody = len(cut.scale), cut.warm.pool
    overall = search(everybody, k, rng)
    overall = floored(everybody, overall, k, float(_alone(everybody, n, k).max()))
    table = np.tile(overall, (len(SEGMENTS), 1))
    alone = {name: _alone(one.pool, n, k) for name, one in cut.slices().items()}
    for code, name in enumerate(SEGMENTS):
        if name in cut.people:
            pool = cut.people[name].pool
            table[code] = _held(pool, own_weights(pool, _speaking(overall, pool), k, rng), alone[name], k)
    table = _mended(cut, table, alone, k)
    worth = {name: np.append(alone[name], one.value(table, k)) for name, one in cut.slices().items()}
    return Learned(table, cut.scale, worth)


def _speaking(weights: Scores, pool: Pool) -> Scores:
    """The weights (S,) among the sources that say something to these people; to cold ones many say nothing."""
    told = weights * (pool.deviation > 0)
    return told / told.sum() if told.sum() > 0 else weights


def _alone(pool: Pool, n: int, k: int) -> Scores:
    """nDCG@k of each source, (S,)."""
    return np.array([pool.ndcg(source, k) for source in np.eye(n)])


def _short(alone: Scores, value: float) -> float:
    best = float(alone.max(initial=0.0))
    return max(0.0, 1 - float(value) / best) if best > 0 else 0.0


def _held(pool: Pool, weights: Scores, alone: Scores, k: int) -> Scores:
    """Weights moved towards the segment's best source as far as they must, with a floor where one is affordable."""
    best = np.eye(len(weights))[int(np.argmax(alone))]
    least = (1 - TOLERANCE) * float(alone.max())
    for step in (0.0, *STEPS):
        moved = (1 - step) * weights + step * best
        if pool.ndcg(moved, k) >= least:
            break
    return floored(pool, moved, k, least)


def _mended(cut: Cut, table: Scores, alone: Mapping[str, Scores], k: int) -> Scores:
    """The worst slice of items moved towards its best source, while that helps and no segment suffers."""
    short = {name: _short(alone[name], one.value(table, k)) for name, one in cut.items.items()}
    for _ in range(ROUNDS):
        if max(short.values(), default=0.0) <= TOLERANCE:
            break
        worst = max(short, key=lambda name: short[name])
        best = np.eye(len(cut.scale))[int(np.argmax(alone[worst]))]
        found = _nearest(cut, table, alone, best, k)
        if found is None or max(found[1].values()) >= max(short.values()):
            break
        table, short = found
    return table


def _nearest(
    cut: Cut, table: Scores, alone: Mapping[str, Scores], best: Scores, k: int
) -> tuple[Scores, dict[str, float]] | None:
    """Of all steps towards `best` (S,), of one segment or of all, the one that leaves the smallest worst shortfall."""
    present = [code for code, name in enumerate(SEGMENTS) if code != COLD and name in cut.people]
    choices: list[tuple[Scores, dict[str, float]]] = []
    for codes in ([*present], *([code] for code in present)):
        for step in STEPS[:-1]:  # never wholly: each source keeps a little
            moved = table.copy()
            moved[codes] = (1 - step) * table[codes] + step * best
            if any(_short(alone[SEGMENTS[c]], cut.people[SEGMENTS[c]].value(moved, k)) > TOLERANCE for c in codes):
                break
            short = {name: _short(alone[name], one.value(moved, k)) for name, one in cut.items.items()}
            choices.append((moved, short))
            if max(short.values()) <= TOLERANCE:
                break
    return min(choices, key=lambda choice: max(choice[1].values()), default=None)
