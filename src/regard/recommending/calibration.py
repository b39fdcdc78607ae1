"""Calibration: the list keeps the proportions of the person's interests (genres, topics, tags)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Gain
from regard.domain.request import Query
from regard.recommending.diversity import check_weight

Shares: TypeAlias = sparse.csr_array | Callable[[], sparse.csr_array]  # (I, g), >= 0; a row over its sum is p(g|i)


def shares(tags: Iterable[Sequence[str] | None]) -> sparse.csr_array:
    """p(g | item) as (I, g), each tag of an item alike, tags in order of appearance.

    >>> shares([["drama", "war"], None, ["war"]]).toarray().tolist()
    [[0.5, 0.5], [0.0, 0.0], [0.0, 1.0]]
    """
    columns: dict[str, int] = {}
    each = [[columns.setdefault(tag, len(columns)) for tag in dict.fromkeys(own or ())] for own in tags]
    counts = np.array([len(own) for own in each], np.int64)
    indices = np.array([column for own in each for column in own], np.int64)
    values = 1.0 / np.repeat(counts, counts) if len(indices) else np.empty(0)
    return sparse.csr_array((values, indices, np.r_[0, np.cumsum(counts)]), shape=(len(each), len(columns)))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Gain: weight * (how far the next item lowers KL(p || q~)), in nats, after Steck (2018).

    p(g|u) is the mean of p(g|i) over the history by event weight, q(g|u) that over the list, q~ = (1 - alpha) q +
    alpha p. Slots that are still empty count as p in q (ours): so the gains of a full list sum to -weight * KL of that
    list, and each slot is weighed alike, where KL of the list so far would let the first slots forget the scores.
    It says nothing where a person has no history with tags.
    """

    shares: Shares
    weight: float = 1.0
    alpha: float = 0.01

    def __post_init__(self) -> None:
        check_weight("Calibration.weight", self.weight)
        if not 0 < self.alpha < 1:
            raise InvalidInput("Calibration.alpha", "a share in (0, 1)", repr(self.alpha))

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate."""
        table = self.shares() if callable(self.shares) else self.shares
        wanted, n = interests(table, query), len(candidates)
        if not wanted.any():
            return lambda last: np.zeros(n)
        owner, tag, amount = entries(table, candidates.rows)
        relevant = wanted[tag] > 0  # KL sums over p > 0 only
        owner, tag, amount = owner[relevant], tag[relevant], amount[relevant] * (1 - self.alpha)
        kept = np.flatnonzero(wanted)
        tag, p = np.searchsorted(kept, tag), wanted[kept]
        p_of, bounds = p[tag], np.searchsorted(owner, np.arange(n + 1))
        empty = min(query.k, n)
        mass = p * empty  # k q~(g): (1 - alpha) (the list's p(g|i) + empty slots * p) + alpha k p

        def gain(last: int | None) -> Scores:
            nonlocal empty
            if last is not None:
                chosen = slice(bounds[last], bounds[last + 1])
                mass[:] -= (1 - self.alpha) * p
                mass[tag[chosen]] += amount[chosen]
                empty -= 1
            if empty <= 0:
                return np.zeros(n)
            rest = mass - (1 - self.alpha) * p  # after an item without any of these tags
            more = np.log(1.0 + amount / rest[tag]) * p_of
            lowered = p @ np.log(rest / mass) + np.bincount(owner, more, n)
            return np.asarray(self.weight * lowered)

        return gain


def interests(table: sparse.csr_array, query: Query) -> NDArray[np.float64]:
    """p(g|u), (g,): the mean of p(g|i) over the history, by event weight; zero where there is none."""
    liked = np.asarray(query.history.weights) > 0
    owner, tag, amount = entries(table, np.asarray(query.history.rows, np.int64)[liked])
    weight = np.asarray(query.history.weights, np.float64)[liked]
    total = np.bincount(tag, amount * weight[owner], table.shape[1])
    return np.asarray(total / (total.sum() or 1.0), np.float64)


def entries(table: sparse.csr_array, rows: Rows) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """p(g|i) of `rows` (n,): which of them (m,), column (m,), share (m,); nothing for rows beyond the table."""
    known = np.flatnonzero((rows >= 0) & (rows < table.shape[0]))
    first = table.indptr[rows[known]].astype(np.int64)
    counts = table.indptr[rows[known] + 1] - first
    cell = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
    owner, amount = np.repeat(known, counts), table.data[cell].astype(np.float64)
    sums = np.bincount(owner, amount, len(rows))
    return owner, table.indices[cell].astype(np.int64), amount / np.where(sums > 0, sums, 1.0)[owner]
