"""PersonTower: a person's vector from what they did, who and where they are, by an ONNX graph; no torch needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Array, Rows, Vectors
from regard.domain.request import History, Query
from regard.models.networks.padding import padded_row
from regard.models.networks.streams import START, Reading, gaps
from regard.models.onnx_session import session
from regard.models.sides import Sides

Graph = NDArray[np.uint8]  # the bytes of an ONNX graph, (b,)
NO_GRAPH: Graph = np.zeros(0, np.uint8)


class Piece(NamedTuple):
    """Events to read one by one (with `start`, after the place before a person's first), the time of the event before
    them, and the items to read in sum before them, newest first."""

    events: History
    start: bool
    since: float | None
    earlier: Rows


@dataclass(frozen=True, eq=False)
class PersonTower:
    """Encoder[Query]: reads the newest events of positive weight with items that it knows.

    item_vectors: (I, d). start: (d,), the vector in place of an item before the first event. graph: of a whole history
    (networks/next_item.py); step, fuse: of one more event and of what it leaves (networks/stepping.py), empty where the
    body has no memory. One history at a time on one thread, so that nobody's vector depends on the batch.
    """

    item_vectors: Vectors
    start: Vectors
    graph: Graph
    reading: Reading
    sides: Sides
    step: Graph = field(default_factory=lambda: NO_GRAPH)
    fuse: Graph = field(default_factory=lambda: NO_GRAPH)

    def encode(self, entities: Sequence[Query]) -> Vectors:
        """(Q,) -> (Q, d)"""
        found = np.zeros((len(entities), self.item_vectors.shape[1]), np.float32)
        for place, (vector, _) in enumerate(self._run(entities)):
            found[place] = vector
        return found

    def gates(self, query: Query) -> NDArray[np.float32]:
        """How much each part of the vector counts, (P,), sums to 1: see PARTS in networks/people.py."""
        return np.asarray(next(self._run([query]))[1])

    def read(self, query: Query) -> tuple[Rows, Rows]:
        """The item rows read one by one, oldest first, and those read in sum before them, newest first."""
        piece = self.newest(query.history)
        return np.asarray(piece.events.rows, np.int64), piece.earlier

    def known(self, past: History) -> History:
        """The events that count."""
        known = (np.asarray(past.weights) > 0) & (past.rows >= 0) & (past.rows < len(self.item_vectors))
        return past.where(np.asarray(known, np.bool_))

    def newest(self, past: History) -> Piece:
        """What is read of a history: its newest window, and what lies before."""
        past = self.known(past)
        before = max(0, len(past) - self.reading.window)
        events = past.where(np.arange(len(past)) >= before)
        earlier = np.asarray(past.rows[:before], np.int64)[::-1][: self.reading.summary]
        since = float(past.times[before - 1]) if before else None
        return Piece(events, len(events) < self.reading.window, since, earlier)

    def _run(self, queries: Sequence[Query]) -> Iterator[tuple[Vectors, Vectors]]:
        """The vector and the gates of each."""
        for query, beside in zip(queries, self.beside(queries), strict=True):
            piece = self.newest(query.history)
            inputs = {**self.met(piece), **beside, "earlier": self.mean(piece.earlier)}
            fused, gates = self._session.run(None, {name: inputs[name] for name in self._names})
            yield fused[0], gates[0]

    def met(self, piece: Piece) -> dict[str, Any]:
        """The events as a graph reads them: vectors (1, h, d); gaps, actions and values (1, h)."""
        past, start = piece.events, int(piece.start)
        rows, before = np.asarray(past.rows, np.int64), [] if piece.since is None else [piece.since]
        times = np.array([*before, *past.times], np.float64)
        codes = gaps(times, np.array([0, len(times)]))[len(before) :]
        actions = np.concatenate([np.full(start, START), self.reading.actions(past.types, past.actions)])
        values = np.concatenate([np.zeros(start), self.reading.scaled(past.values)])
        return {
            "vectors": np.concatenate([self.start[None][:start], self.item_vectors[rows]]).astype(np.float32)[None],
            "gaps": np.concatenate([np.zeros(start, np.int64), codes])[None],
            "actions": actions[None] % (len(self.reading.types) + 1),  # -1, not known, is the last row
            "values": values.astype(np.float32)[None],
        }

    def beside(self, queries: Sequence[Query]) -> Iterator[dict[str, Any]]:
        """Person and moment of each as a graph reads them: index and weight, (1, T) each."""
        people, moments = self.sides.of(queries)
        for place in range(len(queries)):
            (person, person_weight), (moment, moment_weight) = padded_row(people, place), padded_row(moments, place)
            yield {
                "person": person,
                "person_weight": person_weight,
                "moment": moment,
                "moment_weight": moment_weight,
            }

    def mean(self, rows: Rows) -> Vectors:
        """The mean vector of items, (1, d); of none 0."""
        if not len(rows):
            return np.zeros((1, self.item_vectors.shape[1]), np.float32)
        return np.asarray(self.item_vectors[rows].mean(axis=0, keepdims=True, dtype=np.float32))

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps it, but for how it reads."""
        held: dict[str, Array] = {"item_vectors": self.item_vectors, "start": self.start, "graph": self.graph}
        steps = {"step": self.step, "fuse": self.fuse} if len(self.step) else {}
        return {**held, **steps, **self.sides.arrays()}

    @staticmethod
    def from_arrays(held: Mapping[str, Array], reading: Reading) -> PersonTower:
        """As it was; what was kept before bodies had a memory has none."""
        steps = held.get("step", NO_GRAPH), held.get("fuse", NO_GRAPH)
        sides = Sides.from_arrays(held)
        return PersonTower(held["item_vectors"], held["start"], held["graph"], reading, sides, *steps)

    @cached_property
    def _names(self) -> list[str]:
        """The inputs that the graph has; what does not count left it."""
        return [entry.name for entry in self._session.get_inputs()]

    @cached_property
    def _session(self) -> Any:
        return session("PersonTower.graph", self.graph)
