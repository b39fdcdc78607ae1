"""Appending: a person's vector after one more event, from what a body remembers; their history is not read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from regard.domain.arrays import Vectors, check_shape
from regard.domain.errors import InvalidInput
from regard.domain.request import NO_ROWS, History, Query
from regard.models.networks.streams import START
from regard.models.onnx_session import session
from regard.models.person_tower import PersonTower, Piece


@dataclass(frozen=True, eq=False)
class PersonState:
    """What the events so far left, in one model; arrays and moments, so it can be kept anywhere.

    memory: (M, d), what the body goes on from. history: (1, d), what it says now. earlier: (1, d), the mean of the
    items before the first event that was read, 0 where none are. events: how many were read one by one. newest: when
    the last of them was; heard: when the last event was at all, read or not. None: never.
    """

    memory: Vectors
    history: Vectors
    earlier: Vectors
    events: int
    newest: float | None
    heard: float | None


@dataclass(frozen=True, eq=False)
class Appending:
    """One state after the other, over the graphs `step` and `fuse` of a tower whose body remembers."""

    tower: PersonTower

    def begin(self, past: History) -> PersonState:
        """The state after a history: its newest window, what lies before in sum, as PersonTower reads them."""
        piece, width = self.tower.newest(past), self.tower.item_vectors.shape[1]
        memory = np.zeros(self._memory, np.float32)
        state = PersonState(memory, np.zeros((1, width), np.float32), self.tower.mean(piece.earlier), 0, None, None)
        return self._after(state, piece, past)

    def append(self, state: PersonState, events: History) -> PersonState:
        """The state after more events, oldest first."""
        check_shape("PersonState.memory", state.memory, self._memory)
        times = [] if state.heard is None else [state.heard]
        if np.any(np.diff(np.array([*times, *events.times], np.float64)) < 0):
            raise InvalidInput(
                "append", "events in order of time, none before the newest", "an older one", "Begin with all of them."
            )
        return self._after(state, Piece(self.tower.known(events), False, state.newest, NO_ROWS), events)

    def vector(self, state: PersonState, query: Query) -> Vectors:
        """The person's vector (d,) in the moment of `query`, whose own history is not read."""
        heard = [] if state.heard is None else [state.heard]
        n = len(heard)
        query = query.with_history(History(np.full(n, START), np.zeros(n, np.float32), np.array(heard, np.float64)))
        beside = next(self.tower.beside([query]))
        (fused,) = _run(self._fuse, {**beside, "history": state.history, "earlier": state.earlier})
        return np.asarray(fused[0])

    def _after(self, state: PersonState, piece: Piece, heard: History) -> PersonState:
        history, memory, newest = state.history, state.memory, state.newest
        if piece.start or len(piece.events):
            history, memory = _run(self._step, {**self.tower.met(piece), "memory": state.memory})
        if len(piece.events):
            newest = float(piece.events.times[-1])
        last = float(heard.times[-1]) if len(heard) else state.heard
        return PersonState(memory, history, state.earlier, state.events + len(piece.events), newest, last)

    @cached_property
    def _memory(self) -> tuple[int, int]:
        """The shape of what the body remembers, (M, d)."""
        rows, width = next(entry.shape for entry in self._step.get_inputs() if entry.name == "memory")
        return rows, width

    @cached_property
    def _step(self) -> Any:
        return session("PersonTower.step", self.tower.step)

    @cached_property
    def _fuse(self) -> Any:
        return session("PersonTower.fuse", self.tower.fuse)


def appending(tower: PersonTower, body: str) -> Appending:
    """That of a tower; InvalidInput where its `body` has no memory of fixed size."""
    if len(tower.step):
        return Appending(tower)
    raise InvalidInput(
        "FittedBehaviour.begin",
        "a model whose body remembers (gru, lstm, convolution), fitted since bodies do",
        f"{body} without the graphs of one step",
        "Fit with such a body, or read the whole history with `encode`.",
    )


def _run(graph: Any, inputs: dict[str, Any]) -> Sequence[Any]:
    """What the graph says; inputs that do not count left it."""
    said: Sequence[Any] = graph.run(None, {entry.name: inputs[entry.name] for entry in graph.get_inputs()})
    return said
