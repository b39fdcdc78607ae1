"""Markers that skip with a clear word, the folder of real data sets, and the real server, a fresh tenant a test."""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from regard.data.postgres import Store
from regard.data.store.server import Server

_numbers = itertools.count()


def _data() -> Path | None:
    folder = os.environ.get("REGARD_DATA")
    return Path(folder).resolve() if folder and Path(folder).is_dir() else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, and say what it would need."""
    if item.get_closest_marker("data") and _data() is None:
        pytest.skip("needs the real data sets: set REGARD_DATA to their folder")
    if item.get_closest_marker("deep") and importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch: pip install 'regard[deep]'")
    if item.get_closest_marker("slow") and "slow" not in str(item.config.getoption("-m")):
        pytest.skip("takes minutes: run it with -m slow")


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of one real data set by its name; the test skips where it is not there."""

    def find(name: str) -> Path:
        data = _data()
        if data is None or not (data / name).is_dir():
            pytest.skip(f"needs the data set {name!r} under REGARD_DATA")
        return data / name

    return find


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An embedded PostgreSQL of this test process; it need not outlive a power cut, so it waits for no disk."""
    server = Server.start(tmp_path_factory.mktemp("store"))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.close()


@pytest.fixture
def store_folder(server: Server) -> Path:
    """The folder of the running server: `Store.open(store_folder, tenant)`."""
    return server.folder


@pytest.fixture
def tenant() -> str:
    """A name that no other test uses."""
    return f"t{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def store(server: Server, tenant: str) -> Iterator[Store]:
    """An empty store."""
    with Store.open(server.folder, tenant) as store:
        yield store
        with store.transaction() as connection:
            connection.execute(f'DROP SCHEMA "{tenant}" CASCADE'.encode())
