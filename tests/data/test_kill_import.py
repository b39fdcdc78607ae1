"""An import that is killed at any moment leaves nothing: the store opens, no row is double, the next one completes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from regard.data.importing import import_paths
from regard.data.postgres import Store

EVENTS = 20_000
CHILD = """
import sys
from pathlib import Path
from regard.data.importing import import_paths
from regard.data.postgres import Store
with Store.open(Path(sys.argv[1])) as store:
    print("open", flush=True)
    import_paths([Path(sys.argv[2])], store, now=1.7e9)
print("done", flush=True)
"""


def rounds() -> int:
    return int(os.environ.get("REGARD_KILLS", "5"))


def write(path: Path) -> None:
    lines = (f"u{n % 500},i{n * 7919 % 997},{n % 5 + 1},{1600000000 + n // 3}\n" for n in range(EVENTS - 100))
    path.write_text("user,item,rating,timestamp\n" + "".join(lines) + "u1,i1,1,1600000000\n" * 100)


def start(folder: Path, path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder), str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


def count(folder: Path) -> tuple[int, int]:
    with Store.open(folder) as store, store.transaction() as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT id) FROM events").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def postmasters(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if "postgres" in (process.info["name"] or "")
        and any(str(folder) in part for part in process.info["cmdline"] or ())
    ]


def killed_rounds(folder: Path, path: Path, kills: int) -> None:
    began = time.monotonic()
    child = start(folder, path)
    assert child.wait() == 0
    whole = time.monotonic() - began
    with Store.open(folder) as store, store.transaction() as connection:
        connection.execute("TRUNCATE events, users, items")
    chance = random.Random(11)
    for _ in range(kills):
        child = start(folder, path)
        time.sleep(chance.uniform(0, 0.8 * whole))
        child.send_signal(signal.SIGKILL)
        child.wait()
        rows, ids = count(folder)
        assert rows == ids
        assert rows in (0, EVENTS)  # all of it or nothing


def test_a_killed_import_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    write(path)
    folder = tmp_path / "store"
    killed_rounds(folder, path, rounds())
    with Store.open(folder) as store:
        import_paths([path], store, now=1.7e9)
        assert store.counts()["events"] == EVENTS
        assert import_paths([path], store, now=1.7e9).events_new == 0
    assert postmasters(folder) == []


@pytest.mark.slow
def test_a_hundred_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGARD_KILLS", os.environ.get("REGARD_KILLS", "100"))
    test_a_killed_import_leaves_nothing_behind(tmp_path)
