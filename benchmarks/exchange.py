"""Exchange: what a worker gets and gives: train events and people to ask for, lists of items and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array, Rows
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.protocols import Retriever
from regard.domain.request import Query
from regard.measurement.splits import Split
from regard.measurement.truth import Truth

DEPTH = 3  # lists are DEPTH * k long, so that ties round place k can be seen
BATCH = 512  # people
WHAT = ("rows", "scores")
Lists: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows (Q, depth), scores (Q, depth)


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
    """Train events of positive weight and the people to ask for, for peers; `again`: train items may be ranked.

    `known_*` are those that requests know: train, and the fold-in events after it.
    """
    e, k = split.train.events, split.known.events
    right, known = e.weight > 0, k.weight > 0
    np.savez(
        path,
        user=e.user[right],
        item=e.item[right],
        value=e.value[right],
        time=e.time[right],
        known_user=k.user[known],
        known_item=k.item[known],
        known_time=k.time[known],
        people=people,
        depth=depth,
        again=again,
        n_users=len(split.data.users),
        n_items=len(split.data.items),
    )


def read_lists(name: str, path: Path, people: Mapping[str, Rows]) -> tuple[dict[str, Listed], dict[str, Any]]:
    """What a worker wrote: its lists by view ("" is the benchmark's own), and fit seconds and peak MB.

    `people`: whom each view asks for; a view that the worker knows nothing of is left out.
    """
    with np.load(path) as found:
        cost: dict[str, Any] = {"fit_seconds": float(found["fit_seconds"]), "peak_mb": None}
        if "peak_mb" in found:
            cost["peak_mb"] = float(found["peak_mb"])
        if "watched" in found:  # [epoch, seconds, what early stopping saw]
            cost["watched"] = found["watched"].tolist()
        if "device" in found:  # it learned on another machine
            cost["device"] = str(found["device"])
        listed = {
            view: Listed(name, found[rows].astype(np.int64), found[scores].astype(np.float64), own)
            for view, own in people.items()
            if (rows := _under("rows", view)) in found and (scores := _under("scores", view)) in found
        }
        return listed, cost


def read_curve(name: str, path: Path, people: Rows) -> list[tuple[float, int, Listed]]:
    """The learning curve that a worker wrote, where it did: seconds of training, epochs, the lists after them."""
    with np.load(path) as found:
        if "curve_seconds" not in found:
            return []
        steps = zip(*(found[f"curve_{what}"] for what in ("seconds", "epochs", "rows", "scores")), strict=True)
        return [
            (float(seconds), int(epochs), Listed(name, rows.astype(np.int64), scores.astype(np.float64), people))
            for seconds, epochs, rows, scores in steps
        ]


def viewed(lists: Mapping[str, Lists]) -> dict[str, Array]:
    """Lists by view as arrays of a file, as `read_lists` finds them."""
    return {_under(what, view): array for view, own in lists.items() for what, array in zip(WHAT, own, strict=True)}


def _under(what: str, view: str) -> str:
    return f"{what} {view}".strip()


def lists_of(model: Retriever, known: Dataset, truths: Mapping[str, Truth], depth: int) -> dict[str, Lists]:
    """The first `depth` items of `model` that may be ranked, for each person of each of `truths`: rows and scores
    (Q, depth). Everybody is asked once, with what `known` says of them.
    """
    found = {
        view: (np.full((len(truth.users), depth), -1, np.int64), np.zeros((len(truth.users), depth)))
        for view, truth in truths.items()
    }
    n_items = len(known.items)
    barred = np.zeros(len(known.users), np.int64)
    for truth in truths.values():
        barred[truth.users] = np.maximum(barred[truth.users], np.diff(truth.barred.indptr))
    part_only = any(truth.candidates is not None for truth in truths.values())
    people = np.unique(np.concatenate([truth.users for truth in truths.values()]))
    people = people[np.argsort(barred[people], kind="stable")]
    for start in range(0, len(people), BATCH):
        chosen = people[start : start + BATCH]
        asked = n_items if part_only else min(n_items, depth + int(barred[chosen].max()))
        proposed = model.retrieve_many([known.query(int(user)) for user in chosen], asked)
        for user, own in zip(chosen, proposed, strict=True):
            for view, truth in truths.items():
                _fill(found[view], truth, int(user), own)
    return found


def _fill(lists: Lists, truth: Truth, user: int, proposed: Candidates) -> None:
    """What one person may be shown of what was proposed to them, into their place; nothing where they do not judge."""
    place = int(np.searchsorted(truth.users, user))
    if place == len(truth.users) or truth.users[place] != user:
        return
    allowed = np.full(truth.relevant.shape[1], truth.candidates is None)
    if truth.candidates is not None:
        allowed[_row(truth.candidates, place)] = True
    allowed[_row(truth.barred, place)] = False
    kept = allowed[proposed.rows]
    rows, scores = (array[kept][: lists[0].shape[1]] for array in (proposed.rows, proposed.scores))
    lists[0][place, : len(rows)], lists[1][place, : len(rows)] = rows, scores


def _row(matrix: sparse.csr_array, place: int) -> Rows:
    return np.asarray(matrix.indices[matrix.indptr[place] : matrix.indptr[place + 1]])
