"""Latency: how long one person waits for one list, by a stopwatch: a measurement, another one on another day."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from regard.domain.protocols import Retriever
from regard.domain.request import Query


def list_latency(
    model: Retriever, queries: Sequence[Query], k: int, stopwatch: Callable[[], float] = time.perf_counter
) -> float:
    """The median over people of the shortest of three times for a list of `k`, in milliseconds; NaN without queries.

    Each query alone, after one that does not count; the shortest, because what disturbs a stopwatch only adds.
    `stopwatch` gives seconds.
    """
    if not queries:
        return float("nan")
    model.retrieve(queries[0], k)
    return float(np.median([min(_timed(model, query, k, stopwatch) for _ in range(3)) for query in queries]))


def _timed(model: Retriever, query: Query, k: int, stopwatch: Callable[[], float]) -> float:
    begun = stopwatch()
    model.retrieve(query, k)
    return 1000 * (stopwatch() - begun)
