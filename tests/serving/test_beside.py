"""`regard up` has its jobs done beside the server; however it ends, nobody is left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from regard.data.job_rows import job
from regard.serving import beside, jobs
from regard.serving.installation import Installation
from regard.serving.settings import Settings
from tests.serving.processes import MAIN, free_port, until

pytest.importorskip("procrastinate", reason="needs the extra `fitting`")


@contextmanager
def _up(own: Settings, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    told = {"REGARD_TENANT": own.tenant, "REGARD_DATABASE_URL": str(own.database_url)}
    command = [sys.executable, "-c", MAIN, "up", "--port", str(free_port()), "--folder", str(own.folder), *words]
    log = own.folder / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **told}, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _workers(own: Settings) -> list[int]:
    """The processes that do this folder's jobs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
        if b"work" in words and str(own.folder).encode() in words:
            found.append(int(path.parent.name))
    return found


def test_jobs_are_done_and_a_normal_stop_ends_both(own: Settings) -> None:
    with Installation.open(own) as here, _up(own) as process:
        number = jobs.ask_for_retrain(here, full=True)
        until(lambda: job(here.store, number).state == "succeeded", own.folder / "up.log", 150)
        (first,) = _workers(own)
        os.kill(first, 9)  # it is started again
        until(lambda: _workers(own) not in ([], [first]), own.folder / "up.log")
        another = jobs.ask_for_retrain(here)
        until(lambda: job(here.store, another).state == "succeeded", own.folder / "up.log", 150)  # it is at work again
        process.terminate()
        assert process.wait(60) == 0
        assert _workers(own) == []
    assert "Fatal" not in (own.folder / "up.log").read_text()


def test_a_worker_that_is_told_to_stop_ends_well(own: Settings) -> None:
    worker = beside._started(own)
    try:
        with Installation.open(own) as here:
            number = jobs.ask_for_retrain(here)
            until(lambda: job(here.store, number).state == "succeeded")  # it is at work, not still starting
        worker.terminate()
        assert worker.wait(60) == 0
    finally:
        worker.kill()


def test_a_kill_leaves_no_worker_and_who_wants_none_has_none(own: Settings) -> None:
    with _up(own) as process:
        until(lambda: bool(_workers(own)), own.folder / "up.log")
        process.kill()
        process.wait()
        until(lambda: not _workers(own), own.folder / "up.log")
    with _up(own, "--no-jobs") as process:
        until(lambda: "Regard answers at" in (own.folder / "up.log").read_text())
        assert _workers(own) == []
        assert process.poll() is None


def test_each_tenant_has_a_worker(monkeypatch: pytest.MonkeyPatch, own: Settings) -> None:
    started: list[str] = []

    def start(settings: Settings) -> subprocess.Popen[bytes]:
        started.append(settings.tenant)
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    monkeypatch.setattr(beside, "_started", start)
    with beside.jobs_beside(replace(own, tenants=("one", "two"))):
        assert started == ["one", "two"]


STARTING = f"""import sys, time
from pathlib import Path
from regard.serving import jobs
folder = Path(sys.argv[sys.argv.index("--folder") + 1])
jobs.work = lambda here, once: ((folder / "starting").touch(), time.sleep(600))
{MAIN}"""


def test_a_worker_that_is_stopped_as_it_starts_leaves_no_embedded_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "COMMAND", STARTING)
    with beside.jobs_beside(Settings(folder=tmp_path)):
        until((tmp_path / "starting").exists, seconds=60)
        assert (tmp_path / "store" / "postgres" / "postmaster.pid").exists()
    assert not (tmp_path / "store" / "postgres" / "postmaster.pid").exists()


BUSY = """import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
from pathlib import Path
from regard.data.postgres import Store
folder = Path(sys.argv[sys.argv.index("--folder") + 1])
store = Store.open(folder / "store")
(folder / "busy").touch()
time.sleep(600)"""


def test_a_worker_that_has_to_be_killed_leaves_no_embedded_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "COMMAND", BUSY)
    monkeypatch.setattr(beside, "GRACE", 0.2)
    own = Settings(folder=tmp_path)
    running = tmp_path / "store" / "postgres" / "postmaster.pid"
    with beside.jobs_beside(own):
        until((tmp_path / "busy").exists, seconds=60)
        assert running.exists()
    assert not running.exists()
