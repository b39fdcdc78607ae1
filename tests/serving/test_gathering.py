"""Calls go together: those of one moment at once, later ones in the next batch, each with its own answer or error."""

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

from regard.domain.errors import Unavailable
from regard.serving.gathering import Gathering


class Work:
    """Answers numbers with their double, 13 with an error, 77 not, batches with 99 not at all; notes every batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, asked: list[int]) -> list[int | Exception]:
        self.batches.append(asked)
        if not self.open.wait(10):
            raise AssertionError("nobody opened")
        if 99 in asked:
            raise Unavailable("the store", "an answer", "none")
        return [ValueError("13") if one == 13 else 2 * one for one in asked if one != 77]

    async def begun(self) -> None:
        while not self.batches:
            await asyncio.sleep(0.001)


def run(
    work: Work, story: Any, most: int = 4, patience: float | None = None, lingers: bool = False, keeps: bool = False
) -> Any:
    async def whole() -> Any:
        gathering = Gathering[int, int]("test", work, most, patience, lingers, keeps)
        try:
            return await story(gathering)
        finally:
            work.open.set()
            await gathering.close()

    return asyncio.run(whole())


async def _all(*calls: Awaitable[int]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


def test_calls_of_one_moment_go_together_and_no_more_than_most() -> None:
    work = Work()
    assert run(work, lambda ask: _all(*(ask(n) for n in range(6)))) == [0, 2, 4, 6, 8, 10]
    assert work.batches == [[0, 1, 2, 3], [4, 5]]


def test_those_who_are_answered_together_ask_again_together() -> None:
    work = Work()

    async def twice(ask: Any) -> Any:
        async def client(n: int) -> int:
            return await ask(10 + await ask(n))  # type: ignore[no-any-return]

        return await _all(*(client(n) for n in range(3)))

    assert run(work, twice) == [20, 24, 28]
    assert work.batches == [[0, 1, 2], [10, 12, 14]]


@pytest.mark.parametrize("lingers", [True, False])
def test_who_comes_a_turn_of_the_loop_later_goes_along_where_the_work_lingers(lingers: bool) -> None:
    work = Work()

    async def story(ask: Any) -> Any:
        async def late(n: int) -> int:
            for _ in range(n):
                await asyncio.sleep(0)
            return await ask(n)  # type: ignore[no-any-return]

        return await _all(*(late(n) for n in range(3)))

    assert run(work, story, lingers=lingers) == [0, 2, 4]
    assert (work.batches == [[0, 1, 2]]) == lingers


def test_who_comes_while_a_batch_is_under_way_goes_in_the_next() -> None:
    work = Work()
    work.open.clear()

    async def story(ask: Any) -> Any:
        first = asyncio.create_task(ask(1))
        await work.begun()
        later = [asyncio.create_task(ask(n)) for n in (2, 3)]
        await asyncio.sleep(0)
        work.open.set()
        return await _all(first, *later)

    assert run(work, story) == [2, 4, 6]
    assert work.batches == [[1], [2, 3]]


def test_an_error_of_one_is_nobody_elses() -> None:
    one, error, other = run(Work(), lambda ask: _all(ask(1), ask(13), ask(2)))
    assert (one, other) == (2, 4)
    assert isinstance(error, ValueError)


def test_without_an_answer_the_next_ones_are_told_at_once() -> None:
    work = Work()

    async def story(ask: Any) -> Any:
        first = await _all(ask(99), ask(1))
        return first + await _all(ask(2))

    said = run(work, story)
    assert all(isinstance(one, Unavailable) for one in said)
    assert work.batches == [[99, 1]]


def test_patience_ends_and_close_waits_for_the_work() -> None:
    work = Work()
    work.open.clear()

    async def story(ask: Any) -> Any:
        with pytest.raises(Unavailable, match=r"no answer within 0\.01 s"):
            await ask(1)

    run(work, story, patience=0.01)
    assert work.batches == [[1]]


@pytest.mark.parametrize("keeps", [True, False])
def test_what_nobody_waits_for_is_left_out_unless_the_work_keeps_all(keeps: bool) -> None:
    work = Work()
    work.open.clear()

    async def story(ask: Any) -> Any:
        first = asyncio.create_task(ask(1))
        await work.begun()
        gone = asyncio.create_task(ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        work.open.set()
        await first

    run(work, story, keeps=keeps)
    assert work.batches == ([[1], [2]] if keeps else [[1]])


def test_who_goes_away_takes_nobody_along() -> None:
    work = Work()
    work.open.clear()

    async def story(ask: Any) -> Any:
        gone, stays = asyncio.create_task(ask(1)), asyncio.create_task(ask(2))
        await work.begun()
        gone.cancel()
        work.open.set()
        return await _all(gone, stays)

    gone, stays = run(work, story)
    assert isinstance(gone, asyncio.CancelledError)
    assert stays == 4


def test_too_few_answers_are_an_error_of_all_and_of_nobody_after_them() -> None:
    work = Work()

    async def story(ask: Any) -> Any:
        short = await _all(ask(77), ask(1))
        return short, await ask(2)

    short, after = run(work, story)
    assert [str(one) for one in short] == ["test: 1 answers to 2 calls"] * 2
    assert after == 4


def test_who_calls_after_the_end_is_told() -> None:
    async def story(ask: Any) -> Any:
        await ask.close()
        with pytest.raises(RuntimeError, match="shutdown"):
            await ask(1)

    run(Work(), story)
