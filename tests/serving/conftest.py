"""Fixtures of servers: one installation is fitted, once a process, and each module has a tenant of its own like it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from regard.data.store.server import Server
from regard.serving.installation import Installation
from regard.serving.settings import Settings
from tests.serving.serving import UNHURRIED, Client, Home, client_of, install, settings_of


@pytest.fixture(scope="session", autouse=True)
def _unhurried() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in UNHURRIED.items():
            patch.setenv(name, seconds)
        yield


@pytest.fixture(scope="session")
def fitted(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What `install(settings, like=fitted)` copies instead of fitting."""
    settings = settings_of(tmp_path_factory.mktemp("fitted"), server.url, "fitted")
    install(settings)
    return settings


@pytest.fixture(scope="module")
def served(
    server: Server, fitted: Settings, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """This module's own tenant, named after it, with a key of each role."""
    name = str(request.module.__name__).rpartition(".")[2]
    settings = settings_of(tmp_path_factory.mktemp(name), server.url, name)
    yield settings, install(settings, like=fitted)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


@pytest.fixture(scope="module")
def door(served: Home) -> Iterator[Client]:
    """A client of an application over this module's tenant."""
    with client_of(served[0]) as client:
        yield client


@pytest.fixture
def client(door: Client, served: Home) -> Client:
    """The same, with the key of an admin, whatever the test before has borne."""
    return door.bearing(served[1]["admin"])


@pytest.fixture
def own(fitted: Settings, server: Server, tmp_path: Path, tenant: str) -> Iterator[Settings]:
    """This test's own tenant, with a copy of the fitted release that has settled as the live one."""
    settings = settings_of(tmp_path, server.url, tenant)
    install(settings, like=fitted)
    with Installation.open(settings) as here:
        here.promotions.settle(1.0)
    yield settings
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{tenant}" CASCADE'.encode())
