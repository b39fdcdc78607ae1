"""What every answer bears, whatever went wrong: an id, the one body, headers for pages from elsewhere; and limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.requests import Request

from regard.serving.api import access
from regard.serving.api.access import Tenants
from regard.serving.api.errors import Unauthorized
from tests.serving import processes
from tests.serving.processes import MAIN, serving
from tests.serving.serving import Client, Home, client_of

SHOP, ELSEWHERE = "https://shop.example", "https://elsewhere.example"
BODY = {"where", "expected", "got", "hint"}
BROKEN = f"""from regard.serving.served import Served
Served.caller = lambda self, key: 1 / 0
{MAIN}"""


def asks_first(origin: str, *headers: str) -> dict[str, str]:
    """What a browser says before it sends a page's request."""
    said = {"Origin": origin, "Access-Control-Request-Method": "POST", "X-Request-Id": "first-1"}
    return said | {"Access-Control-Request-Headers": ", ".join(headers)}


@pytest.fixture(scope="module")
def cors(served: Home) -> Iterator[Client]:
    with client_of(replace(served[0], origins=(SHOP, "https://other.example"))) as client:
        yield client


@pytest.mark.parametrize(
    "headers", [("authorization", "content-type"), ("x-api-key", "x-api-version"), ("x-request-id", "traceparent")]
)
def test_a_page_of_a_known_origin_may_send_what_our_clients_send(cors: Client, headers: tuple[str, ...]) -> None:
    answer = cors.options("/v1/events", headers=asks_first(SHOP, *headers))
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert set(answer.headers["access-control-allow-headers"].lower().split(", ")) >= set(headers)
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-request-id"] == "first-1"


def test_a_page_reads_answers_and_errors_with_what_helps(cors: Client, served: Home) -> None:
    for key, status in ((served[1]["read"], 200), ("nonsense", 401)):
        answer = cors.get("/v1/releases", headers={"Origin": SHOP, "X-API-Key": key})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == SHOP
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert {"x-request-id", "retry-after"} <= set(exposed)
        assert "Origin" in answer.headers["vary"]


def test_a_page_from_elsewhere_is_refused_in_the_one_body(cors: Client, served: Home) -> None:
    answer = cors.options("/v1/events", headers=asks_first(ELSEWHERE, "x-api-key"))
    assert (answer.status_code, set(answer.json()["error"])) == (403, BODY)
    assert ELSEWHERE in answer.json()["error"]["got"]
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-request-id"] == "first-1"
    answer = cors.get("/v1/releases", headers={"Origin": ELSEWHERE, "X-API-Key": served[1]["read"]})
    assert "access-control-allow-origin" not in answer.headers  # and so its browser keeps it from the page


def test_without_origins_nobody_is_told_that_pages_may_ask(client: Client) -> None:
    answer = client.options("/v1/events", headers=asks_first(SHOP, "x-api-key"))
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.fixture
def limited(served: Home) -> Iterator[Client]:
    with client_of(replace(served[0], rate=0.01, origins=(SHOP,))) as client:  # the second request may come after 100 s
        yield client


def test_a_key_that_asks_too_often_waits_and_another_does_not(limited: Client, served: Home) -> None:
    keys = {role: {"X-API-Key": served[1][role], "Origin": SHOP} for role in ("read", "write")}
    assert limited.get("/v1/releases", headers=keys["read"]).status_code == 200
    answer = limited.get("/v1/releases", headers=keys["read"])
    assert (answer.status_code, set(answer.json()["error"])) == (429, BODY)
    assert 1 < int(answer.headers["retry-after"]) <= 100
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert limited.get("/v1/releases", headers=keys["write"]).status_code == 200


def test_what_a_key_may_not_do_counts_too(limited: Client, served: Home) -> None:
    reading = {"X-API-Key": served[1]["read"]}
    assert [limited.post("/v1/events", headers=reading).status_code for _ in range(2)] == [403, 429]


def test_wrong_keys_are_limited_by_address_and_a_good_one_is_let_through(limited: Client, served: Home) -> None:
    wrong = [limited.get("/v1/releases", headers={"X-API-Key": f"test_door-{n}"}) for n in range(3)]
    assert [answer.status_code for answer in wrong] == [401, 429, 429]
    assert wrong[1].json()["error"]["where"] == "the address"
    assert limited.get("/v1/releases", headers={"X-API-Key": served[1]["read"]}).status_code == 200


def test_those_who_are_counted_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "CALLERS", 10)
    tenants = Tenants({}, 0.01)
    for n in range(100):
        with pytest.raises(Unauthorized):
            tenants.admit(Request({"type": "http", "headers": [], "client": (f"10.0.0.{n}", 1)}), "read")
    assert len(tenants._buckets) == 10


def test_an_error_of_our_own_bears_its_id_here_and_in_the_log(served: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAIN", BROKEN)
    monkeypatch.setenv("REGARD_ORIGINS", SHOP)
    with serving(served[0], served[1]["read"]) as replica:
        answer = replica.http.get("/v1/releases", headers={"X-Request-Id": "order-17", "Origin": SHOP})
        assert (answer.status_code, set(answer.json()["error"])) == (500, BODY)
        assert answer.headers["x-request-id"] == "order-17"
        assert answer.headers["access-control-allow-origin"] == SHOP
        replica.stop()
    lines = [json.loads(line) for line in replica.log.read_text().splitlines()]
    found = {line["event"]: line for line in lines if line.get("request_id") == "order-17"}
    assert set(found) == {"internal error", "request"}
    assert "ZeroDivisionError" in found["internal error"]["traceback"]
