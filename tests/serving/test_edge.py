"""Who may ask what, and what bad input is told; in one process, over a real store."""

from __future__ import annotations

import re
from typing import Any

import pytest

from regard.data.keys import create_key, revoke_key
from regard.serving.api.access import OPEN
from regard.serving.installation import Installation
from tests.serving.serving import Client, Home, said


def routes(client: Client) -> list[tuple[str, str, str | None]]:
    """Method, path and role of every route; once more for each parameter that needs another role."""
    paths = client.get("/openapi.json").json()["paths"]
    told = [(m.upper(), p, route) for p, methods in paths.items() for m, route in methods.items()]
    plain = [(m, p, route.get("x-role")) for m, p, route in told]
    return plain + [
        (m, f"{p}?{name}=0001", role) for m, p, r in told for name, role in r.get("x-role-with", {}).items()
    ]


def test_no_key_is_401_and_a_lesser_role_403_on_every_route(client: Client, served: Home) -> None:
    roles, lesser = ["read", "write", "expert", "admin"], {"write": "read", "expert": "write", "admin": "expert"}
    found = routes(client)
    assert len(found) > 15
    for method, path, role in found:
        url = re.sub(r"{\w+}", "0001", path)
        if role is None:
            assert path in OPEN
            continue
        assert role in roles
        for key in ("", "test_edge-nonsense", "nobody-" + "0" * 40):
            answer = client.request(method, url, headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, set(answer.json()["error"])) == (401, {"where", "expected", "got", "hint"})
        if role in lesser:
            answer = client.request(method, url, headers={"Authorization": f"Bearer {served[1][lesser[role]]}"})
            assert (answer.status_code, answer.json()["error"]["where"]) == (403, "the key"), (method, path)


def test_a_gorse_list_is_read_and_written_back_by_who_may_write(client: Client, served: Home) -> None:
    assert [role for _, path, role in routes(client) if path.startswith("/api/recommend/")].count("write") == 2
    client.bearing(served[1]["read"])
    assert len(client.get("/api/recommend/u1?n=3").json()) == 3
    for path in ("/api/recommend/u1", "/api/recommend/u1/crime"):
        answer = client.get(f"{path}?n=3&write-back-type=read")
        assert (answer.status_code, answer.json()["error"]["got"]) == (403, "the role read")
    client.bearing(served[1]["write"])
    assert len(client.get("/api/recommend/u1?n=3&write-back-type=read").json()) == 3


def test_a_revoked_key_opens_nothing(client: Client, served: Home) -> None:
    with Installation.open(served[0]) as here:
        key = create_key(here.store, "short-lived", "read")
        client.list_for("u1")  # a request hears of it
        bearing = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/releases", headers=bearing).status_code == 200
        revoke_key(here.store, "short-lived")
        client.list_for("u1")
        assert client.get("/v1/releases", headers=bearing).status_code == 401
    assert key.rpartition("-")[2] not in str(said(served[0], "SELECT k::text FROM keys k"))


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_the_word_before_a_key_is_read_in_any_case(client: Client, served: Home, word: str) -> None:
    bearing = {"Authorization": f"{word} {served[1]['read']}"}
    assert client.get("/v1/releases", headers=bearing).status_code == 200


BAD: list[tuple[str, str, Any, int]] = [
    ("POST", "/v1/recommendations", {"k": 0}, 422),
    ("POST", "/v1/recommendations", {"k": "many"}, 422),
    ("POST", "/v1/recommendations", {"nonsense": 1}, 422),
    ("POST", "/v1/recommendations", {"filter": {"nothing has this": "x"}}, 422),
    ("POST", "/v1/recommendations", {"seed_item": "nothing"}, 404),
    ("POST", "/v1/recommendations", {"after": "018bcfe5-6800-7000-8000-000000000005"}, 404),
    ("POST", "/v1/events", {"user": "u1"}, 422),
    ("POST", "/v1/events", [], 422),
    ("POST", "/v1/events", [{"user": "u1", "item": "f1"}, {"user": "u1", "item": "f1", "value": "x"}], 422),
    ("POST", "/v1/events", {"user": "u1", "item": "a\x00b"}, 422),
    ("POST", "/v1/items", {"title": "no id"}, 422),
    ("PATCH", "/v1/items/f1", {"tags": 5}, 422),
    ("PATCH", "/v1/items/nothing", {"title": "x"}, 404),
    ("GET", "/v1/recommendations/nonsense", None, 404),
    ("GET", "/v1/items/f1/similar?k=0", None, 422),
    ("POST", "/v1/releases/9999/promote", None, 404),
    ("GET", "/v1/nothing", None, 404),
    ("PUT", "/v1/events", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), BAD)
def test_bad_input_gets_the_one_body(client: Client, method: str, path: str, body: Any, status: int) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"where", "expected", "got", "hint"}


def test_broken_json_and_a_body_too_large(client: Client) -> None:
    for path in ("/v1/events", "/v1/recommendations", "/v1/items"):
        answer = client.post(path, content=b'{"user": ')
        assert (answer.status_code, answer.json()["error"]["expected"]) == (400, "JSON")
        assert client.post(path, content=b" " * (17 << 20)).status_code == 413


def test_nothing_of_a_call_with_a_bad_event_is_kept(client: Client, served: Home) -> None:
    answer = client.post("/v1/events", json=[{"user": "half", "item": "f1"}, {"user": "half"}])
    assert answer.json()["error"]["where"] == "[1].item"
    assert said(served[0], "SELECT count(*) FROM users WHERE id = 'half'") == [(0,)]


def test_a_request_id_comes_back_and_figures_count(client: Client) -> None:
    answer = client.get("/health/live", headers={"X-Request-Id": "mine-7"})
    assert answer.headers["x-request-id"] == "mine-7"
    assert len(client.get("/health/ready").headers["x-request-id"]) == 32
    assert client.post("/v1/recommendations", json={"user_id": "u1"}).status_code == 200
    assert 'regard_lists_total{logged="true"}' in client.get("/metrics").text
