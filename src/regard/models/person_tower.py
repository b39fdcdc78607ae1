"""PersonTower: a person's vector from what they did, who and where they are, by an ONNX graph; no torch needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Vectors
from regard.domain.request import History, Query
from regard.models.networks.padding import Padded, padded_row
from regard.models.networks.streams import START, Reading, gaps
from regard.models.onnx_session import session
from regard.models.sides import Sides


@dataclass(frozen=True, eq=False)
class PersonTower:
    """Encoder[Query]: reads the newest events of positive weight with items that it knows.

    item_vectors: (I, d). start: (d,), the vector in place of an item before the first event. graph: the bytes (b,)
    uint8 of the ONNX graph (networks/next_item.py). One history at a time on one thread, so that nobody's vector
    depends on the batch.
    """

    item_vectors: Vectors
    start: Vectors
    graph: NDArray[np.uint8]
    reading: Reading
    sides: Sides

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
        return self._window(self._known(query))

    def _window(self, past: History) -> tuple[Rows, Rows]:
        rows = np.asarray(past.rows, np.int64)
        window = rows[-self.reading.window :]
        return window, rows[: len(rows) - len(window)][::-1][: self.reading.summary]

    def _known(self, query: Query) -> History:
        past = query.history
        known = (np.asarray(past.weights) > 0) & (past.rows >= 0) & (past.rows < len(self.item_vectors))
        return past.where(np.asarray(known, np.bool_))

    def _run(self, queries: Sequence[Query]) -> Iterator[tuple[Vectors, Vectors]]:
        """The vector and the gates of each."""
        people, moments = self.sides.of(queries)
        for place, query in enumerate(queries):
            inputs = self._inputs(query, padded_row(people, place), padded_row(moments, place))
            fused, gates = self._session.run(None, {name: inputs[name] for name in self._names})
            yield fused[0], gates[0]

    def _inputs(self, query: Query, who: Padded, where: Padded) -> dict[str, Any]:
        past = self._known(query)
        window, earlier = self._window(past)
        h, codes = len(window), gaps(np.asarray(past.times, np.float64), np.array([0, len(past)]))
        first = int(h < self.reading.window)  # the place before the first event
        actions = self.reading.actions(past.types, past.actions)
        (person, person_weight), (moment, moment_weight) = who, where
        inputs: dict[str, Any] = {
            "vectors": np.concatenate([self.start[None][:first], self.item_vectors[window]]).astype(np.float32)[None],
            "gaps": np.concatenate([np.zeros(first, np.int64), codes[len(codes) - h :]])[None],
            "actions": np.concatenate([np.full(first, START), actions[len(actions) - h :]])[None],
            "values": np.concatenate([np.zeros(first), self.reading.scaled(past.values)[len(past) - h :]])[None],
            "person": person,
            "person_weight": person_weight,
            "moment": moment,
            "moment_weight": moment_weight,
            "earlier": np.zeros((1, self.item_vectors.shape[1]), np.float32),
        }
        inputs["actions"] = inputs["actions"] % (len(self.reading.types) + 1)  # -1, not known, is the last row
        inputs["values"] = inputs["values"].astype(np.float32)
        if len(earlier):
            inputs["earlier"] = self.item_vectors[earlier].mean(axis=0, keepdims=True, dtype=np.float32)
        return inputs

    @cached_property
    def _names(self) -> list[str]:
        """The inputs that the graph has; what does not count left it."""
        return [entry.name for entry in self._session.get_inputs()]

    @cached_property
    def _session(self) -> Any:
        return session("PersonTower.graph", self.graph)
