"""What stands between a server and its store and forgets connections: a load balancer that fails over, a NAT."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict


@dataclass(eq=False)
class Middlebox:
    """Passes bytes on between TCP connections to `port` and the local socket at `behind`."""

    behind: str
    door: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _live: set[socket.socket] = field(default_factory=set)  # what comes in at these is passed on
    _all: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.door.getsockname()[1])

    def forget(self) -> None:
        """From now on what the connections of today say goes nowhere, and nobody tells them; new ones pass."""
        self._live = set()

    def accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self.door.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.behind)
                self._all += [client, server]
                self._live |= {client, server}
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def close(self) -> None:
        for one in (self.door, *self._all):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while said := one.recv(1 << 16):
                if one in self._live:
                    other.sendall(said)
            if one in self._live:
                other.shutdown(socket.SHUT_WR)


@contextmanager
def before(url: str) -> Iterator[tuple[Middlebox, str]]:
    """One before the store at this URL of a local socket; and the URL that leads through it."""
    said = conninfo_to_dict(url)
    box = Middlebox(f"{said['host']}/.s.PGSQL.{said.get('port') or 5432}")
    accepting = threading.Thread(target=box.accept)
    accepting.start()
    try:
        yield box, f"postgresql://{said['user']}@127.0.0.1:{box.port}/{said['dbname']}"
    finally:
        box.close()
        accepting.join()
