"""Running: the server's processes, from settings on the command line to a graceful stop."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import structlog
import uvicorn

from regard.data.keys import create_key, list_keys
from regard.data.postgres import Store
from regard.domain.errors import Conflict
from regard.serving.settings import Settings
from regard.serving.side_by_side import helpers_of
from regard.serving.stopping import STOPPED

GRACE = 10  # seconds that requests under way have to end
FIRST_KEY = "first"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to our own server


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and with how many processes."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1

    @property
    def url(self) -> str:
        """What to open."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def when_ready(address: Address, tell: Callable[[], None]) -> None:
    """Call `tell`, from a thread of its own, once the server answers there."""

    def wait() -> None:
        while True:
            try:
                DIRECT.open(f"{address.url}/health/ready", timeout=5).close()
                break
            except OSError:  # not yet
                time.sleep(0.1)
        tell()

    threading.Thread(target=wait, name="regard-ready", daemon=True).start()


def must_be_free(address: Address) -> None:
    """Conflict where somebody listens already; better said before the work than after it."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        socket.create_server((address.host, address.port), family=family).close()
    except OSError as error:
        got, hint = error.strerror or str(error), "Name another one: --port N"
        raise Conflict(f"{address.host}:{address.port}", "an address to listen on", got, hint) from error


def serve(settings: Settings, address: Address, page: bool = False) -> None:
    """Serve until told to stop (SIGTERM, SIGINT); requests under way are answered, then the store is let go.

    `page`: the page of `/` needs no key.
    """
    must_be_free(address)
    os.environ.setdefault("REGARD_HELPERS", str(settings.helpers or helpers_of(address.workers)))
    os.environ |= handed_down(settings) | ({"REGARD_PAGE_SECRET": secrets.token_hex(32)} if page else {})
    try:
        with _shared(settings, address.workers):
            uvicorn.run(
                "regard.serving.app:from_environment",
                factory=True,
                host=address.host,
                port=address.port,
                workers=address.workers,
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=GRACE,
                server_header=False,
                backlog=4096,
            )
    except SystemExit as ending:
        if ending.code != STOPPED:  # told to stop, and it did
            raise


@contextmanager
def _shared(settings: Settings, workers: int) -> Iterator[None]:
    """What several workers have together: a folder for their figures while they run, and the limit of each key."""
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="regard-figures-") as folder:
        os.environ |= {"PROMETHEUS_MULTIPROC_DIR": folder, "REGARD_RATE": str(settings.rate / workers)}
        yield


def first_keys(settings: Settings) -> dict[str, str]:
    """An admin key for each tenant served that has no key at all yet, by tenant."""
    made = {}
    for tenant in settings.tenants or (settings.tenant,):
        with Store.open(settings.store, tenant) as store:
            if not list_keys(store):
                made[tenant] = create_key(store, FIRST_KEY, "admin")
    return made


def log_as_json() -> None:
    """Every line of the log as one JSON object on stderr, those of libraries too."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared)
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def handed_down(settings: Settings) -> dict[str, str]:
    """Settings for other processes, which read the environment: what it said before gives way to these."""
    return {
        "REGARD_FOLDER": str(settings.folder),
        "REGARD_DATABASE_URL": settings.database_url or "",
        "REGARD_TENANT": settings.tenant,
        "REGARD_TENANTS": ",".join(settings.tenants),
        "REGARD_LANGUAGE": settings.language,
    }
