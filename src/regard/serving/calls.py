"""Calls: what routes want of the store, in threads of its own and with one patience for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from regard.data.postgres import Store
from regard.domain.errors import RegardError, Unavailable
from regard.domain.records import Event

DONE = "What was asked may have happened all the same; sent again, it is done once."

Given = ParamSpec("Given")
Found = TypeVar("Found")


class Calls:
    """Blocking work at the store, so that nothing else in a request waits behind one that hangs.

    Who has waited for `patience` seconds asks whether the store `answers` anybody, again and again: a long call of a
    store that does is waited for; else both end with Unavailable. What nobody waits for any more is not begun, and no
    connection is held for longer than `held` seconds.
    """

    def __init__(
        self, store: Store, patience: float, held: float, threads: int, answers: Callable[[], Awaitable[object]]
    ) -> None:
        self._store, self._patience, self._held, self._answers = store, patience, held, answers
        self._threads = ThreadPoolExecutor(threads, "regard-calls")

    async def __call__(self, work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """What the work says, or its error."""

        def begin() -> Found:
            with self._store.within(self._held):
                return work(*given, **named)

        task = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, begin)
        try:
            while not (await asyncio.wait([task], timeout=self._patience))[0]:
                await self._answers()
        finally:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left to hear it
            task.cancel()
        return task.result()

    async def write(self, work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """The same for work that changes something: Unavailable says that it may have."""
        try:
            return await self(work, *given, **named)
        except Unavailable as error:
            raise Unavailable(error.where, error.expected, error.got, f"{error.hint} {DONE}".strip()) from error

    async def close(self) -> None:
        """Wait for what was begun; then the threads end."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


def append_each(store: Store, calls: Sequence[Sequence[Event]]) -> list[Exception | None]:
    """The events of many calls in one commit; the error of each call that has what the store cannot keep."""
    try:
        store.append(*calls)
    except Unavailable:
        raise
    except RegardError:  # each on its own
        return [_append(store, call) for call in calls]
    return [None] * len(calls)


def _append(store: Store, call: Sequence[Event]) -> Exception | None:
    try:
        store.append(call)
    except RegardError as error:
        return error
    return None
