"""The embedded server's life: shared, stopped by the last client, and alive again after kill -9 of anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from regard.data.postgres import Store
from regard.data.store import server as life
from regard.data.store.server import Server
from regard.domain.errors import Unavailable
from regard.domain.records import Event

CLIENT = """
import os, signal, sys
from regard.data.postgres import Store
from regard.domain.records import Event
store = Store.open(sys.argv[1], sys.argv[2])
for n in range(int(sys.argv[3])):
    store.append([Event("ann", "a", time=float(n))])
    print(n, flush=True)
{end}
"""
KILLED = CLIENT.format(end="os.kill(os.getpid(), signal.SIGKILL)")
FORGETFUL = CLIENT.format(end="")  # ends without closing


def processes(folder: Path) -> list[psutil.Process]:
    """The living server processes of `folder`."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and process.cwd() == str(folder / "postgres"):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def run(client: str, folder: Path, tenant: str, events: int) -> list[int]:
    """Run a client in a process of its own; the events that the store acknowledged to it."""
    done = subprocess.run(
        [sys.executable, "-c", client, str(folder), tenant, str(events)], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return [int(line) for line in done.stdout.split()]


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests here, as a first start takes seconds; what is killed needs no fsync to be kept."""
    folder = tmp_path_factory.mktemp("life") / "store"
    server = Server.start(folder)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
    server.close()
    return folder


@pytest.fixture
def folder(shared: Path) -> Iterator[Path]:
    yield shared
    left = processes(shared)
    for process in left:
        process.kill()
    assert left == [], "a server was leaked"


def test_the_last_client_stops_the_server(folder: Path, tenant: str) -> None:
    with Store.open(folder, tenant) as one:
        with Store.open(folder, tenant) as two:
            assert one.url == two.url
            two.append([Event("ann", "a")])
        assert one.counts()["events"] == 1  # `two` is gone, the server is not
        assert run(FORGETFUL, folder, tenant, 2) == [0, 1]  # neither does another process that ends take it along
        assert one.counts()["events"] == 2  # the event at time 0 was there
        one.close()
        one.close()
    assert processes(folder) == []


def test_a_client_that_never_closes_leaves_nothing_running(folder: Path, tenant: str) -> None:
    assert run(FORGETFUL, folder, tenant, 1) == [0]
    assert processes(folder) == []


def test_a_stop_in_the_middle_of_a_start_leaves_nothing_running(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = life._ensure_running

    def interrupted(where: Path) -> str:
        start(where)
        assert len(processes(folder)) > 0
        raise KeyboardInterrupt

    monkeypatch.setattr(life, "_ensure_running", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Server.start(folder)
    assert processes(folder) == []


def test_a_killed_client_leaves_a_server_that_is_found_used_and_stopped(folder: Path, tenant: str) -> None:
    acknowledged = run(KILLED, folder, tenant, 20)
    assert len(processes(folder)) > 0
    before = postmaster(folder)
    with Store.open(folder, tenant) as store:
        assert postmaster(folder) == before
        assert store.counts()["events"] == len(acknowledged) == 20
    assert processes(folder) == []


def test_a_killed_postmaster_is_started_again_and_nothing_acknowledged_is_lost(folder: Path, tenant: str) -> None:
    acknowledged = run(KILLED, folder, tenant, 20)
    psutil.Process(postmaster(folder)).kill()
    with Store.open(folder, tenant) as store:
        assert store.counts()["events"] == len(acknowledged) == 20
    assert processes(folder) == []


def test_an_open_store_survives_the_death_of_its_server(folder: Path, tenant: str) -> None:
    with Store.open(folder, tenant) as store:
        store.append([Event("ann", "a")])
        psutil.Process(postmaster(folder)).kill()
        psutil.wait_procs(processes(folder), timeout=10)
        assert store.append([Event("ann", "b")]) == 1
        assert store.counts()["events"] == 2
    assert processes(folder) == []


def test_a_pid_file_that_names_another_process_does_not_fool_us(folder: Path, tenant: str) -> None:
    with Store.open(folder, tenant) as store:
        store.append([Event("ann", "a")])
        lines = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
    (folder / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    with Store.open(folder, tenant) as store:
        assert store.counts()["events"] == 1


def test_a_killed_first_start_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    (tmp_path / "postgres").mkdir()
    with Store.open(tmp_path) as store:
        assert store.counts()["events"] == 0
    assert processes(tmp_path) == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="folder that can be written"):
        Server.start(tmp_path / "file" / "store")


def test_a_folder_of_another_version_says_so(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(Unavailable, match="16"):
        Server.start(tmp_path)


def test_a_server_that_does_not_start_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Server.start(folder).close()
    settings = folder / "postgres" / "postgresql.conf"
    right = settings.read_text()
    settings.write_text("shared_buffers = nonsense\n")
    monkeypatch.setattr(life, "PATIENCE", 1.0)
    with pytest.raises(Unavailable, match="contains errors"):
        Server.start(folder)
    settings.write_text(right)
