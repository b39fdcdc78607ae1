"""Pooling: for each person the items that a blend or a ranker may show, with what every source says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Scores
from regard.models.cutting import Asked
from regard.models.scoring import FullScores

CELLS = 8_000_000  # full scores (people x sources x items) held at once: 64 MB ...
TOGETHER = 8  # ... or of so many people, as sources read their tables once for all of them
Wide = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pool:
    """For Q people P items at most, row -1 past the end: scores of S sources, and which of the items are wanted.

    counts: how many items each person wants. who: their place among those who were asked. deviation: of each source's
    scores over all items of a person, the mean.
    """

    rows: NDArray[np.int64]  # (Q, P)
    scores: Wide  # (S, Q, P)
    wanted: Mask  # (Q, P)
    counts: NDArray[np.int64]  # (Q,)
    who: NDArray[np.int64]  # (Q,)
    deviation: Scores  # (S,)

    def __len__(self) -> int:
        return len(self.who)

    @staticmethod
    def of(sources: Sequence[FullScores], asked: Asked, depth: int) -> Pool:
        """The best `depth` unseen items of each source, and the wanted ones."""
        return pools(sources, asked, depth, {"all": None})["all"]

    def where(self, mask: Mask) -> Pool:
        """The people of `mask` (Q,)."""
        people = {name: getattr(self, name)[mask] for name in ("rows", "wanted", "counts", "who")}
        return replace(self, scores=self.scores[:, mask], **people)

    def over(self, scale: Scores) -> Pool:
        """The same with the scores divided by `scale` (S,)."""
        return replace(self, scores=self.scores / scale[:, None, None], deviation=self.deviation / scale)

    def ndcg(self, weights: Scores, k: int) -> float:
        """The mean of `gains`; 0 for nobody."""
        return float(self.gains(weights, k).mean()) if len(self) else 0.0

    def gains(self, weights: Scores, k: int) -> Scores:
        """nDCG@k of the blend for each person, (Q,), by `weights` (S,), or (Q, S); equal scores count against us."""
        if weights.ndim == 1:
            blended = np.tensordot(weights, self.scores, 1)
        else:
            blended = np.einsum("qs,sqp->qp", weights, self.scores)
        blended += self._absent
        flat, bits = blended.ravel(), blended.ravel().view(np.int64)
        flat[self._places] -= 1e-9 * np.abs(flat[self._places]) + 1e-300  # behind their equals
        bits &= -2
        bits[self._places] |= 1  # the last bit says who is wanted: sorting values is cheaper than sorting places
        width = min(k, blended.shape[1])
        best = np.sort(np.partition(blended, blended.shape[1] - width, axis=1)[:, blended.shape[1] - width :], axis=1)
        hits = best.view(np.int64)[:, ::-1] & 1
        discount = 1 / np.log2(np.arange(2, k + 2))
        return np.asarray(hits @ discount[:width] / np.cumsum(discount)[np.minimum(self.counts, k) - 1])

    @cached_property
    def _absent(self) -> Wide:
        return np.where(self.rows < 0, -np.inf, 0.0)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.wanted)


def pools(sources: Sequence[FullScores], asked: Asked, depth: int, among: Mapping[str, Mask | None]) -> dict[str, Pool]:
    """One pool per entry of `among`: only its items (mask (I,), None: all), and people who want one; scored once."""
    found: dict[str, list[_Part]] = {name: [] for name in among}
    deviations = np.zeros(len(sources))
    for start, full, barred, wanted in _chunks(sources, asked):
        deviations += full.std(axis=2).sum(axis=1)
        for name, mask in among.items():
            right = wanted if mask is None else wanted & mask
            shut = barred if mask is None else barred | ~mask
            found[name].append(_part(full, shut, right, depth, start))
    deviation = deviations / max(1, len(asked))
    return {name: _joined(parts, deviation) for name, parts in found.items()}


def _chunks(sources: Sequence[FullScores], asked: Asked) -> Iterator[tuple[int, Wide, Mask, Mask]]:
    """(first person, scores (S, q, I), not ranked (q, I), wanted (q, I)) of some people after others."""
    n_items = max(source.n_items for source in sources)
    step = max(TOGETHER, min(256, CELLS // max(1, len(sources) * n_items)))
    for start in range(0, len(asked), step):
        here = range(start, min(start + step, len(asked)))
        queries = [asked.queries[person] for person in here]
        full = np.stack([source.scores(queries) for source in sources]).astype(np.float64)
        barred, wanted = np.zeros((2, len(here), n_items), np.bool_)
        for place, person in enumerate(here):
            wanted[place, asked.targets[person]] = True
            barred[place, asked.met[person]] = True
        yield start, full, barred & ~wanted, wanted


@dataclass(frozen=True, eq=False)
class _Part:
    """Pooled items of some people, one after the other."""

    counts: NDArray[np.int64]  # (q,): wanted
    who: NDArray[np.int64]  # (q,)
    sizes: NDArray[np.int64]  # (q,): items
    rows: NDArray[np.int64]  # (m,)
    scores: Wide  # (S, m)
    wanted: Mask  # (m,)


def _part(full: Wide, shut: Mask, wanted: Mask, depth: int, start: int) -> _Part:
    counts = wanted.sum(axis=1)
    someone = np.flatnonzero(counts)
    member = wanted[someone]
    open_ = ~shut[someone]
    width = min(depth, full.shape[2])
    for scores in full[:, someone]:
        seen = np.where(open_, scores, -np.inf)
        top = np.argpartition(-seen, width - 1, axis=1)[:, :width]
        np.put_along_axis(member, top, True, axis=1)
    member &= open_
    person, rows = np.nonzero(member)
    said = full[:, someone[person], rows]
    return _Part(counts[someone], start + someone, member.sum(axis=1), rows, said, wanted[someone[person], rows])


def _joined(parts: Sequence[_Part], deviation: Scores) -> Pool:
    sizes = np.concatenate([np.empty(0, np.int64), *(part.sizes for part in parts)])
    shape = (len(sizes), int(sizes.max(initial=0)))
    filled = np.arange(shape[1]) < sizes[:, None]
    rows, wanted, scores = np.full(shape, -1, np.int64), np.zeros(shape, np.bool_), np.zeros((len(deviation), *shape))
    if parts:
        rows[filled] = np.concatenate([part.rows for part in parts])
        wanted[filled] = np.concatenate([part.wanted for part in parts])
        scores[:, filled] = np.concatenate([part.scores for part in parts], axis=1)
    counts, who = (np.concatenate([np.empty(0, np.int64), *(getattr(p, n) for p in parts)]) for n in ("counts", "who"))
    return Pool(rows, scores, wanted, counts.astype(np.int64), who, deviation)
