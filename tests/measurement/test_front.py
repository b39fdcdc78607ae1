"""The front, by hand and against its definition; the stopwatch, with one that we turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regard.domain.candidates import Candidates
from regard.domain.request import NO_ROWS, Query
from regard.measurement.front import front
from regard.measurement.latency import list_latency


def test_the_front_by_hand() -> None:
    worth = [
        [3.0, 1.0, 1.0],  # the best first figure
        [2.0, 2.0, 1.0],  # a trade
        [2.0, 1.0, 1.0],  # no better than either in anything
        [1.0, 1.0, 2.0],  # the best last figure
        [2.0, 2.0, 1.0],  # equal to the trade
        [9.0, np.nan, 9.0],  # undefined
    ]
    assert front(np.array(worth)).tolist() == [True, True, False, True, True, False]


def test_the_front_is_what_nothing_dominates() -> None:
    worth = np.random.default_rng(0).integers(0, 4, (60, 3)).astype(np.float64)
    dominated = [any((other >= own).all() and (other > own).any() for other in worth) for own in worth]
    assert front(worth).tolist() == [not one for one in dominated]
    assert front(np.empty((0, 3))).tolist() == []


class Ticking:
    """A retriever whose answer to person u takes the next of `takes[u]` seconds on its own watch."""

    def __init__(self, takes: dict[int, list[float]]) -> None:
        self.takes, self.now = takes, 0.0

    def retrieve(self, query: Query, k: int) -> Candidates:
        self.now += self.takes[query.user].pop(0)
        return Candidates.of("ticking", NO_ROWS, np.empty(0))

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]


def test_latency_is_the_median_of_each_person_s_shortest() -> None:
    # the first answer does not count; then 4, 2, 3 -> 2; 5, 5, 9 -> 5; 1, 8, 8 -> 1 ms; their median is 2 ms
    model = Ticking({0: [1.0, 0.004, 0.002, 0.003], 1: [0.005, 0.005, 0.009], 2: [0.001, 0.008, 0.008]})
    found = list_latency(model, [Query(at=0.0, user=u) for u in range(3)], 10, lambda: model.now)
    np.testing.assert_allclose(found, 2.0)
    assert np.isnan(list_latency(model, [], 10))
