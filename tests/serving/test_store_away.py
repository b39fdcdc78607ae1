"""The store goes away and comes back: events wait with their sender, lists come all the same."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from regard.data.postgres import Store
from regard.data.store.server import Server
from regard.domain.errors import Unavailable
from regard.serving.served import Served
from regard.serving.settings import Settings
from tests.serving.processes import serving, until
from tests.serving.serving import Home, client_of, ids, install, settings_of


@pytest.fixture
def away(fitted: Settings, tmp_path: Path) -> Iterator[tuple[Settings, str, Path]]:
    """Settings with a store of their own, given by URL, whose answers are waited for no longer than need be; a key."""
    server = Server.start(tmp_path / "store")
    try:
        settings = replace(settings_of(tmp_path / "home", server.url, "away"), patience=1.0)
        yield settings, install(settings, like=fitted)["admin"], tmp_path / "store"
    finally:
        server.close()


@contextmanager
def hanging(store: Path) -> Iterator[None]:
    """The store hangs, which is worse than dead, until the block is left."""
    postmaster = psutil.Process(int((store / "postgres/postmaster.pid").read_text().split()[0]))
    postmaster.suspend()  # first: from now on nobody new is born, and nobody who ends is buried
    frozen = [*postmaster.children(recursive=True), postmaster]
    for process in frozen:
        process.suspend()
    try:
        yield
    finally:
        for process in frozen:
            process.resume()


def test_events_get_503_and_lists_come_unlogged_until_the_store_is_back(away: tuple[Settings, str, Path]) -> None:
    settings, key, store = away
    with client_of(settings) as client:
        client.bearing(key)
        until(lambda: client.list_for("u1", k=5)["logged"])
        before = client.list_for("u1", k=5)
        again = {"user": "u1", "item": ids(before)[0], "type": "like", "id": "again"}
        with hanging(store):
            for page in (None, None, before["recommendation_id"]):
                unlogged = client.list_for("u1", k=5, after=page)
                assert (unlogged["logged"], ids(unlogged)) == (False, ids(before))
            stranger = client.list_for("nobody", k=5)
            assert (stranger["logged"], len(stranger["items"])) == (False, 5)
            refused = client.post("/v1/events", json=again)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert client.get("/health/ready").status_code == 503
        until(lambda: client.get("/health/ready").status_code == 200)
        until(lambda: client.post("/v1/events", json=again).status_code == 202)
        after = client.list_for("u1", k=5)
        assert after["dropped"]["seen"] == before["dropped"]["seen"] + 1
        assert client.get(f"/v1/recommendations/{unlogged['recommendation_id']}").status_code == 404


def test_a_server_stops_although_its_store_hangs(away: tuple[Settings, str, Path]) -> None:
    settings, key, store = away
    with serving(settings, key) as replica:
        first = replica.list_for("u1", k=3)
        with hanging(store):
            assert not replica.list_for("u1", k=3, after=first["recommendation_id"])["logged"]
            with pytest.raises(httpx.TimeoutException):
                replica.http.post("/v1/users", json={"id": "waits"}, timeout=1)
            assert replica.stop() == 0


def test_to_hang_up_breaks_off_who_waits_and_who_is_connecting(away: tuple[Settings, str, Path]) -> None:
    settings, _, folder = away
    refused: list[Unavailable] = []
    with Store.open(settings.store, "away") as store:

        def ask() -> None:
            with pytest.raises(Unavailable) as error:
                store.user("u1")
            refused.append(error.value)

        assert store.user("u1")
        with hanging(folder):
            asking = [threading.Thread(target=ask) for _ in range(4)]  # more than there are connections
            for thread in asking:
                thread.start()
            time.sleep(0.5)
            store.hang_up()
            for thread in asking:
                thread.join(60)
            assert len(refused) == 4


def test_tenants_part_at_the_same_time(served: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    met, close = asyncio.Barrier(2), Served.close

    async def once_both_part(tenant: Served) -> None:
        async with asyncio.timeout(30):
            await met.wait()
        await close(tenant)

    monkeypatch.setattr(Served, "close", once_both_part)
    with client_of(served[0], replace(served[0], tenant="empty")) as client:
        assert client.get("/health/live").status_code == 200
