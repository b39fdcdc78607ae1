"""Fixtures of servers: one installation is fitted, once a process, and each module has a tenant of its own like it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from regard.data.store.server import Server
from regard.serving.installation import Installation
from regard.serving.settings import Settings
from tests.serving.chromium import Browser, Page, browsing, chromium
from tests.serving.lists_page import LISTED, Open
from tests.serving.processes import Replica, serving
from tests.serving.serving import (
    CONTENT,
    POLICY,
    RECIPES,
    UNHURRIED,
    Client,
    Home,
    client_of,
    install,
    install_key,
    settings_of,
)


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


@pytest.fixture
def daring(own: Settings) -> Settings:
    """This test's own tenant, whose regard.toml says how to explore."""
    return replace(own, recipes=RECIPES | {"policy": POLICY})


@pytest.fixture
def expert(own: Settings) -> str:
    """An expert's key there."""
    return install_key(own)


@pytest.fixture
def explorer(daring: Settings, expert: str) -> Iterator[Client]:
    """A client of a server that explores."""
    with client_of(daring) as client:
        yield client.bearing(expert)


@pytest.fixture
def by_words(server: Server, tmp_path: Path, tenant: str) -> Settings:
    """An empty place whose sources read what items say."""
    return replace(settings_of(tmp_path, server.url, tenant), recipes={"sources": CONTENT})


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A real browser; the test skips where there is none."""
    program = chromium()
    if program is None:
        pytest.skip("needs Chromium or Chrome: on the PATH, or as REGARD_CHROMIUM")
    with browsing(program, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def shop(browser: Browser, served: Home) -> Iterator[Replica]:
    """A server process of this module's tenant whose page needs no key, as the demo's; tests ask it as an admin."""
    with serving(replace(served[0], page_secret="s3cret"), served[1]["admin"]) as replica:
        yield replica


@pytest.fixture
def opened(browser: Browser, shop: Replica) -> Iterator[Open]:
    """Opens the page of a person, with their list; no script of it may have failed in the end."""
    pages: list[Page] = []

    def open_(person: str, **window: Any) -> Page:
        pages.append(browser.page(**window))
        pages[-1].go(f"{shop.http.base_url}/?person={person}")
        pages[-1].until(LISTED)
        return pages[-1]

    yield open_
    for page in pages:
        assert page.told("Runtime.exceptionThrown") == []
        page.close()
