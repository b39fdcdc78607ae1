"""Real server processes on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from regard.serving.settings import Settings

MAIN = "from regard.serving.cli import main; main()"
PATIENCE = 60.0  # seconds: the machines of tests are busy


@dataclass
class Replica:
    """One `regard serve`."""

    process: subprocess.Popen[bytes]
    http: httpx.Client
    log: Path

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        return self.http.get(path).json()

    def list_for(self, user: str, **asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.post("/v1/recommendations", {"user_id": user, **asked})
        return found

    def stop(self) -> int:
        """As a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(settings: Settings, key: str, *words: str) -> Iterator[Replica]:
    """A server of these settings, ready; it is stopped at the end."""
    port, log = free_port(), settings.folder / f"server-{time.monotonic_ns()}.log"
    env = {**os.environ, "REGARD_FOLDER": str(settings.folder), "REGARD_TENANT": settings.tenant}
    env |= {"REGARD_PATIENCE": str(settings.patience), "REGARD_BUDGET": str(settings.budget)}
    if settings.page_secret:
        env["REGARD_PAGE_SECRET"] = settings.page_secret
    if settings.database_url:
        env["REGARD_DATABASE_URL"] = settings.database_url
    command = [sys.executable, "-c", MAIN, "serve", "--port", str(port), *words]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=30)
    replica = Replica(process, client, log)
    try:
        until(lambda: process.poll() is not None or answers(client), log)
        assert process.poll() is None, log.read_text()
        yield replica
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        client.close()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def until(true: Callable[[], bool], log: Path | None = None, seconds: float = PATIENCE) -> float:
    """Wait until it is true; how long that took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s. {log.read_text() if log else ''}")
        time.sleep(0.02)
    return time.monotonic() - began
