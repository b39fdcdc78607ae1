"""Tenants of one process: no endpoint, for no role, shows one of them a byte of the other or changes one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.keys import ROLES, create_key, digest, open_keys
from regard.data.postgres import Store
from regard.data.store.server import Server
from regard.serving import cli_serving, running
from regard.serving.app import ROUTERS
from regard.serving.installation import Installation
from regard.serving.settings import Settings
from tests.serving.processes import free_port
from tests.serving.serving import Client, client_of, install, said, settings_of

ROUTES = sorted(  # by method: what writes nothing comes before what writes
    (method, route.path, route)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
)
# Words that only tenant `theirs` knows. Some are names that we may call by; the others are never said by us.
USER, ITEM, OUR_OWN = "zuser-7f3a", "zitem-9c1e", "u1"
UNSAID = {
    "title": "ztitle-51", "text": "ztext-52", "tag": "ztag-53", "creator": "zcreator-54", "attribute": "zattribute-55",
    "value": "zvalue-56", "town": "ztown-57", "context": "zcontext-58", "device": "zdevice-59", "event": "zevent-60",
    "key": "zkey-61", "type": "ztype-62", "other": "zother-63",
}  # fmt: skip


@dataclass
class World:
    """Tenants `ours` and `theirs` behind one client; `shown` is a list of theirs, `keys` are ours by role."""

    client: Client
    keys: Mapping[str, str]
    their_key: str
    theirs: Settings
    shown: str
    written: set[str] = field(default_factory=set)  # names that we have written ourselves, and may read again

    @property
    def names(self) -> list[str]:
        """What we call by: a person, an item and a list of theirs, and somebody whom both have."""
        return [USER, ITEM, self.shown, OUR_OWN]

    def secrets(self) -> list[str]:
        """What no answer of ours may hold, but for what the question said."""
        return [*UNSAID.values(), *({USER, ITEM, self.shown} - self.written), self.their_key]


def _plant(client: Client) -> str:
    """What theirs has; the id of a list that it showed."""
    item: dict[str, Any] = {"id": ITEM, "title": UNSAID["title"], "text": UNSAID["text"], "tags": [UNSAID["tag"]]}
    item |= {"creator": UNSAID["creator"], "attributes": {UNSAID["attribute"]: UNSAID["value"]}}
    event: dict[str, Any] = {"user": USER, "item": ITEM, "type": UNSAID["type"], "id": UNSAID["event"]}
    for path, body in (
        ("/v1/items", [item, {"id": UNSAID["other"]}]),
        ("/v1/users", {"id": USER, "attributes": {"town": UNSAID["town"]}}),
        ("/v1/events", event | {"context": {UNSAID["context"]: "x"}}),
        ("/v1/events", {"user": OUR_OWN, "item": UNSAID["other"], "type": "like"}),
    ):
        assert client.post(path, json=body).status_code < 300
    return str(client.list_for(USER, k=5, context={"device": UNSAID["device"]})["recommendation_id"])


@pytest.fixture(scope="module")
def world(server: Server, fitted: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("home")
    ours, theirs = (settings_of(folder, server.url, name) for name in ("ours", "theirs"))
    keys, other = install(ours, like=fitted), install(theirs, like=fitted)
    with Installation.open(theirs) as here:
        create_key(here.store, UNSAID["key"], "read")
    with client_of(ours, theirs) as client:
        shown = _plant(client.bearing(other["admin"]))
        yield World(client, keys, other["admin"], theirs, shown)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA ours CASCADE")
        connection.execute("DROP SCHEMA theirs CASCADE")


def _body(path: str, name: str, world: World) -> Any:
    """A body that this endpoint reads, about `name`."""
    feedback = [{"FeedbackType": "like", "UserId": name, "ItemId": name, "Timestamp": "2026-01-01T00:00:00Z"}]
    wanted = {"user_id": name, "k": 200, "explain": "full"}
    if name == ITEM:
        wanted = {"seed_item": name, "exclude": [name], "session": [{"item": name, "type": "like"}]}
    if name == world.shown:
        wanted = {"after": name, "filter": {"tags": name}}
    personalize = {"userId": name, "inputList": [name, "f1"]}
    told = {"trackingId": "t", "sessionId": name, "userId": name}
    bodies: dict[str, Any] = {
        "/v1/events": {"user": name, "item": name, "type": "like"},
        "/v1/items": {"id": name, "title": "ours"},
        "/v1/users": {"id": name, "attributes": {"said": "ours"}},
        "/v1/items/{item_id:path}": {"title": "ours"},
        "/v1/users/{user_id:path}": {"attributes": {"said": "ours"}},
        "/v1/recommendations": wanted,
        "/api/feedback": feedback,
        "/api/item": {"ItemId": name, "Comment": "ours"},
        "/api/items": [{"ItemId": name, "Comment": "ours"}],
        "/api/user": {"UserId": name, "Labels": ["ours"]},
        "/api/users": [{"UserId": name, "Labels": ["ours"]}],
        "/api/item/{item_id}": {"Comment": "ours"},
        "/api/user/{user_id}": {"Labels": ["ours"]},
        "/api/session/recommend": feedback,
        "/api/session/recommend/{category:path}": feedback,
        "/recommendations": {"userId": name, "itemId": name if name == ITEM else None, "numResults": 25},
        "/personalize-ranking": personalize,
        "/events": told | {"eventList": [{"eventType": "like", "itemId": name, "sentAt": 1.7e9}]},
    }
    return bodies.get(path)


BODILESS = {  # they read none
    "/v1/releases/{name}/promote",
    "/v1/releases/{name}/rollback",
    "/api/item/{item_id}/category/{category}",
}


def _ask(world: World, place: tuple[str, str, APIRoute], role: str, name: str) -> int:
    """Call one endpoint with a key of ours about a name of theirs; its answer holds nothing of theirs."""
    method, path, _ = place
    url = re.sub(r"{[^}]+}", name, path)
    sent = None if method in ("GET", "DELETE") else _body(path, name, world)
    if sent is not None:
        world.written.add(name)
    asked = {"q": name, "n": "100", "item-id": name, "user-id": name} if method == "GET" else None
    answer = world.client.request(
        method, url, json=sent, params=asked, headers={"Authorization": f"Bearer {world.keys[role]}"}
    )
    assert answer.status_code < 500, (method, url, answer.text)
    every = answer.text + str(answer.headers)
    found = [secret for secret in world.secrets() if secret in every and secret not in f"{url} {asked}"]
    assert not found, (method, url, role, found)
    return int(answer.status_code)


def _everything(theirs: Settings) -> dict[str, str]:
    """A print of all that a tenant has: each table of its store, and each file of its folder."""
    tables = said(theirs, "SELECT tablename FROM pg_tables WHERE schemaname = %s", theirs.tenant)
    prints = (
        f"SELECT '{name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{name}\" t" for (name,) in tables
    )
    found = dict(said(theirs, " UNION ALL ".join(prints)))
    files = sorted(path for path in (theirs.folder / theirs.tenant).rglob("*") if path.is_file())
    return found | {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_endpoint_has_a_body_here(world: World) -> None:
    """Who adds one says here what it reads, so that it is asked like the others."""
    writing = {path for method, path, _ in ROUTES if method in ("POST", "PUT", "PATCH")}
    assert {path for path in writing if _body(path, "x", world) is None} == BODILESS


def test_no_endpoint_tells_or_changes_what_is_another_tenant_s(world: World) -> None:
    before, statuses = _everything(world.theirs), []
    for place in ROUTES:
        for role in ROLES:
            statuses += [_ask(world, place, role, name) for name in world.names]
    assert len(statuses) == len(ROUTES) * len(ROLES) * len(world.names)
    assert statuses.count(200) > len(statuses) / 4  # it was not all refused
    assert _everything(world.theirs) == before


def test_in_any_order_either_and_with_what_both_wrote(world: World) -> None:
    client = world.client

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(ROUTES))
        if data.draw(st.booleans()):  # theirs writes the same names in between
            client.bearing(world.their_key).post("/v1/items", json={"id": ITEM, "title": UNSAID["title"]})
            client.post("/v1/events", json={"user": USER, "item": ITEM, "type": UNSAID["type"]})
        before = _everything(world.theirs)
        _ask(world, place, data.draw(st.sampled_from(ROLES)), data.draw(st.sampled_from(world.names)))
        assert _everything(world.theirs) == before

    ask()
    client.bearing(world.their_key)
    theirs = client.get(f"/v1/items/{ITEM}").json()
    assert (theirs["title"], theirs["tags"]) == (UNSAID["title"], [UNSAID["tag"]])  # what we wrote was ours alone
    assert client.get(f"/v1/users/{USER}").json()["attributes"] == {"town": UNSAID["town"]}
    assert client.get(f"/v1/recommendations/{world.shown}").json()["user_id"] == USER


def test_a_list_of_one_tenant_is_unknown_to_the_other(world: World) -> None:
    client = world.client.bearing(world.keys["admin"])
    assert client.get(f"/v1/recommendations/{world.shown}").status_code == 404
    assert client.post("/v1/recommendations", json={"after": world.shown}).status_code == 404
    assert client.post("/v1/events", json={"user": "u1", "item": "f1", "type": "like"}).status_code < 300
    before = client.bearing(world.their_key).get("/metrics").text
    client.bearing(world.keys["admin"]).post("/v1/events", json={"user": "u1", "item": "f2", "type": "like"})
    counted = [line for line in before.splitlines() if line.startswith("regard_events_total")]
    assert counted[0] in client.bearing(world.their_key).get("/metrics").text


def test_up_makes_a_first_key_for_each_tenant_that_it_serves(
    server: Server, tmp_path: Path, tenant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = (f"{tenant}a", f"{tenant}b")
    monkeypatch.setenv("REGARD_TENANTS", ",".join(names))
    monkeypatch.setenv("REGARD_DATABASE_URL", server.url)
    monkeypatch.setattr(running, "serve", lambda settings, address: None)
    for said_of in (names, ()):  # the second time there is nothing to say
        cli_serving.up(port=free_port(), jobs=False, folder=tmp_path)
        told = dict(re.findall(r"The first key of (\w+) .*: (\S+)\n", capsys.readouterr().err))
        assert sorted(told) == sorted(said_of)
        for name, key in told.items():
            with Store.open(server.url, name) as store:
                assert digest(key) in open_keys(store)
