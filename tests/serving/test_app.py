"""The native interface in one process, over a real store."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from regard.data.store.server import Server
from regard.serving.api.access import OPEN
from regard.serving.installation import Installation
from regard.serving.settings import Settings
from tests.serving.serving import Client, client_of, ids, install, settings_of


@pytest.fixture(scope="module")
def home(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, dict[str, str]]]:
    settings = settings_of(tmp_path_factory.mktemp("home"), server.url, "served")
    yield settings, install(settings)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA served CASCADE")


@pytest.fixture(scope="module")
def client(home: tuple[Settings, dict[str, str]]) -> Iterator[Client]:
    with client_of(home[0]) as client:
        yield client.bearing(home[1]["admin"])


@pytest.fixture(autouse=True)
def as_admin(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    client.bearing(home[1]["admin"])


def said(store: Settings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(str(store.database_url)) as connection:
        connection.execute("SET search_path = served, public")
        return connection.execute(query.encode(), values).fetchall()


def test_a_list_says_what_it_is_made_of(client: Client) -> None:
    answer = client.list_for("u1", k=5, explain="short")
    assert all(int(name[1:]) % 2 == 1 for name in ids(answer))  # u1 likes the odd films
    assert [item["position"] for item in answer["items"]] == [0, 1, 2, 3, 4]
    assert answer["mode"] == "personal"
    assert answer["logged"]
    assert all(item["propensity"] == 1.0 and item["reason"]["text"] for item in answer["items"])
    assert answer["dropped"]["seen"] == 8


def test_the_last_event_changes_the_next_list(client: Client) -> None:
    before = ids(client.list_for("u2", k=5))
    assert client.post("/v1/events", json={"user": "u2", "item": before[0], "type": "like"}).status_code == 202
    after = client.list_for("u2", k=5)
    assert before[0] not in ids(after)
    assert after["dropped"]["seen"] == 9


def test_events_sent_twice_are_there_once(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    batch = [{"user": "twice", "item": f"f{n}", "type": "view", "id": f"twice-{n}", "time": 1.7e9} for n in range(5)]
    for _ in range(2):
        assert client.post("/v1/events", json=batch).json() == {"accepted": 5}
    assert said(home[0], "SELECT count(*) FROM events WHERE key LIKE 'twice-%%'") == [(5,)]


def test_an_event_from_a_fast_clock_counts_at_once_and_a_late_one_lands_in_its_place(client: Client) -> None:
    ahead = time.time() + 60
    client.post("/v1/events", json={"user": "clocks", "item": "f1", "type": "like", "time": ahead})
    client.post("/v1/events", json={"user": "clocks", "item": "f3", "type": "like", "time": 1.6e9})
    answer = client.list_for("clocks", k=3)
    assert answer["dropped"]["seen"] == 2
    assert all(int(name[1:]) % 2 == 1 for name in ids(answer))
    refused = client.post("/v1/events", json={"user": "clocks", "item": "f1", "time": time.time() + 1e6})
    assert (refused.status_code, refused.json()["error"]["where"]) == (422, "event.time")


def test_what_is_dated_ahead_counts_from_then(client: Client) -> None:
    client.post("/v1/events", json={"user": "planner", "item": "f1", "type": "like"})
    client.post("/v1/events", json={"user": "planner", "item": "f3", "type": "like", "time": time.time() + 3600})
    answer = client.list_for("planner", k=200)
    assert answer["dropped"]["seen"] == 1
    assert "f3" in ids(answer)


def test_unknown_people_and_items_are_kept_and_joined_when_they_come(client: Client) -> None:
    client.post("/v1/events", json={"user": "early bird", "item": "later", "type": "like"})
    assert client.get("/v1/users/early bird").json()["attributes"] == {}
    assert client.get("/v1/items/later").json()["title"] == ""
    client.post("/v1/items", json={"id": "later", "title": "It came"})
    assert client.get("/v1/items/later").json()["title"] == "It came"
    assert "later" not in ids(client.list_for("early bird", k=200))


def test_a_new_item_is_servable_and_a_hidden_one_is_gone_on_the_next_request(client: Client) -> None:
    client.post("/v1/items", json={"id": "fresh", "title": "Fresh", "tags": ["crime"], "attributes": {"year": "2026"}})
    assert ids(client.list_for("u3", filter={"year": "2026"})) == ["fresh"]
    assert client.patch("/v1/items/fresh", json={"hidden": True}).json()["hidden"]
    hidden = client.list_for("u3", filter={"year": "2026"})
    assert (ids(hidden), hidden["dropped"]["hidden"]) == ([], 1)
    assert not client.patch("/v1/items/fresh", json={"hidden": False}).json()["hidden"]
    assert ids(client.list_for("u3", filter={"year": "2026"})) == ["fresh"]
    client.patch("/v1/items/fresh", json={"title": "Renamed", "attributes": {"year": None}})
    assert client.get("/v1/items/fresh").json()["attributes"] == {}
    client.delete("/v1/items/fresh")


def test_a_deleted_item_leaves_no_row(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    client.post("/v1/items", json={"id": "doomed", "title": "Doomed canary", "tags": ["canary"]})
    client.post("/v1/events", json={"user": "u4", "item": "doomed", "type": "view"})
    shown = client.list_for("u5", filter={"tags": "canary"})
    assert ids(shown) == ["doomed"]
    assert client.delete("/v1/items/doomed").json() == {"deleted": {"items": 1, "events": 1}}
    assert client.get("/v1/items/doomed").status_code == 404
    assert client.list_for("u5", filter={"tags": "crime"})["items"]
    everything = str(said(home[0], "SELECT i::text FROM items i") + said(home[0], "SELECT i::text FROM impressions i"))
    assert "doomed" not in everything.lower()
    traced = client.get(f"/v1/recommendations/{shown['recommendation_id']}").json()
    assert traced["items"][0]["id"] == ""
    client.post("/v1/items", json={"id": "doomed", "title": "Back again"})  # the id may come again, with a new row
    assert client.get("/v1/items/doomed").json()["title"] == "Back again"
    assert client.list_for("u5", k=200)["items"]


def test_a_deleted_person_leaves_no_row(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    client.post("/v1/users", json={"id": "leaver", "attributes": {"town": "Canary Wharf"}})
    client.post("/v1/events", json={"user": "leaver", "item": "f1", "type": "like"})
    shown = client.list_for("leaver", k=2)
    went = client.delete("/v1/users/leaver").json()["deleted"]
    assert (went["users"], went["events"], went["impressions"]) == (1, 1, 1)
    assert client.get(f"/v1/recommendations/{shown['recommendation_id']}").status_code == 404
    tables = [name for (name,) in said(home[0], "SELECT tablename FROM pg_tables WHERE schemaname = 'served'")]
    everything = str([said(home[0], f'SELECT t::text FROM "{name}" t') for name in tables])
    assert "leaver" not in everything
    assert "Wharf" not in everything
    assert client.list_for("leaver", k=2)["dropped"].get("seen", 0) == 0


def test_paging_repeats_nothing(client: Client) -> None:
    seen: list[str] = []
    after = None
    for _ in range(4):
        page = client.list_for("u6", k=5, **({"after": after} if after else {}))
        seen += ids(page)
        after = page["recommendation_id"]
    assert len(seen) == len(set(seen)) == 20


def test_exclude_filter_seed_and_session(client: Client) -> None:
    best = ids(client.list_for("u7", k=3))
    assert not set(best) & set(ids(client.list_for("u7", k=3, exclude=best)))
    comedies = client.list_for("u7", k=5, filter={"tags": ["comedy"]})
    assert all(int(name[1:]) % 2 == 1 for name in ids(comedies))
    assert "f1" not in ids(client.list_for("u7", k=200, seed_item="f1"))
    guest = client.list_for(None, session=[{"item": "f0", "type": "like"}, {"item": "f2", "type": "like"}], k=5)
    assert all(int(name[1:]) % 2 == 0 for name in ids(guest))
    assert not {"f0", "f2"} & set(ids(guest))


def test_who_allows_no_profile_gets_a_list_that_their_past_does_not_change(client: Client) -> None:
    client.post("/v1/users", json={"id": "quiet", "consent": {"personalise": False}})
    before = client.list_for("quiet", k=5)
    client.post("/v1/events", json=[{"user": "quiet", "item": name, "type": "like"} for name in ids(before)])
    after = client.list_for("quiet", k=5)
    assert before["mode"] == after["mode"] == "non_profiled"
    assert before["items"] == after["items"]


def test_the_trace_and_the_replay_of_a_list(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    answer = client.list_for("u8", k=5, context={"device": "tv"})
    name = answer["recommendation_id"]
    client.post("/v1/events", json={"user": "u8", "item": ids(answer)[0], "type": "like"})  # later events do not count
    traced = client.get(f"/v1/recommendations/{name}").json()
    assert [item["id"] for item in traced["items"]] == ids(answer)
    assert [item["parts"] for item in traced["items"]] == [item["parts"] for item in answer["items"]]
    assert (traced["user_id"], traced["moment"]["context"]) == ("u8", {"device": "tv"})
    assert len(traced["dropped"]["seen"]) == 8
    shown = client.get(f"/v1/recommendations/{name}/why/{ids(answer)[0]}").json()
    assert (shown["fell"], shown["position"]) == ("shown", 0)
    dropped = client.get(f"/v1/recommendations/{name}/why/{traced['dropped']['seen'][0]}").json()
    assert (dropped["fell"], dropped["dropped_by"]) == ("dropped", "seen")
    from regard.serving import traces
    from regard.serving.served import Served

    with Installation.open(home[0]) as here:
        assert traces.replay(Served.at_rest(here), name)["same"]


def test_similar_items_share_the_genre(client: Client) -> None:
    answer = client.get("/v1/items/f0/similar", params={"k": 3}).json()
    assert all(int(item["id"][1:]) % 2 == 0 for item in answer["by"]["use"])


def routes(client: Client) -> list[tuple[str, str, str | None]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [(m.upper(), p, route.get("x-role")) for p, methods in paths.items() for m, route in methods.items()]


def test_no_key_is_401_and_a_lesser_role_403_on_every_route(
    client: Client, home: tuple[Settings, dict[str, str]]
) -> None:
    roles, lesser = ["read", "write", "expert", "admin"], {"write": "read", "expert": "write", "admin": "expert"}
    found = routes(client)
    assert len(found) > 15
    for method, path, role in found:
        url = re.sub(r"{\w+}", "0001", path)
        if role is None:
            assert path in OPEN
            continue
        assert role in roles
        for key in ("", "served-nonsense", "nobody-" + "0" * 40):
            answer = client.request(method, url, headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, set(answer.json()["error"])) == (401, {"where", "expected", "got", "hint"})
        if role in lesser:
            answer = client.request(method, url, headers={"Authorization": f"Bearer {home[1][lesser[role]]}"})
            assert (answer.status_code, answer.json()["error"]["where"]) == (403, "the key"), (method, path)


def test_a_revoked_key_opens_nothing(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    from regard.data.keys import create_key, revoke_key

    with Installation.open(home[0]) as here:
        key = create_key(here.store, "short-lived", "read")
        client.list_for("u1")  # a request hears of it
        bearing = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/releases", headers=bearing).status_code == 200
        revoke_key(here.store, "short-lived")
        client.list_for("u1")
        assert client.get("/v1/releases", headers=bearing).status_code == 401
    assert key.rpartition("-")[2] not in str(said(home[0], "SELECT k::text FROM keys k"))


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


def test_nothing_of_a_call_with_a_bad_event_is_kept(client: Client, home: tuple[Settings, dict[str, str]]) -> None:
    answer = client.post("/v1/events", json=[{"user": "half", "item": "f1"}, {"user": "half"}])
    assert answer.json()["error"]["where"] == "[1].item"
    assert said(home[0], "SELECT count(*) FROM users WHERE id = 'half'") == [(0,)]


def test_a_request_id_comes_back_and_figures_count(client: Client) -> None:
    answer = client.get("/health/live", headers={"X-Request-Id": "mine-7"})
    assert answer.headers["x-request-id"] == "mine-7"
    assert len(client.get("/health/ready").headers["x-request-id"]) == 32
    assert 'regard_lists_total{logged="true"}' in client.get("/metrics").text


def test_less_like_this_drops_the_item_and_its_near_duplicates_from_the_next_list(client: Client) -> None:
    twins = [{"id": f"twin{n}", "title": "A heist at sea", "text": "Four thieves", "tags": ["twins"]} for n in range(3)]
    other = {"id": "other", "title": "Gardening in winter", "text": "On soil and frost", "tags": ["twins"]}
    client.post("/v1/items", json=[*twins, other])
    before = client.list_for("u9", k=4, filter={"tags": "twins"})
    client.post("/v1/events", json={"user": "u9", "item": "twin0", "type": "less"})
    after = client.list_for("u9", k=4, filter={"tags": "twins"}, explain="short")
    assert set(ids(before)) == {"twin0", "twin1", "twin2", "other"}
    assert ids(after)[0] == "other"
    assert "twin0" not in ids(after)
    assert all(item["parts"]["less like this"] == -1.0 for item in after["items"][1:])
    for name in ("twin0", "twin1", "twin2", "other"):
        client.delete(f"/v1/items/{name}")


def test_the_page_opens_with_a_cookie_only_where_it_was_let_in(
    client: Client, home: tuple[Settings, dict[str, str]]
) -> None:
    from dataclasses import replace

    assert "set-cookie" not in client.get("/").headers
    with client_of(replace(home[0], page_secret="s3cret")) as page:
        answer = page.get("/")
        assert "Regard" in answer.text
        assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
        assert page.list_for("u1", k=2)["items"]
        assert page.post("/v1/releases/0001/promote").status_code == 403  # it may read and write, no more
        expiry, _, signature = page.cookies["regard_page"].partition(".")
        page.cookies.clear()
        for forged in (f"{int(expiry) + 9}.{signature}", f"1.{signature}", "x.y", expiry, f"{expiry}."):
            answer = page.post("/v1/recommendations", json={}, headers={"Cookie": f"regard_page={forged}"})
            assert answer.status_code == 401
        for name in ("page.css", "page.js", "docs.html", "docs.js", "docs.css"):
            assert page.get(f"/page/{name}").status_code == 200
        assert page.get("/page/..%2Fapp.py").status_code == 404


def test_what_the_pages_load_is_their_own(client: Client) -> None:
    for name in ("page.html", "page.css", "page.js", "docs.html", "docs.css", "docs.js"):
        text = client.get(f"/page/{name}").text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http:" not in text
        assert "https:" not in text
        assert "//cdn" not in text


def test_a_batch_is_everybody_s_list(home: tuple[Settings, dict[str, str]], client: Client, tmp_path: Path) -> None:
    import polars as pl

    from regard.serving.batch import write_lists

    client.post("/v1/users", json={"id": "private", "consent": {"personalise": False}})
    with Installation.open(home[0]) as here:
        people = write_lists(here, tmp_path / "lists.parquet", k=5)
    found = pl.read_parquet(tmp_path / "lists.parquet")
    assert found["user"].n_unique() == people >= 60
    assert found.filter(user="u10")["item"].to_list() == ids(client.list_for("u10", k=5))
    assert found.filter(user="private")["item"].to_list() == ids(client.list_for("private", k=5))


def test_a_source_that_fails_or_sleeps_is_left_out_and_named(home: tuple[Settings, dict[str, str]]) -> None:
    class Broken:
        """A source that sleeps on its first calls, or fails."""

        def __init__(self, source: Any, sleep: float) -> None:
            self.source, self.sleep = source, sleep

        def __getattr__(self, name: str) -> Any:
            return getattr(self.source, name)

        def scores(self, queries: Any) -> Any:
            if not self.sleep:
                raise ValueError("broken")
            time.sleep(self.sleep)
            return self.source.scores(queries)

    for sleep in (0.0, 0.5):
        with client_of(home[0]) as client:
            client.bearing(home[1]["admin"])
            app: Any = client.app
            served = app.state.tenants.served["served"]
            ease = served.live.recommender.retrievers["ease"]
            object.__setattr__(ease, "source", Broken(ease.source, sleep))
            client.list_for("u1")  # a sleeper is found out here
            began = time.monotonic()
            answer = client.list_for("u1")
            assert answer["left_out"] == ["ease"]
            assert len(answer["items"]) == 10
            assert time.monotonic() - began < 0.45  # the budget is 0.1 s, the sleeper wants 0.5 s and more
            assert 'regard_sources_left_out_total{source="ease"}' in client.get("/metrics").text
