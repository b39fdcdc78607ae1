"""Calls side by side give what they give one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from regard.serving.side_by_side import SideBySide, helpers_of


def _square(n: int) -> int:
    return n * n


@pytest.mark.parametrize("helpers", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_answers_come_in_the_order_of_the_calls(helpers: int, n: int) -> None:
    assert SideBySide(helpers)([partial(_square, one) for one in range(n)]) == [one * one for one in range(n)]


def test_they_run_at_once() -> None:
    meet = threading.Barrier(2, timeout=30)
    assert len(SideBySide(1)([meet.wait, meet.wait])) == 2


def test_who_calls_does_all_of_it_where_the_helpers_are_busy() -> None:
    busy, free = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        assert free.wait(30)

    side_by_side = SideBySide(1)
    other = threading.Thread(target=side_by_side, args=([hold, int],))
    other.start()
    assert busy.wait(30)
    calls: list[Callable[[], int]] = [threading.get_ident] * 3
    assert side_by_side(calls) == [threading.get_ident()] * 3
    free.set()
    other.join()


def test_an_exception_is_raised_where_it_was_asked_for() -> None:
    with pytest.raises(ZeroDivisionError):
        SideBySide(1)([lambda: 1 // 0, lambda: 1])


def test_helpers_are_as_many_as_processors_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    assert [helpers_of(workers) for workers in (1, 2, 4, 8, 16)] == [4, 3, 1, 0, 0]
