"""Gathering: calls that come at once, or while others are under way, go together, each with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from regard.domain.errors import Unavailable

Asked = TypeVar("Asked")
Said = TypeVar("Said")


class Gathering(Generic[Asked, Said]):
    """`work` answers up to `most` calls at once, in a thread of its own; an exception in its answer is raised there.

    Who asks in one turn of the event loop goes along. `lingers`: so does who asks in the next turns, until one brings
    nobody; for work that costs a batch more than a call.
    Nobody waits longer than `patience` seconds (None: as long as it takes): then, and until a batch succeeds again,
    calls fail at once with Unavailable, but for one a second, which tries. What nobody waits for any more when its
    turn comes is left out, unless the work `keeps` all that was asked.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[Asked]], Sequence[Said | Exception]],
        most: int,
        patience: float | None,
        lingers: bool = False,
        keeps: bool = False,
    ) -> None:
        self.name, self._work, self._most, self._patience, self._lingers = name, work, most, patience, lingers
        self._keeps = keeps
        self._waiting: list[tuple[Asked, asyncio.Future[Said]]] = []
        self._busy = False
        self._away_until: float | None = None
        self._thread = ThreadPoolExecutor(1, f"regard-{name}")

    async def __call__(self, asked: Asked) -> Said:
        """The answer to one call."""
        loop = asyncio.get_running_loop()
        if self._away_until is not None:
            if loop.time() < self._away_until:
                raise self._away("no answer a moment ago")
            self._away_until = loop.time() + 1.0
        future: asyncio.Future[Said] = loop.create_future()
        self._waiting.append((asked, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._start, loop, 0)
        try:
            async with asyncio.timeout(self._patience):
                return await future
        except TimeoutError:
            self._away_until = loop.time() + 1.0
            raise self._away(f"no answer within {self._patience:g} s") from None
        except Unavailable:
            self._away_until = loop.time() + 1.0
            raise

    async def close(self) -> None:
        """Wait for all that was asked; then the thread ends."""
        while self._busy:
            await asyncio.sleep(0.01)
        self._thread.shutdown(wait=True)

    def _start(self, loop: asyncio.AbstractEventLoop, before: int) -> None:
        """Begin a batch, or linger for one more turn where this one brought more than the `before` that waited."""
        if self._lingers and before < len(self._waiting) < self._most:
            loop.call_soon(self._start, loop, len(self._waiting))
            return
        if not self._keeps:
            self._waiting = [(asked, future) for asked, future in self._waiting if not future.done()]
        if not self._waiting:
            self._busy = False
            return
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            task = loop.run_in_executor(self._thread, self._work, [asked for asked, _ in batch])
        except RuntimeError as error:  # closed meanwhile
            self._busy = False
            self._tell(batch, [error] * len(batch))
            return
        task.add_done_callback(lambda done: self._done(loop, batch, done))

    def _done(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[Asked, asyncio.Future[Said]]],
        done: asyncio.Future[Sequence[Said | Exception]],
    ) -> None:
        error: BaseException | None = asyncio.CancelledError() if done.cancelled() else done.exception()
        said: Sequence[Said | BaseException] = [] if error is not None else done.result()
        if error is None and len(said) != len(batch):
            error = RuntimeError(f"{self.name}: {len(said)} answers to {len(batch)} calls")
        if error is None:
            self._away_until = None
        self._tell(batch, said if error is None else [error] * len(batch))
        self._busy = bool(self._waiting)
        if self._busy:
            self._start(loop, 0)

    @staticmethod
    def _tell(batch: list[tuple[Asked, asyncio.Future[Said]]], said: Sequence[Said | BaseException]) -> None:
        for (_, future), one in zip(batch, said, strict=True):
            if future.done():  # nobody waits any more
                continue
            if isinstance(one, BaseException):
                future.set_exception(one)
            else:
                future.set_result(one)

    def _away(self, got: str) -> Unavailable:
        return Unavailable("the store", "an answer", got, "Try again in a second.")
