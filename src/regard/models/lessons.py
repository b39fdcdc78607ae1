"""Lessons: examples with what came of them, from events that the sources had not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows
from regard.domain.dataset import Dataset
from regard.domain.events import Events
from regard.domain.records import NOTHING, Value
from regard.domain.request import History, Query
from regard.domain.weights import DAY
from regard.models.actions import Action
from regard.models.examples import Examples
from regard.models.facts import Facts
from regard.models.fields import said_by
from regard.models.panel import Panel

BESIDE = 40  # examples without any action that teach for each one with some


@dataclass(frozen=True, eq=False)
class Lessons:
    """n examples and their labels (n, A): 0 or 1, a number to expect, or NaN where nobody could know."""

    examples: Examples
    labels: NDArray[np.float32]

    def take(self, chosen: Mask) -> Lessons:
        """Those where the mask (n,) is true."""
        return Lessons(self.examples.take(chosen), self.labels[chosen])

    def thinned(self, rng: np.random.Generator) -> Lessons:
        """All examples with an action, and at most BESIDE others for each of them, drawn by chance."""
        told = np.asarray((np.nan_to_num(self.labels) > 0).any(axis=1))
        share = BESIDE * told.sum() / max(1, (~told).sum())
        return self if share >= 1 else self.take(told | (rng.random(len(told)) < share))


def lessons_of_events(asked: Dataset, known: Dataset, facts: Facts, panel: Panel, actions: Sequence[Action]) -> Lessons:
    """Each event of `asked` is an example, judged by what `known` holds strictly before it."""
    examples = facts.of_events(asked, known)
    if panel.sources:
        people: list[Any] = [*said_by(asked.user_attributes)] or [NOTHING] * len(asked.users)
        contexts = _contexts(asked.events, np.arange(len(asked.events)))
        queries = [
            _before(asked, known, event, people[user], context)
            for event, (user, context) in enumerate(zip(asked.events.user, contexts, strict=True))
        ]
        rows = [np.array([item], np.int64) for item in examples.item]
        examples = examples.with_columns(panel.names, panel.hear(queries, rows))
    return Lessons(examples, _told(asked.events, actions))


@dataclass(frozen=True, eq=False)
class Visited:
    """Visits that are asked for: `held` holds what happened on them, `rest` what was known, `visits` their numbers."""

    held: Dataset
    rest: Dataset
    visits: Rows


def lessons_of_visits(asked: Visited, facts: Facts, panel: Panel, actions: Sequence[Action]) -> Lessons:
    """What the sources, fitted on the rest, propose at each visit, and what of it happened.

    A visit is what one person did in one context on one day (UTC).
    """
    e = asked.held.events
    number = visits(e)
    starts, ends = np.searchsorted(number, asked.visits), np.searchsorted(number, asked.visits, "right")
    queries = [
        asked.rest.query(int(e.user[start]), at=float(e.time[start]), context=context)
        for start, context in zip(starts, _contexts(e, starts), strict=True)
    ]
    rows, columns = panel.propose(queries, met=False)
    examples = facts.of_requests(queries, rows).with_columns(panel.names, columns)
    told = _told(e, actions)
    nothing = np.array([np.nan if action.is_value else 0.0 for action in actions], np.float32)
    labels = [_labels(own, e, told, slice(a, b), nothing) for own, a, b in zip(rows, starts, ends, strict=True)]
    return Lessons(examples, np.concatenate([np.empty((0, len(actions)), np.float32), *labels]))


def visits(events: Events) -> NDArray[np.int64]:
    """The number of each event's visit, (n,), never falling."""
    codes = np.zeros(len(events), np.int64)
    if events.context is not None:
        known: dict[object, int] = {}
        said = (tuple(sorted(row.items())) for row in said_by(events.context))
        codes = np.array([known.setdefault(row, len(known)) for row in said], np.int64)
    day = np.floor(events.time / DAY)
    changes = [np.diff(column) != 0 for column in (events.user, codes, day)]
    return np.concatenate([[0], np.cumsum(np.any(changes, axis=0))])[: len(events)]


def _labels(
    rows: Rows, events: Events, told: NDArray[np.float32], own: slice, nothing: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The labels of the proposed `rows` (n,), (n, A): the most that the visit's events say of each item."""
    labels = np.tile(nothing, (len(rows), 1))
    place = np.searchsorted(rows, events.item[own])
    inside = place < len(rows)
    inside[inside] = rows[place[inside]] == events.item[own][inside]
    for where, said in zip(place[inside], told[own][inside], strict=True):
        labels[where] = np.fmax(labels[where], said)
    return labels


def _told(events: Events, actions: Sequence[Action]) -> NDArray[np.float32]:
    """What each event says of each action, (n, A)."""
    return np.stack([np.empty(len(events), np.float32), *(a.labels(events) for a in actions)], axis=1)[:, 1:]


def _contexts(events: Events, places: Rows) -> Sequence[Mapping[str, Value]]:
    return [NOTHING] * len(places) if events.context is None else said_by(events.context.take(places))


def _before(
    asked: Dataset, known: Dataset, event: int, attributes: Mapping[str, Value], context: Mapping[str, Value]
) -> Query:
    """The request at the moment of one event and in its context, with what had happened strictly before."""
    e, k = asked.events, known.events
    user, at = int(e.user[event]), float(e.time[event])
    start, end = int(k.offsets[user]), int(k.offsets[user + 1])
    end = start + int(np.searchsorted(k.time[start:end], at))
    past = slice(start, end)
    history = History(k.item[past], k.weight[past], k.time[past], k.type[past], k.value[past], k.types)
    return Query(at=at, user=user, history=history, attributes=attributes, context=context)
