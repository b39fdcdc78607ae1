"""Tenants of one process: no endpoint shows one of them a byte of the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.store.server import Server
from regard.serving.settings import Settings
from tests.serving.serving import Client, client_of, install, settings_of

CANARY = "canary7f3a"
TITLE = "unheard-of-9c1e"  # we never write it, and a title may be shown as its id
Both: TypeAlias = tuple[Client, dict[str, str], list[str]]


@pytest.fixture(scope="module")
def both(server: Server, fitted: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A client, the keys of tenant `ours`, and ids that only tenant `theirs` has."""
    folder = tmp_path_factory.mktemp("home")
    ours, theirs = (settings_of(folder, server.url, name) for name in ("ours", "theirs"))
    keys, other = install(ours, like=fitted), install(theirs, like=fitted)
    with client_of(ours, theirs) as client:
        client.bearing(other["admin"])
        client.post("/v1/items", json={"id": CANARY, "title": TITLE, "tags": [CANARY], "attributes": {CANARY: CANARY}})
        client.post("/v1/users", json={"id": CANARY, "attributes": {"town": CANARY}})
        client.post("/v1/events", json={"user": CANARY, "item": CANARY, "type": "like", "context": {"x": CANARY}})
        shown = client.list_for(CANARY, k=5)
        yield client, {**keys, "theirs": other["admin"]}, [CANARY, shown["recommendation_id"]]
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA ours CASCADE")
        connection.execute("DROP SCHEMA theirs CASCADE")


def test_every_endpoint_keeps_the_other_tenant_s_bytes(both: Both) -> None:
    client, keys, names = both
    client.bearing(keys["admin"])
    paths = client.get("/openapi.json").json()["paths"]

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(paths)))
        method = data.draw(st.sampled_from(sorted(paths[path])))
        name = data.draw(st.sampled_from(names))
        answer = client.request(method, re.sub(r"{\w+}", name, path), json=_body(path, method, name))
        assert answer.status_code < 500
        said = answer.text.replace(name, "") if answer.status_code in (404, 422) else answer.text  # our own question
        if method != "post" or "item" not in path:
            assert "town" not in said
            assert TITLE not in said

    ask()
    client.bearing(keys["theirs"])
    assert client.get(f"/v1/items/{CANARY}").json()["title"] == TITLE  # what we deleted and wrote was ours alone
    assert client.get(f"/v1/users/{CANARY}").json()["attributes"] == {"town": CANARY}
    assert client.list_for(CANARY, k=200)["dropped"]["seen"] == 1


def _body(path: str, method: str, name: str) -> Any:
    if method in ("get", "delete"):
        return None
    if path.endswith("recommendations"):
        return {"user_id": name} if path.startswith("/v1") else {"userId": name}
    if method == "patch":
        return {}
    return {"user": name, "item": name, "id": name}


def test_a_list_of_one_tenant_is_unknown_to_the_other(both: Both) -> None:
    client, keys, (_, shown) = both
    client.bearing(keys["admin"])
    assert client.get(f"/v1/recommendations/{shown}").status_code == 404
    assert client.post("/v1/recommendations", json={"after": shown}).status_code == 404
    assert client.post("/v1/events", json={"user": "u1", "item": "f1", "type": "like"}).status_code < 300
    client.bearing(keys["theirs"])
    assert "regard_events_total 1.0" in client.get("/metrics").text
