"""Beside: `regard jobs work` in a process beside the server, for each tenant; it ends with the one that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec

import structlog

from regard.data.postgres import Store
from regard.domain.errors import RegardError
from regard.serving.running import handed_down
from regard.serving.settings import Settings

COMMAND = """from regard.serving.stopping import end_with_parent
end_with_parent()
from regard.serving.cli import main
main()"""
GRACE = 20.0  # seconds that a job at work has to stop
AGAIN = 5.0  # seconds until a worker that has ended by itself is started again

log = structlog.get_logger("regard.beside")


def can_work() -> bool:
    """Whether jobs can be done here: the extra `fitting` is installed."""
    return find_spec("procrastinate") is not None


@contextmanager
def jobs_beside(settings: Settings) -> Iterator[None]:
    """The jobs of all tenants are done beside whatever is done inside, and end with it."""
    with ExitStack() as stack:
        for tenant in settings.tenants or (settings.tenant,):
            stack.enter_context(_worker(replace(settings, tenant=tenant, tenants=())))
        yield


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    """One that is started again where it ends by itself, until the block is left."""
    stopping, alive = threading.Event(), [_started(settings)]

    def keep() -> None:
        while True:
            code = alive[0].wait()
            if stopping.wait(AGAIN):
                return
            log.warning("jobs ended, and begin again", tenant=settings.tenant, code=code)
            alive[0] = _started(settings)

    keeper = threading.Thread(target=keep, name=f"regard-jobs-{settings.tenant}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        alive[0].terminate()
        keeper.join(GRACE)
        if keeper.is_alive():  # in the middle of a fit; the job stays resumable
            alive[0].kill()
            keeper.join()
        if alive[0].wait() < 0 and not settings.database_url:
            with suppress(RegardError):  # an embedded server is stopped by its last client, which was killed
                Store.open(settings.store, settings.tenant).close()


def _started(settings: Settings) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches the server first; our end of its input tells it that we live."""
    words = [sys.executable, "-c", COMMAND, "jobs", "work", "--folder", str(settings.folder)]
    environment = {**os.environ, **handed_down(settings)}
    return subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, start_new_session=True)
