"""Cutting: what leaves the data so that something can be learned on top of fitted sources, and who is asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Estimator
from regard.domain.request import UNKNOWN, History, Query
from regard.domain.run import Run, silent


def parted(data: Dataset, share: float, which: Literal["newest", "random"], run: Run) -> tuple[Dataset, Dataset]:
    """What sources may learn from, and what they do not see: `run.validation` where there is one, else `held_out`."""
    if run.validation is not None:
        if len(run.validation.users) != len(data.users) or len(run.validation.items) != len(data.items):
            raise InvalidInput("run.validation", "the same people and items as the data", "others")
        return data, run.validation.where(run.validation.events.weight > 0)
    held = held_out(data, share, run.rng() if which == "random" else None)
    return data.where(~held), data.where(held)


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


def newest_of_all(data: Dataset, share: float) -> Mask:
    """The newest `share` of all events together, (n,), at least one; who came late leaves with all that they did."""
    order = np.argsort(data.events.time, kind="stable")
    held = np.zeros(len(order), np.bool_)
    held[order[len(order) - max(1, round(share * len(order))) :]] = True
    return held


def fit_all(
    sources: Sequence[tuple[str, Estimator[Any]]], data: Dataset, run: Run, warm: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Each source fitted on `data`; those named in `warm` hear of that fitted thing as their warm start.

    Validation data and the warm start of `run` itself are not the sources'; each keeps checkpoints in its own folder.
    """
    fitted = {}
    for place, (name, recipe) in enumerate(sources):
        run.progress("fit", place / len(sources))
        folder = None if run.folder is None else run.folder / name
        own = replace(run, validation=None, progress=silent, folder=folder, warm_start=(warm or {}).get(name))
        fitted[name] = recipe.fit(data, run=own)
    run.progress("fit", 1.0)
    return fitted


@dataclass(frozen=True, eq=False)
class Asked:
    """Q people of a cut: what they ask, which items they went on to (`targets`), which ones are not ranked (`met`)."""

    queries: Sequence[Query]
    targets: Sequence[Rows]
    met: Sequence[Rows]

    def __len__(self) -> int:
        return len(self.queries)

    @staticmethod
    def of(rest: Dataset, held: Dataset, people: int, rng: np.random.Generator) -> Asked:
        """Everybody with something held out, with what they did in `rest`; at most `people` of them, drawn."""
        chosen = np.flatnonzero(np.diff(held.events.offsets) > 0)
        if len(chosen) > people:
            chosen = np.sort(rng.choice(chosen, people, replace=False))
        queries = rest.queries(chosen)
        targets: list[Rows] = [np.unique(held.history(int(user)).rows).astype(np.int64) for user in chosen]
        return Asked(queries, targets, [query.history.rows.astype(np.int64) for query in queries])

    def lengths(self) -> NDArray[np.int64]:
        """How many items each person is known to have chosen, (Q,)."""
        return np.array([known_items(query) for query in self.queries], np.int64)

    def where(self, mask: Mask) -> Asked:
        """Those of `mask` (Q,)."""
        chosen = np.flatnonzero(mask).tolist()
        queries = [self.queries[place] for place in chosen]
        return Asked(queries, [self.targets[place] for place in chosen], [self.met[place] for place in chosen])

    def cold(self) -> Asked:
        """The same people as if we had never met them: attributes and context stay, row and history go.

        What they met is still not ranked: the sources have learned from it, so it would be no question.
        """
        unknown = [replace(query, user=UNKNOWN, history=History()) for query in self.queries]
        return Asked(unknown, self.targets, self.met)


def known_items(query: Query) -> int:
    """How many different items the person of `query` is known to have chosen (events of positive weight)."""
    history = query.history
    return len(np.unique(history.rows[history.weights > 0]))
