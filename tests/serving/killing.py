"""Killing: an installation's processes under load, killed at random moments, and what is in its store in the end."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from regard.data.postgres import Store
from regard.serving.settings import Settings
from tests.serving.processes import MAIN, answers, free_port, until
from tests.serving.serving import UNHURRIED

VICTIMS = ("server", "worker", "postmaster")
BATCH = 50  # events
WAIT = 0.5  # seconds at most before a kill
HASTE = 0.25  # share of the kills after which nobody waits until events are accepted again
LONG = 120.0  # seconds within which everything must be well again


@dataclass(eq=False)
class Kept:
    """A process that is started again whenever it ends, as a service manager does, until it is told to stop."""

    words: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    starts: int = 0
    _stopping: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._start()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    def kill(self) -> bool:
        """Kill -9, if it lives just now."""
        with self._lock:
            lives = self._process.poll() is None
            self._process.kill()
            return lives

    def stop(self) -> int:
        """As a service manager does; the exit code."""
        with self._lock:
            self._stopping = True
            self._process.terminate()
        self._keeper.join()
        return self._process.wait()

    def _start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as out:
            command = [sys.executable, "-c", MAIN, *self.words]
            self._process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)

    def _keep(self) -> None:
        while True:
            self._process.wait()
            with self._lock:
                if self._stopping:
                    return
                self._start()


@dataclass(eq=False)
class Sender:
    """An application that sends events with ids of its own, `size` a call; half of what fails it sends again."""

    name: str
    size: int
    client: httpx.Client
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)  # 0: no answer

    def run(self, stopping: threading.Event, rng: random.Random) -> None:
        """The load, until told to stop."""
        while not stopping.is_set():
            batch = [self._event(rng, len(self.sent) + n) for n in range(self.size)]
            self.sent |= {event["id"] for event in batch}
            while not self._accepted(batch) and not stopping.wait(0.2) and rng.random() < 0.5:
                pass

    def _event(self, rng: random.Random, n: int) -> dict[str, str]:
        user = f"u{rng.randrange(60)}" if rng.random() < 0.9 else f"{self.name} newcomer {n % 500}"
        return {"id": f"{self.name} {n}", "user": user, "item": f"f{rng.randrange(40)}", "type": "view"}

    def _accepted(self, batch: list[dict[str, str]]) -> bool:
        try:
            status = self.client.post("/v1/events", json=batch if self.size > 1 else batch[0]).status_code
        except httpx.TransportError:
            status = 0
        self.statuses[status] += 1
        accepted = 200 <= status < 300
        if accepted:
            self.acknowledged |= {event["id"] for event in batch}
        return accepted


@dataclass(frozen=True)
class Toll:
    """What came of it. starts: of the kept processes, the first ones too. codes: of their exits when told to stop.

    left: what still ran after that. slowest: seconds from a kill to the next accepted event, at most.
    """

    kills: Counter[str]
    starts: dict[str, int]
    codes: dict[str, int]
    left: list[str]
    slowest: float
    sent: set[str]
    acknowledged: set[str]
    statuses: Counter[int]
    stored: Counter[str]

    @property
    def lost(self) -> set[str]:
        """Acknowledged, and not there."""
        return self.acknowledged - self.stored.keys()

    @property
    def doubled(self) -> set[str]:
        """There more than once."""
        return {event for event, times in self.stored.items() if times > 1}


def kill_at_random(settings: Settings, key: str, kills: int, seed: int) -> Toll:
    """Serve an installation with the embedded store, send it events, and kill -9 one of its processes after another.

    Each third of the kills hits the server, the worker and the postmaster, in an order and after waits of the seed.
    """
    port, rng = free_port(), random.Random(seed)
    with client_at(port, key) as one, client_at(port, key) as other, client_at(port, key) as asking:
        senders = [Sender("one", 1, one), Sender("batch", BATCH, other)]
        kept = _kept(settings, port)
        try:
            until(lambda: answers(asking), kept["server"].log, LONG)
            with _sending(senders, rng):
                done, slowest = _kill(kept, settings, kills, senders[0], rng)
            _wait_for_all(settings, asking, kept)
        finally:
            codes = {name: process.stop() for name, process in kept.items()}
    return Toll(
        done,
        {name: process.starts for name, process in kept.items()},
        codes,
        running(settings.folder),
        slowest,
        set().union(*(sender.sent for sender in senders)),
        set().union(*(sender.acknowledged for sender in senders)),
        sum((sender.statuses for sender in senders), Counter[int]()),
        _stored(settings),
    )


def client_at(port: int, key: str) -> httpx.Client:
    """A client that waits longer than any answer takes."""
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=30)


def running(folder: Path) -> list[str]:
    """The living processes that work in this folder or are told of it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = [process.cwd(), *process.cmdline(), process.environ().get("REGARD_FOLDER", "")]
            if process.pid != os.getpid() and any(word.startswith(str(folder)) for word in told):
                found.append(" ".join(process.cmdline()))
    return found


def _kept(settings: Settings, port: int) -> dict[str, Kept]:
    own = {"REGARD_FOLDER": str(settings.folder), "REGARD_TENANT": settings.tenant, "REGARD_THREADS": "1"}
    environment = {name: said for name, said in os.environ.items() if name not in UNHURRIED} | own
    environment.pop("REGARD_DATABASE_URL", None)
    words = {"server": ["serve", "--port", str(port)], "worker": ["jobs", "work"]}
    return {name: Kept(said, environment, settings.folder / f"{name}.log") for name, said in words.items()}


@contextmanager
def _sending(senders: Sequence[Sender], rng: random.Random) -> Iterator[None]:
    stopping = threading.Event()
    own = [random.Random(rng.random()) for _ in senders]
    threads = [threading.Thread(target=one.run, args=(stopping, dice)) for one, dice in zip(senders, own, strict=True)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _kill(
    kept: Mapping[str, Kept], settings: Settings, kills: int, sender: Sender, rng: random.Random
) -> tuple[Counter[str], float]:
    """Whom it hit, and the longest that an event then took to be accepted."""
    order = [VICTIMS[n % len(VICTIMS)] for n in range(kills)]
    rng.shuffle(order)
    done, slowest = Counter[str](), 0.0
    for victim in order:
        threading.Event().wait(rng.random() * WAIT)
        until(kept[victim].kill if victim in kept else lambda: _kill_postmaster(settings), kept["server"].log, LONG)
        done[victim] += 1
        enough = len(sender.acknowledged) + 2  # the next answer may have been on its way
        if rng.random() > HASTE:
            again = until(lambda enough=enough: len(sender.acknowledged) >= enough, kept["server"].log, LONG)  # type: ignore[misc]
            slowest = max(slowest, again)
    return done, slowest


def _kill_postmaster(settings: Settings) -> bool:
    """Whether there was one."""
    with suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((settings.folder / "store/postgres/postmaster.pid").read_text().split()[0]))
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            process.kill()
            return True
    return False


def _wait_for_all(settings: Settings, asking: httpx.Client, kept: Mapping[str, Kept]) -> None:
    """Until the server answers and a worker that lives now gives a sign of life."""
    until(lambda: answers(asking), kept["server"].log, LONG)
    with Store.open(settings.store, settings.tenant) as store:
        with store.reading() as connection:
            ((since,),) = connection.execute(b"SELECT now()")

        def beats() -> bool:
            with store.reading() as connection:
                beat = b"SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > %s"
                return connection.execute(beat, (since,)).fetchone() is not None

        until(beats, kept["worker"].log, LONG)


def _stored(settings: Settings) -> Counter[str]:
    """How often the store holds each id that a sender gave."""
    with Store.open(settings.store, settings.tenant) as store, store.reading() as connection:
        return Counter(key for (key,) in connection.execute(b"SELECT key FROM events WHERE key IS NOT NULL"))
