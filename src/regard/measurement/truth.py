"""Truth: whom a split judges by and what is right for them, under the rules of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from regard.domain.arrays import Mask, Rows
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.measurement.splits import Split


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """The rules of an evaluation that seldom change.

    exclude_seen: what a person knows already is neither ranked nor right. warm_only: leave out people without history.
    among: a mask (I,) of the only items that are ranked and right (None: all). slices: figures for groups of people
    and of items too. resamples, seed: of the bootstrap. baseline: whom the others are compared with (None:
    the best).
    """

    exclude_seen: bool = True
    warm_only: bool = False
    among: Mask | None = None
    slices: bool = True
    resamples: int = 1000
    seed: int = 0
    baseline: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Q people to judge by: their rows, the items that are right for each and those that may not be ranked.

    users (Q,); relevant, barred: (Q, I) with sorted indices; candidates: (Q, I) the only ranked items, None: all.
    """

    users: Rows
    relevant: sparse.csr_array
    barred: sparse.csr_array
    candidates: sparse.csr_array | None = None

    def of(self, chosen: Rows) -> Truth:
        """The same for the people at positions `chosen`."""
        candidates = None if self.candidates is None else self.candidates[chosen]
        return Truth(self.users[chosen], self.relevant[chosen], self.barred[chosen], candidates)


def truth_of(split: Split, rules: Protocol) -> Truth:
    """Right are the items of a person's test events of positive weight; people without any are not judged by."""
    known, right = pattern(split.known), pattern(split.test, positive=True)
    if rules.exclude_seen:
        right = _tidy(right - right.multiply(known))
    if rules.among is not None:
        right = _tidy(right.multiply(rules.among.astype(np.float64)))
    judged = np.diff(right.indptr) > 0
    if rules.warm_only:
        judged &= np.diff(known.indptr) > 0
    users = np.flatnonzero(judged)
    if not len(users):
        raise InvalidInput("evaluate", "somebody with a test event to judge by", f"none in {split.name!r}")
    barred = known[users] if rules.exclude_seen else sparse.csr_array((len(users), known.shape[1]))
    candidates = None if rules.among is None else _only(rules.among, len(users))
    return Truth(users, right[users], barred, candidates)


def pattern(data: Dataset, positive: bool = False) -> sparse.csr_array:
    """Who met what, whatever the weight (or only with a positive one): (U, I) of ones, sorted, each pair once."""
    e = data.events
    chosen = np.asarray(e.weight > 0) if positive else np.ones(len(e), np.bool_)
    keys = np.unique(e.user[chosen].astype(np.int64) * len(data.items) + e.item[chosen])
    users, items = np.divmod(keys, max(len(data.items), 1))
    indptr = np.searchsorted(users, np.arange(len(data.users) + 1))
    return sparse.csr_array((np.ones(len(keys)), items, indptr), shape=(len(data.users), len(data.items)))


def _tidy(matrix: sparse.sparray) -> sparse.csr_array:
    tidy = sparse.csr_array(matrix)
    tidy.eliminate_zeros()
    tidy.sort_indices()
    return tidy


def _only(items: Mask, people: int) -> sparse.csr_array:
    rows = np.flatnonzero(items)
    indptr = np.arange(people + 1) * len(rows)
    return sparse.csr_array((np.ones(people * len(rows)), np.tile(rows, people), indptr), shape=(people, len(items)))
