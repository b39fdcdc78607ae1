"""The road to PostgreSQL: open a folder or a URL, one tenant's schema, transactions, and errors that say what to do."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from regard.data.store import migrations
from regard.data.store.server import Server
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.weights import DEFAULT_WEIGHTS

Connection = psycopg.Connection[tuple[Any, ...]]
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # a lost connection is retried or told as an error
OLDEST = 14  # of PostgreSQL
WAIT = 10.0  # seconds that a call waits for a connection
# What lets the kernel see within half a minute that nobody is there any more (seconds, the last one milliseconds).
KEPT_ALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
TENANT = re.compile(r"(?!pg_)[a-z][a-z0-9_]{0,50}")


class Database:
    """Connections to one tenant's tables, safe to share between threads. Close it, or use it in `with`."""

    def __init__(self, url: str, tenant: str, server: Server | None = None) -> None:
        self.url, self.tenant, self.server = url, tenant, server
        self._lines: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()  # held until then at most; 0: by nobody
        self._limits = threading.local()
        self._pool = self._connect(url)
        self._reviving = threading.Lock()

    @classmethod
    def open(cls, where: str | Path, tenant: str = "regard") -> Self:
        """Open a folder (embedded server, started if need be) or a `postgresql://` URL, tables brought up to date.

        Errors: InvalidInput (the tenant's name), Unavailable (folder, server, address, version, disk: with what to
        do), Conflict (the tables are newer than this code).
        """
        if not TENANT.fullmatch(tenant):
            raise InvalidInput("tenant", "a-z, 0-9 and _, a letter first (but not pg_), at most 51", repr(tenant))
        by_url = "://" in str(where)
        server = None if by_url else Server.start(Path(where))
        try:
            url = server.url if server else str(where)
            with _said_clearly(), psycopg.connect(_address(url), connect_timeout=10) as connection:
                _prepare(connection, tenant)
            return cls(url, tenant, server)
        except BaseException:
            if server:
                server.close()
            raise

    def close(self) -> None:
        """Give all connections back; the last client of an embedded server stops it. Closing twice is fine."""
        self._pool.close()
        if self.server:
            self.server.close()

    def hang_up(self) -> None:
        """Break off all that is under way, with Unavailable for who waits, although the server may not answer."""
        for connection, _ in self._held():
            _shut(connection)
        self._pool.close(timeout=0)  # threads that are still connecting are waited for by nobody

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What this thread asks in the block may hold a connection for so long; then `break_off` breaks it off."""
        before = getattr(self._limits, "seconds", inf)
        self._limits.seconds = seconds
        try:
            yield
        finally:
            self._limits.seconds = before

    def break_off(self) -> int:
        """Shut the connections that are held for longer than `within` says, with Unavailable for who waits; how many.

        What cut these off in silence may have cut those that nobody holds: they go too, and fresh ones come.
        """
        now = time.monotonic()
        past = [(connection, until) for connection, until in self._held() if until < now]
        overdue = sum(until > 0 for _, until in past)
        if overdue:
            for connection, until in past:
                if self._lines.get(connection) == until:  # else somebody has just taken it, and it answered
                    _shut(connection)
            self._pool.check()
        return overdue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One connection in one transaction: committed at the end, undone by any error.

        Once the block is left without an error, what it wrote is on disk (synchronous commit).
        """
        with _said_clearly():
            connection = self._take()
            try:
                with connection.transaction():
                    yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One connection for statements that stand alone: each sees what is committed, and nothing has to be."""
        with _said_clearly():
            connection = self._take()
            try:
                connection.autocommit = True
                yield connection
                connection.autocommit = False
            finally:
                self._give_back(connection)

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], bool]]:
        """A connection that hears what this tenant's store tells; the call waits so many seconds for the next word."""
        with _said_clearly(), psycopg.connect(_address(self.url), autocommit=True, connect_timeout=5) as connection:
            self._lines[connection] = 0.0
            connection.execute(f'LISTEN "regard_{self.tenant}"'.encode())
            yield lambda seconds: next(connection.notifies(timeout=seconds, stop_after=1), None) is not None

    def _take(self) -> Connection:
        """A connection that answers; a server that died since then is started again (embedded only)."""
        try:
            return self._pool.getconn(timeout=2 if self.server else WAIT)
        except psycopg.OperationalError:
            if self.server is None or self._pool.closed:
                raise
        with self._reviving:
            self.server.revive()
            if self.server.url != self.url:
                self.url, old = self.server.url, self._pool
                self._pool = self._connect(self.url)
                old.close()
        self._pool.check()
        return self._pool.getconn(timeout=30)

    def _give_back(self, connection: Connection) -> None:
        self._lines[connection] = 0.0
        self._pool.putconn(connection)

    def _hold(self, connection: Connection) -> None:
        """Whether a connection answers that is about to be taken; a dead one may never say."""
        self._lines[connection] = time.monotonic() + getattr(self._limits, "seconds", inf)
        ConnectionPool.check_connection(connection)

    def _held(self) -> list[tuple[Connection, float]]:
        """Every connection there is, and until when it may be held; other threads make and take some meanwhile."""
        there = [line for ref in self._lines.keyrefs() if (line := ref()) is not None]
        return [(line, self._lines.get(line, 0.0)) for line in there]

    def _connect(self, url: str) -> ConnectionPool[Connection]:
        return ConnectionPool(
            _address(url),
            min_size=1,
            max_size=12,  # a server's: reads, events, lists and recalls, four calls of routes, a trace, who follows
            open=True,
            configure=lambda connection: self._lines.update({connection: 0.0}),
            check=self._hold,
            kwargs={"options": f'-c search_path="{self.tenant}",public -c extra_float_digits=1 -c timezone=UTC'},
            reconnect_timeout=30,
            name=f"regard-{self.tenant}",
        )


def _address(url: str) -> str:
    """The URL with what it does not say itself of how a lost peer is noticed."""
    said = conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in KEPT_ALIVE.items() if name not in said})


def _shut(connection: Connection) -> None:
    """Who waits for an answer gets the end of the connection; it is not closed, because others may hold it."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def _prepare(connection: Connection, tenant: str) -> None:
    if connection.info.server_version < OLDEST * 10_000:
        got = f"version {connection.info.server_version // 10_000}"
        raise Unavailable("the database server", f"PostgreSQL {OLDEST} or newer", got, "Upgrade it, or use a folder.")
    connection.execute(f'SET search_path = "{tenant}", public')
    found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone()
    try:
        if found is None:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (migrations.LOCK,))
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")
    except (errors.FeatureNotSupported, errors.UndefinedFile, errors.InsufficientPrivilege) as error:
        hint = "Install pgvector on that server and let its administrator run: CREATE EXTENSION vector;"
        raise Unavailable("the database server", "the extension pgvector", str(error).strip(), hint) from error
    fresh = migrations.version(connection, tenant) == 0
    migrations.migrate(connection, tenant)
    if fresh:
        seed = [(place, w.type, w.weight, w.at_least, w.scaled) for place, w in enumerate(DEFAULT_WEIGHTS)]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO event_weights VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", seed)


@contextmanager
def _said_clearly() -> Iterator[None]:
    """What the driver raises becomes one of our errors."""
    try:
        yield
    except errors.DiskFull as error:
        raise Unavailable("the store", "room on the disk", _short(error), "Free some space, then try again.") from error
    except errors.InsufficientPrivilege as error:
        hint = "Give this database user the right to create a schema, or use another user."
        raise Unavailable("the store", "the right to do this", _short(error), hint) from error
    except (errors.ReadOnlySqlTransaction, psycopg.OperationalError) as error:
        hint = "Is the server running, and are its address, database, user and password right? Then try again."
        raise Unavailable("the store", "a connection to PostgreSQL", _short(error), hint) from error
    except psycopg.DataError as error:
        raise InvalidInput("the store", "values that PostgreSQL can keep", _short(error)) from error
    except psycopg.ProgrammingError as error:
        if isinstance(error, psycopg.errors.Error) and error.sqlstate is None:  # a URL that cannot be read
            raise InvalidInput("the store's URL", "postgresql://user@host/database", _short(error)) from error
        raise


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
