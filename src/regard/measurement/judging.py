"""Judging: proposals of a retriever against what happened, ties counted against us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Mask, Rows
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.measurement.metrics.lists import Lists
from regard.measurement.metrics.ranking import Counts, Hits
from regard.measurement.truth import Truth


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Q lists and what of them was right: lists (Q, k) item rows, -1 past the end; hits (Q, k); relevant (Q,)."""

    lists: Lists
    hits: Hits
    relevant: Counts

    def on(self, items: Mask, relevant: sparse.csr_array) -> Judged:
        """As if only the relevant items of the mask (I,) counted; `relevant` (Q, I) as judged."""
        hits = self.hits & items[np.maximum(self.lists, 0)]
        return Judged(self.lists, hits, np.asarray(relevant @ items.astype(np.int64), np.int64))


def judge(model: str, proposed: Sequence[Candidates], truth: Truth, asked: int, k: int) -> Judged:
    """Lists of `k` from what `model` proposed to each person of `truth` when asked for `asked` items.

    Barred items leave. A run of equal neighbouring scores is a tie: its relevant items move behind the others. Where a
    full answer (`asked` items of a larger catalogue) ends in a tie, more of it may lie beyond, so its relevant items
    are misses.
    """
    n_items = truth.relevant.shape[1]
    lengths = np.array([len(p) for p in proposed], np.int64)
    query = np.repeat(np.arange(len(proposed)), lengths)
    rows, scores = _flat(model, proposed, n_items)
    tie = np.cumsum(np.r_[True, (query[1:] != query[:-1]) | (scores[1:] != scores[:-1])][: len(query)])
    ends = np.cumsum(lengths) - 1
    full = (lengths >= asked) & (asked < n_items)
    beyond = full[query] & (tie == tie[ends[query]])
    right = _contains(truth.relevant, query, rows)
    kept = ~_contains(truth.barred, query, rows)
    if truth.candidates is not None:
        kept &= _contains(truth.candidates, query, rows)
    order = np.argsort(tie[kept] * 2 + right[kept], kind="stable")
    return _cut(query[kept], rows[kept][order], (right & ~beyond)[kept][order], truth, k)


def _cut(query: Rows, rows: Rows, hit: Mask, truth: Truth, k: int) -> Judged:
    n = len(truth.users)
    place = np.arange(len(query)) - np.searchsorted(query, np.arange(n))[query]
    top = place < k
    lists, hits = np.full((n, k), -1, np.int64), np.zeros((n, k), np.bool_)
    lists[query[top], place[top]] = rows[top]
    hits[query[top], place[top]] = hit[top]
    return Judged(lists, hits, np.diff(truth.relevant.indptr).astype(np.int64))


def _flat(model: str, proposed: Sequence[Candidates], n_items: int) -> tuple[Rows, NDArray[np.float64]]:
    rows = np.concatenate([np.empty(0, np.int64), *(p.rows for p in proposed)])
    scores = np.concatenate([np.empty(0), *(p.scores for p in proposed)])
    if np.isnan(scores).any():
        raise InvalidInput(f"evaluate({model})", "a score for each proposed item", f"{np.isnan(scores).sum()} NaN")
    if len(rows) and not (rows.min() >= 0 and rows.max() < n_items):
        raise InvalidInput(f"evaluate({model})", f"item rows below {n_items}", f"{rows.min()} to {rows.max()}")
    return rows, scores


def _contains(matrix: sparse.csr_array, query: Rows, items: Rows) -> Mask:
    """Whether (query, item) stands in the sorted pattern of `matrix`, for each pair."""
    width = np.int64(matrix.shape[1])
    keys = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    asked = query * width + items
    place = np.searchsorted(keys, asked)
    return np.asarray(np.r_[keys, -1][place] == asked, np.bool_)
