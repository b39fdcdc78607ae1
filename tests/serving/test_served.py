"""What a serving process follows: items, keys and releases, where one of them fails, lags or takes its time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg
import pytest

from regard.data.keys import create_key, revoke_key
from regard.data.tails import Ask, happened
from regard.domain.errors import Unavailable
from regard.models.text_cache import Cached
from regard.serving import served as served_module
from regard.serving.installation import Installation
from regard.serving.served import Served
from regard.serving.settings import Settings
from regard.serving.wiring import Live
from tests.serving.processes import until
from tests.serving.serving import Client, Home, ids


def test_while_the_text_encoder_is_away_all_is_followed_that_needs_none(
    client: Client, served: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Cached, items: Any) -> Any:
        raise Unavailable("the text endpoint", "an answer", "connection refused")

    within, shelf = within_of(client, served), {"filter": {"shelf": "late"}}
    assert {"f10", "f11", "f12"} <= set(ids(client.list_for("somebody", k=200)))
    with Installation.open(served[0]) as here, monkeypatch.context() as patched:
        key = create_key(here.store, "short-lived", "read")
        patched.setattr(Cached, "encode", away)
        new = {"id": "new", "title": "never read before", "attributes": {"shelf": "late"}}
        assert client.post("/v1/items", json=new).status_code == 200
        assert client.patch("/v1/items/f10", json={"hidden": True}).status_code == 200
        assert "f10" not in ids(client.list_for("somebody", k=200))
        assert client.delete("/v1/items/f11").status_code == 200
        assert "f11" not in ids(client.list_for("somebody", k=200))
        assert client.patch("/v1/items/f12", json={"valid_until": 1.0}).status_code == 200
        assert "f12" not in ids(client.list_for("somebody", k=200))
        assert ids(client.list_for("u1", **shelf)) == ["new"]
        assert within.live is not None
        assert set(within.live.catalogue.unread) == {within.live.catalogue.row("new")}
        assert client.get("/health/ready").status_code == 200
        bearing = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/releases", headers=bearing).status_code == 200
        revoke_key(here.store, "short-lived")
        client.list_for("u1")
        assert client.get("/v1/releases", headers=bearing).status_code == 401
    until(lambda: within.live is not None and not within.live.catalogue.unread)


def test_what_could_not_be_followed_is_left_to_the_listener(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def late(store: Any, after: int) -> Any:
        tried.append(after)
        raise Unavailable("the store", "an answer", "too many changes in 3 s")

    with Installation.open(own) as here:
        within = Served.at_rest(here)
        here.store.hide("f13")
        with monkeypatch.context() as patched:
            patched.setattr(served_module, "item_changes", late)
            for _ in range(3):
                asyncio.run(within.person("u1"))  # comes, and tries no more after the first
        assert len(tried) == 1
        changes = happened(here.store, [Ask("")])[0].changes
        within.follow(changes, load=True)  # as the listener does
        assert within.live is not None
        assert within.live.catalogue.hidden[within.live.catalogue.row("f13")]
        here.store.hide("f13", False)
        asyncio.run(within.person("u1"))
        assert not within.live.catalogue.hidden[within.live.catalogue.row("f13")]


@pytest.mark.parametrize("fails", ["load", "happened"])
def test_no_error_ends_the_listener(client: Client, served: Home, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    tried: list[str] = []

    def lags(*asked: Any, **more: Any) -> Any:
        tried.append(fails)
        raise FileNotFoundError("a shared folder that is not there yet")

    within = within_of(client, served)
    before = within.live
    with monkeypatch.context() as patched:
        if fails == "load":
            patched.setattr(Installation, "load", lags)
        else:
            patched.setattr("regard.serving.served.happened", lags)
        within.here.store.tell("releases")
        until(lambda: bool(tried))
    until(lambda: within.live is not before)


def test_no_list_waits_for_a_release_that_loads_and_it_knows_what_changed_meanwhile(
    client: Client, served: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    within, read, go_on = within_of(client, served), threading.Event(), threading.Event()
    before, load = within.live, Installation.load

    def slow(*asked: Any, **more: Any) -> Live:
        found = load(*asked, **more)
        read.set()
        assert go_on.wait(60)
        return found

    monkeypatch.setattr(Installation, "load", slow)
    within.here.store.tell("releases")
    assert read.wait(60)
    try:
        assert client.patch("/v1/items/f3", json={"hidden": True}).status_code == 200
        assert "f3" not in ids(client.list_for("somebody", k=200))
        assert within.live is before
    finally:
        go_on.set()
    until(lambda: within.live is not before)
    assert "f3" not in ids(client.list_for("somebody", k=200))
    client.patch("/v1/items/f3", json={"hidden": False})
    assert "f3" in ids(client.list_for("somebody", k=200))


def test_a_list_that_says_it_is_not_logged_is_not_logged_later(client: Client, served: Home) -> None:
    client.logged_list_for("u1")
    with psycopg.connect(str(served[0].database_url)) as holding:
        holding.execute(f"LOCK TABLE {served[0].tenant}.impressions IN ACCESS EXCLUSIVE MODE".encode())
        unlogged = [client.list_for("u1") for _ in range(2)]
    assert [one["logged"] for one in unlogged] == [False, False]
    until(lambda: client.list_for("u1")["logged"])  # after all that was under way
    for one in unlogged:
        assert client.get(f"/v1/recommendations/{one['recommendation_id']}").status_code == 404


def within_of(client: Client, served: Home) -> Served:
    """What serves this module's tenant."""
    found: Served = client.app.state.tenants.served[served[0].tenant]  # type: ignore[attr-defined]
    return found
