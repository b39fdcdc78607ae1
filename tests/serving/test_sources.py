"""A source at work: how long it may take, for one request and for many."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.domain.errors import Unavailable
from regard.domain.request import Query
from regard.serving import sources
from regard.serving.sources import AtWork


class Clocked:
    """A source that takes `each` seconds a request, by a clock of its own; `threads` are those that asked it."""

    name, n_items = "clocked", 3

    def __init__(self, each: float) -> None:
        self.each, self.now = each, 0.0
        self.threads: list[str] = []

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.now

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        self.now += self.each * len(queries)
        self.threads.append(threading.current_thread().name)
        return np.tile(np.array([1, 3, 2], np.float32), (len(queries), 1))


@pytest.mark.parametrize(("each", "aside"), [(0.09, False), (0.11, True)])
def test_many_requests_may_take_as_long_as_as_many_alone(
    each: float, aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Clocked(each)
    monkeypatch.setattr(sources, "time", source)
    at_work, queries = AtWork(source, "clocked", 0.1), [Query(at=0.0) for _ in range(20)]
    for _ in range(2):
        assert [found.rows.tolist() for found in at_work.retrieve_many(queries, 2)] == [[1, 2]] * 20
    here = threading.current_thread().name
    assert source.threads[0] == here
    assert (source.threads[1] != here) == aside  # too slow once: from then on it is not waited for beyond its budget


def test_what_was_said_in_another_thread_is_not_asked_again_and_goes_with_its_request() -> None:
    source, query = Clocked(0.01), Query(at=0.0)
    at_work = AtWork(source, "clocked", 0.1)
    with ThreadPoolExecutor(1) as other:
        other.submit(at_work.retrieve, query, 2).result()
    assert at_work.at(query, np.array([0, 1])).tolist() == [1, 3]
    assert len(source.threads) == 1
    at_work.retrieve(query, 2)
    gone = weakref.ref(query)
    del query
    gc.collect()
    assert gone() is None  # a look holds no request, and is let go with it


def test_what_was_left_out_goes_with_its_request_too() -> None:
    class Broken(Clocked):
        def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
            raise RuntimeError

    at_work, query = AtWork(Broken(0.0), "broken", 0.1), Query(at=0.0)
    with pytest.raises(Unavailable):
        at_work.retrieve(query, 2)
    assert at_work.at(query, np.array([0, 1])).tolist() == [0, 0]
    with pytest.raises(Unavailable):
        at_work.retrieve(query, 2)
    gone = weakref.ref(query)
    del query
    gc.collect()
    assert gone() is None


def test_who_waits_for_others_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    class Crowded(Clocked):
        def thread_time(self) -> float:
            return self.now / 4

    source = Crowded(0.11)
    monkeypatch.setattr(sources, "time", source)
    at_work = AtWork(source, "crowded", 0.1)
    for _ in range(2):
        at_work.retrieve(Query(at=0.0), 2)
    assert set(source.threads) == {threading.current_thread().name}
