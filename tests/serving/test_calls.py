"""Calls to the store have threads of their own, and no patience with a store that answers nobody."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from regard.data.postgres import Store
from regard.domain.errors import NotFound, Unavailable
from regard.serving.calls import Calls
from tools.map import ROOT

THREADS = 4


def run(store: Store, answers: Callable[[], Awaitable[object]], story: Callable[[Calls], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        calls = Calls(store, 0.01, 30.0, THREADS, answers)
        found = await story(calls)
        await calls.close()
        return found

    return asyncio.run(whole())


async def answers_nobody() -> None:
    raise Unavailable("the store", "an answer", "none", "Try again.")


def test_a_long_call_is_waited_for_while_the_store_answers_others(store: Store) -> None:
    ends, asked = threading.Event(), []

    async def answers() -> None:
        asked.append("anybody?")
        if len(asked) == 3:
            ends.set()

    assert run(store, answers, lambda calls: calls(ends.wait, 60)) is True
    assert len(asked) >= 3


def test_what_was_given_up_before_it_began_never_begins(store: Store) -> None:
    go_on, began, free = threading.Event(), [], threading.Semaphore(0)

    def work(n: int) -> None:
        began.append(n)
        free.release()
        assert go_on.wait(60)

    async def story(calls: Calls) -> list[Any]:
        first = [asyncio.ensure_future(calls(work, n)) for n in range(THREADS)]
        said = await asyncio.gather(*first, calls(work, THREADS), calls.write(work, -1), return_exceptions=True)
        go_on.set()
        return said

    said = run(store, answers_nobody, story)
    assert [type(one) for one in said] == [Unavailable] * (THREADS + 2)
    assert [getattr(one, "hint", "") for one in said[-2:]] == [
        "Try again.",
        "Try again. What was asked may have happened all the same; sent again, it is done once.",
    ]
    assert sorted(began) == list(range(THREADS))


def test_an_error_of_the_work_is_the_callers(store: Store) -> None:
    async def answers() -> None:
        """It does."""

    async def story(calls: Calls) -> None:
        with pytest.raises(NotFound):
            await calls(store.user, "nobody")
        with pytest.raises(NotFound):
            await calls.write(store.user, "nobody")

    run(store, answers, story)


def test_no_route_goes_past_these_calls_but_for_what_needs_no_store() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "src/regard/serving/api").glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "asyncio.to_thread"}
    assert given == {"answers.similar_to", "answers.people_like"}
