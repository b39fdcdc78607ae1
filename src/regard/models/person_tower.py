"""PersonTower: a person's vector from the newest events of their history, by an ONNX graph; no torch needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Vectors
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.request import Query
from regard.models.networks.streams import gaps


@dataclass(frozen=True, eq=False)
class PersonTower:
    """Encoder[Query]: reads the last `window` events of positive weight with items that it knows.

    item_vectors: (I, d). graph: the bytes (b,) uint8 of an ONNX graph, `vectors` (1, h, d) and `gaps` (1, h) to
    `person` (1, d). One history at a time on one thread, so that nobody's vector depends on the batch.
    """

    item_vectors: Vectors
    graph: NDArray[np.uint8]
    window: int

    def encode(self, entities: Sequence[Query]) -> Vectors:
        """(Q,) -> (Q, d); zeros without a known event."""
        found = np.zeros((len(entities), self.item_vectors.shape[1]), np.float32)
        for place, query in enumerate(entities):
            rows, codes = self.read(query)
            if len(rows):
                vectors = np.asarray(self.item_vectors[rows], np.float32)[None]
                found[place] = self._session.run(None, {"vectors": vectors, "gaps": codes[None]})[0][0]
        return found

    def read(self, query: Query) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows and the gap codes that count, oldest first, both (h,) with h <= window."""
        past = query.history
        known = (np.asarray(past.weights) > 0) & (past.rows >= 0) & (past.rows < len(self.item_vectors))
        times = np.asarray(past.times, np.float64)[known]
        codes = gaps(times, np.array([0, len(times)]))
        return np.asarray(past.rows)[known].astype(np.int64)[-self.window :], codes[-self.window :]

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise Unavailable(
                "PersonTower", "the package onnxruntime", str(error), "pip install onnxruntime"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(self.graph.tobytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own making
            raise InvalidInput(
                "PersonTower.graph", "an ONNX graph", str(error)[:200], "Fit the model again."
            ) from error
