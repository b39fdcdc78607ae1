"""Reader: the words of new and changed items are read beside the lists, some at a time; no list waits for them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import structlog

from regard.data.catalogue import Catalogue
from regard.domain.errors import RegardError
from regard.domain.records import Item
from regard.models.text_cache import Cached
from regard.serving.wiring import Live

AT_ONCE = 32  # items whose words are read and published together
AGAIN = 1.0  # seconds after which what could not be read is tried again
PAUSE = 0.01  # seconds after a first failure; each further one doubles them, up to AGAIN

log = structlog.get_logger("regard.reader")


@dataclass(eq=False)
class Reader:
    """A thread that reads what the catalogues of `lives` have unread, the newest changes first.

    An item that cannot be read holds up no other: where several fail they are tried one by one.
    """

    tenant: str
    encoder: Cached
    lives: Callable[[], Sequence[Live]]
    stopping: threading.Event
    _size: int = AT_ONCE
    _failures: int = 0  # in a row
    _put_off: dict[int, tuple[Item | None, float]] = field(default_factory=dict, repr=False)  # until when, by row
    _woken: threading.Event = field(default_factory=threading.Event, repr=False)
    _waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = field(default_factory=deque, repr=False)

    def wake(self) -> None:
        """Something may be unread, or it is time to stop."""
        self._woken.set()

    async def done(self, ids: Sequence[str], patience: float) -> None:
        """Wait, `patience` seconds at most, until the words of these items are read, or cannot be read now."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    turned = loop.create_future()
                    self._waiting.append((loop, turned))  # before we look: no turn is missed
                    if not any(self._awaited(live.catalogue, ids) for live in self.lives()):
                        return
                    await turned

    def run(self) -> None:
        """Until it is time to stop."""
        try:
            self.encoder.warm()  # the first new item should not wait until the text encoder is read
        except RegardError as error:
            log.warning("text encoder not ready", tenant=self.tenant, error=str(error)[:200])
        while not self.stopping.is_set():
            self._woken.clear()
            busy = any(self._turn(live) for live in self.lives())  # the live release first
            while self._waiting:
                loop, turned = self._waiting.popleft()
                with suppress(RuntimeError):  # of a loop that is closed
                    loop.call_soon_threadsafe(_tell, turned)
            if not busy or self._failures:
                self._woken.wait(min(AGAIN, PAUSE * 2 ** min(self._failures, 10)) if busy else AGAIN)

    def _turn(self, live: Live) -> bool:
        """Read some; whether there was anything to read."""
        now = time.monotonic()
        newest = (row for row in reversed(live.catalogue.unread) if self._due(live.catalogue, row, now))
        rows = list(islice(newest, self._size))
        try:
            read = live.catalogue.read(rows)
        except (
            Exception
        ) as error:  # whatever it is, lists go on without these words, and nobody else starts this thread
            self._fail(live.catalogue, rows, error)
            return True
        if rows:
            self._size, self._failures = min(AT_ONCE, 2 * self._size), 0
            live.read(read.tolist())
        for row in rows:
            self._put_off.pop(row, None)
        return bool(rows)

    def _fail(self, catalogue: Catalogue, rows: Sequence[int], error: Exception) -> None:
        self._size = 1
        if len(rows) > 1:
            return
        self._failures += 1
        for row in rows:
            self._put_off[row] = catalogue.changed(row), time.monotonic() + AGAIN
            why = {"kind": type(error).__name__, "error": " ".join(str(error).split())[:200]}
            log.warning("words not read", tenant=self.tenant, item=catalogue.id(row), **why)

    def _awaited(self, catalogue: Catalogue, ids: Sequence[str]) -> bool:
        now, unread = time.monotonic(), catalogue.unread
        return any(row in unread and self._due(catalogue, row, now) for row in catalogue.rows(ids).tolist())

    def _due(self, catalogue: Catalogue, row: int, now: float) -> bool:
        """Whether an unread row is not put off."""
        item, later = self._put_off.get(row, (None, 0.0))
        return later <= now or item is not catalogue.changed(row)


def _tell(turned: asyncio.Future[None]) -> None:
    if not turned.done():
        turned.set_result(None)
