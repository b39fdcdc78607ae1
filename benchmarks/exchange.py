"""Exchange: what a worker gets and gives: train events and people to ask for, lists of items and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.candidates import Candidates
from regard.domain.protocols import Retriever
from regard.domain.request import Query
from regard.measurement.splits import Split
from regard.measurement.truth import Truth

DEPTH = 3  # lists are DEPTH * k long, so that ties round place k can be seen
BATCH = 512  # people


@dataclass(frozen=True)
class Listed:
    """Lists that a worker gave, as a Retriever: rows (Q, m) with -1 past the end, scores (Q, m), people (Q,)."""

    name: str
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    people: Rows

    def retrieve(self, query: Query, k: int) -> Candidates:
        """The list that was given, or its first k."""
        place = int(np.searchsorted(self.people, query.user))
        rows, scores = self.rows[place], self.scores[place]
        there = rows >= 0
        return Candidates.of(self.name, rows[there][:k], scores[there][:k])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """One by one: nothing is computed here."""
        return [self.retrieve(query, k) for query in queries]


def write_train(path: Path, split: Split, people: Rows, depth: int, again: bool) -> None:
    """Train events of positive weight and the people to ask for, for peers; `again`: train items may be ranked."""
    e = split.train.events
    right = e.weight > 0
    np.savez(
        path,
        user=e.user[right],
        item=e.item[right],
        value=e.value[right],
        time=e.time[right],
        people=people,
        depth=depth,
        again=again,
        n_users=len(split.data.users),
        n_items=len(split.data.items),
    )


def read_lists(name: str, path: Path, people: Rows) -> tuple[Listed, dict[str, Any]]:
    """What a worker wrote: its lists, and fit seconds and peak MB."""
    with np.load(path) as found:
        cost = {"fit_seconds": float(found["fit_seconds"]), "peak_mb": float(found["peak_mb"])}
        return Listed(name, found["rows"].astype(np.int64), found["scores"].astype(np.float64), people), cost


def lists_of(model: Retriever, split: Split, truth: Truth, depth: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The first `depth` items of `model` that may be ranked, for each person of `truth`: rows and scores (Q, depth)."""
    n = len(truth.users)
    rows, scores = np.full((n, depth), -1, np.int64), np.zeros((n, depth))
    barred = np.diff(truth.barred.indptr)
    order = np.argsort(barred, kind="stable")
    everything = truth.relevant.shape[1]
    for start in range(0, n, BATCH):
        chosen = order[start : start + BATCH]
        asked = everything if truth.candidates is not None else min(everything, depth + int(barred[chosen].max()))
        queries = [split.known.query(int(user)) for user in truth.users[chosen]]
        for place, found in zip(chosen, model.retrieve_many(queries, asked), strict=True):
            kept = _allowed(truth, int(place), found.rows)
            m = min(depth, int(kept.sum()))
            rows[place, :m], scores[place, :m] = found.rows[kept][:m], found.scores[kept][:m]
    return rows, scores


def _allowed(truth: Truth, place: int, rows: Rows) -> NDArray[np.bool_]:
    barred = truth.barred
    own = barred.indices[barred.indptr[place] : barred.indptr[place + 1]]
    allowed = ~np.isin(rows, own)
    if truth.candidates is not None:
        only = truth.candidates.indices[truth.candidates.indptr[place] : truth.candidates.indptr[place + 1]]
        allowed &= np.isin(rows, only)
    return np.asarray(allowed, np.bool_)
