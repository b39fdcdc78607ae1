"""The store goes away and comes back: events wait with their sender, lists come all the same."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from regard.data.postgres import Store
from regard.data.store.server import Server
from regard.domain.errors import Unavailable
from regard.serving import served as served_
from regard.serving.served import Served
from regard.serving.settings import Settings
from tests.serving import middlebox
from tests.serving.processes import serving, until
from tests.serving.serving import Client, Home, client_of, ids, install, said, settings_of

ITEM = {"UserId": "u1", "ItemId": "f1", "FeedbackType": "like", "Timestamp": "2026-01-01T00:00:00Z"}
READS = (
    "/v1/items/f1",
    "/v1/users/u1",
    "/v1/releases",
    "/v1/recommendations/{shown}",
    "/v1/recommendations/{shown}/why/f1",
    "/api/users",
    "/api/user/u1",
    "/api/items",
    "/api/item/f1",
    "/api/feedback",
    "/api/feedback/like/u1/f1",
)
WRITES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/items", {"id": "new"}),
    ("PATCH", "/v1/items/f1", {"hidden": False}),
    ("DELETE", "/v1/items/never", None),
    ("POST", "/v1/users", {"id": "new"}),
    ("PATCH", "/v1/users/u1", {"consent": {"mood": True}}),
    ("DELETE", "/v1/users/never", None),
    ("POST", "/v1/releases/0001/promote", None),
    ("POST", "/v1/releases/0001/rollback", None),
    ("POST", "/api/user", {"UserId": "new"}),
    ("PATCH", "/api/user/u1", {"Labels": []}),
    ("DELETE", "/api/user/never", None),
    ("POST", "/api/items", [{"ItemId": "new"}]),
    ("PATCH", "/api/item/f1", {"IsHidden": False}),
    ("DELETE", "/api/item/never", None),
    ("PUT", "/api/feedback", [ITEM]),
    ("DELETE", "/api/feedback/u1/never", None),
)


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


def test_while_reads_and_writes_hang_each_gets_503_and_lists_come_with_their_reasons(
    away: tuple[Settings, str, Path],
) -> None:
    settings, key, store = away
    with client_of(settings) as client, ThreadPoolExecutor(80) as many:
        shown = client.bearing(key).logged_list_for("u1", k=3)["recommendation_id"]
        client.list_for("u1", k=3, explain="short")
        with hanging(store):
            reads = [many.submit(client.get, "/v1/items/f1") for _ in range(50)]
            reads += [many.submit(client.get, path.format(shown=shown)) for path in READS]
            writes = [many.submit(client.request, how, path, json=body) for how, path, body in WRITES]
            for _ in range(3):
                reasoned = many.submit(client.list_for, "u1", k=3, explain="short").result(60)
                assert all(item["reason"]["text"] for item in reasoned["items"])
            for asked in (*reads, *writes):
                answer = asked.result(60)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
            assert all("may have happened" in asked.result().json()["error"]["hint"] for asked in writes)
            reasoned = many.submit(client.list_for, "u1", k=3, explain="full").result(60)
            assert all(item["reason"]["text"] for item in reasoned["items"])
        until(lambda: client.get("/v1/items/f1").status_code == 200)


def test_a_list_whose_write_back_the_store_does_not_take_comes_and_the_log_tells(
    away: tuple[Settings, str, Path],
) -> None:
    settings, key, store = away
    with client_of(settings) as client:
        client.bearing(key).logged_list_for("u1", k=3)
        with hanging(store), capture_logs() as logged:
            answer = client.get("/api/recommend/u1?n=3&write-back-type=read")
            assert (answer.status_code, len(answer.json())) == (200, 3)
            (told,) = [one for one in logged if one["event"] == "write-back not on disk in time"]
            assert (told["tenant"], told["events"]) == ("away", 3)


def test_the_next_page_of_an_unlogged_list_repeats_nothing_while_the_store_is_away_and_after(
    away: tuple[Settings, str, Path],
) -> None:
    settings, key, store = away
    with client_of(settings) as client:
        client.bearing(key).logged_list_for("u1", k=3)
        pages: list[dict[str, Any]] = []
        with hanging(store):
            for _ in range(3):
                pages.append(client.list_for("u1", k=3, after=pages[-1]["recommendation_id"] if pages else None))
        until(lambda: client.get("/health/ready").status_code == 200)
        pages.append(client.logged_list_for("u1", k=3, after=pages[-1]["recommendation_id"]))
        pages.append(client.logged_list_for("u1", k=3, after=pages[-1]["recommendation_id"]))
        assert [page["logged"] for page in pages] == [False, False, False, True, True]
        assert len({item for page in pages for item in ids(page)}) == 15


@pytest.fixture
def between(
    away: tuple[Settings, str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Client, Settings, middlebox.Middlebox]]:
    """A client whose server reaches its store through a middlebox, and is soon out of patience."""
    settings, key, _ = away
    monkeypatch.setattr(served_, "DURABLE", 1.0)
    with (
        middlebox.before(str(settings.database_url)) as (box, url),
        client_of(replace(settings, database_url=url, patience=0.5)) as client,
    ):
        client.bearing(key).logged_list_for("u1")
        yield client, settings, box


def test_after_its_connections_died_in_silence_the_server_takes_fresh_ones(
    between: tuple[Client, Settings, middlebox.Middlebox],
) -> None:
    client, _, box = between
    box.forget()
    assert not client.list_for("u1")["logged"]
    until(lambda: client.list_for("u1")["logged"])
    until(lambda: client.get("/health/ready").status_code == 200)
    until(lambda: client.get("/v1/items/f1").status_code == 200)


def test_events_that_a_dead_connection_swallowed_get_503_and_are_kept_once_when_they_come_again(
    between: tuple[Client, Settings, middlebox.Middlebox],
) -> None:
    client, settings, box = between
    event = {"user": "u1", "item": "f1", "type": "like", "id": "swallowed"}
    box.forget()
    assert client.post("/v1/events", json=event).status_code == 503
    until(lambda: client.post("/v1/events", json=event).status_code == 202)
    assert client.post("/v1/events", json=event).status_code == 202
    assert said(settings, "SELECT count(*) FROM events WHERE key = 'swallowed'") == [(1,)]


def test_the_kernel_looks_whether_the_store_is_still_there_and_what_the_url_says_holds(
    away: tuple[Settings, str, Path],
) -> None:
    for said_, idle in (("", "15"), ("?keepalives_idle=7", "7")):
        with middlebox.before(str(away[0].database_url)) as (_, url), Store.open(url + said_, "away") as store:
            with store.reading() as connection:
                parameters = connection.info.get_parameters()
            assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == (idle, "30000")


def test_a_server_stops_although_its_store_hangs(away: tuple[Settings, str, Path]) -> None:
    settings, key, store = away
    with serving(settings, key) as replica:
        first = replica.list_for("u1", k=3)
        with hanging(store):
            assert not replica.list_for("u1", k=3, after=first["recommendation_id"])["logged"]
            replica.post("/v1/users", {"id": "waits"}, status=503)  # its thread waits on
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
