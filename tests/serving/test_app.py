"""The native interface in one process, over a real store."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regard.data.impression_log import Impression
from regard.data.store.server import Server
from regard.serving.installation import Installation
from regard.serving.replaying import replay
from regard.serving.served import Served
from regard.serving.settling import GIVES_WAY
from tests.serving.serving import Client, Home, client_of, ids, install, said, settings_of


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


def test_events_sent_twice_are_there_once(client: Client, served: Home) -> None:
    batch = [{"user": "twice", "item": f"f{n}", "type": "view", "id": f"twice-{n}", "time": 1.7e9} for n in range(5)]
    for _ in range(2):
        assert client.post("/v1/events", json=batch).json() == {"accepted": 5}
    assert said(served[0], "SELECT count(*) FROM events WHERE key LIKE 'twice-%%'") == [(5,)]


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


def test_a_patch_keeps_to_the_rules_of_an_import(client: Client) -> None:
    client.post("/v1/items", json={"id": "patched", "title": "Old", "attributes": {"year": 1999, "new": True}})
    said = {"valid_from": 1.7e12, "valid_until": "2030-01-01", "tags": [" x ", "x", ""], "attributes": {"year": 2000}}
    found = client.patch("/v1/items/patched", json=said).json()
    assert (found["valid_from"], found["valid_until"]) == (1.7e9, 1893456000.0)  # milliseconds, ISO 8601
    assert (found["tags"], found["attributes"]) == (["x"], {"year": 2000.0, "new": True})
    refused = client.patch("/v1/items/patched", json={"valid_from": "tomorrow"})
    assert (refused.status_code, refused.json()["error"]["where"]) == (422, "body.valid_from")
    cleared = client.patch("/v1/items/patched", json=dict.fromkeys(said)).json()
    assert {name: cleared[name] for name in said} == {
        "valid_from": None, "valid_until": None, "tags": [], "attributes": {},
    }  # fmt: skip
    for kind in ({}, {"content-type": "application/x-www-form-urlencoded"}):  # as curl -d sends it
        assert client.patch("/v1/items/patched", content=b'{"title": "New"}', headers=kind).json()["title"] == "New"


def test_null_takes_away_what_is_said_of_a_person(client: Client) -> None:
    consent = {"personalise": False, "mood": True}
    client.post("/v1/users", json={"id": "changing", "attributes": {"town": "Bonn", "age": 40}, "consent": consent})
    said = {"attributes": {"town": None}, "consent": {"mood": None}}
    found = client.patch("/v1/users/changing", json=said).json()
    assert (found["attributes"], found["consent"]) == ({"age": 40.0}, {"personalise": False})
    found = client.patch("/v1/users/changing", json={"attributes": None}).json()
    assert (found["attributes"], found["consent"]) == ({}, {"personalise": False})
    assert client.patch("/v1/users/changing", json={"consent": None}).json()["consent"] == {"personalise": False}
    plain = client.patch("/v1/users/changing", content=b'{"attributes": {"age": 41}}')  # no content type
    assert plain.json()["attributes"] == {"age": 41.0}


def test_a_deleted_item_leaves_no_row(client: Client, served: Home) -> None:
    client.post("/v1/items", json={"id": "doomed", "title": "Doomed canary", "tags": ["canary"]})
    client.post("/v1/events", json={"user": "u4", "item": "doomed", "type": "view"})
    shown = client.list_for("u5", filter={"tags": "canary"})
    assert ids(shown) == ["doomed"]
    assert client.delete("/v1/items/doomed").json() == {"deleted": {"items": 1, "events": 1, "quarantine": 0}}
    assert client.get("/v1/items/doomed").status_code == 404
    assert client.list_for("u5", filter={"tags": "crime"})["items"]
    left = [said(served[0], f"SELECT t::text FROM {table} t") for table in ("items", "impressions")]
    assert "doomed" not in str(left).lower()
    traced = client.get(f"/v1/recommendations/{shown['recommendation_id']}").json()
    assert traced["items"][0]["id"] == ""
    client.post("/v1/items", json={"id": "doomed", "title": "Back again"})  # the id may come again, with a new row
    assert client.get("/v1/items/doomed").json()["title"] == "Back again"
    assert client.list_for("u5", k=200)["items"]


def test_a_deleted_person_leaves_no_row(client: Client, served: Home) -> None:
    client.post("/v1/users", json={"id": "leaver", "attributes": {"town": "Canary Wharf"}})
    client.post("/v1/events", json={"user": "leaver", "item": "f1", "type": "like"})
    shown = client.list_for("leaver", k=2)
    went = client.delete("/v1/users/leaver").json()["deleted"]
    assert (went["users"], went["events"], went["impressions"]) == (1, 1, 1)
    assert client.get(f"/v1/recommendations/{shown['recommendation_id']}").status_code == 404
    tables = [name for (name,) in said(served[0], "SELECT tablename FROM pg_tables WHERE schemaname = 'test_app'")]
    everything = str([said(served[0], f'SELECT t::text FROM "{name}" t') for name in tables])
    assert "leaver" not in everything
    assert "Wharf" not in everything
    assert client.list_for("leaver", k=2)["dropped"].get("seen", 0) == 0


def test_a_list_under_way_while_its_person_is_erased_is_not_logged(
    client: Client, served: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/v1/users", json={"id": "late leaver", "attributes": {"town": "Canary Wharf"}})
    app: Any = client.app
    within = app.state.tenants.served[served[0].tenant]
    write = within.impressions.write

    def late(batch: Sequence[Impression], seconds: float) -> list[bool]:
        within.here.store.forget("late leaver")
        logged: list[bool] = write(batch, seconds)
        return logged

    with monkeypatch.context() as patch:
        patch.setattr(within.impressions, "write", late)
        assert not client.list_for("late leaver", k=2)["logged"]
    assert "Wharf" not in str(said(served[0], "SELECT t::text FROM impressions t"))
    assert client.logged_list_for("u1")["items"]  # nobody else is held up


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
    logged = client.get(f"/v1/recommendations/{comedies['recommendation_id']}").json()
    assert not logged["dropped"].get("filtered")  # nobody proposed what this request does not want
    barred = client.get(f"/v1/recommendations/{comedies['recommendation_id']}/why/f0").json()
    assert (barred["fell"], barred["dropped_by"]) == ("dropped", "filtered")
    client.post("/v1/items", json={"id": "moody", "mood": "calm"})
    assert ids(client.list_for("u7", filter={"mood": "calm"})) == ["moody"]
    client.delete("/v1/items/moody")  # and with it all that such a filter could mean
    assert client.post("/v1/recommendations", json={"user_id": "u7", "filter": {"mood": "calm"}}).status_code == 422
    assert "f1" not in ids(client.list_for("u7", k=200, seed_item="f1"))
    guest = client.list_for(None, session=[{"item": "f0", "type": "like"}, {"item": "f2", "type": "like"}], k=5)
    assert all(int(name[1:]) % 2 == 0 for name in ids(guest))
    assert not {"f0", "f2"} & set(ids(guest))


def test_who_asks_for_one_maker_gets_their_items_and_no_list_is_cut_short(client: Client) -> None:
    client.post("/v1/items", json=[{"id": f"solo{n}", "title": f"Solo {n}", "creator": "Solo"} for n in range(12)])
    for user in ("u7", None):
        answer = client.list_for(user, k=10, filter={"creator": "Solo"})
        assert (len(answer["items"]), set(answer["dropped"].values())) == (10, {0})
        assert len(ids(client.list_for(user, k=10, filter={"creator": ["Solo", "Director 1"]}))) == 10
    everything = client.list_for(None, k=200)
    assert len(everything["items"]) + sum(everything["dropped"].values()) >= 52
    assert sum(name.startswith("solo") for name in ids(client.list_for(None, k=10))) <= 3
    for n in range(12):
        client.delete(f"/v1/items/solo{n}")


def test_who_allows_no_profile_gets_a_list_that_their_past_does_not_change(client: Client) -> None:
    client.post("/v1/users", json={"id": "quiet", "consent": {"personalise": False}})
    before = client.list_for("quiet", k=5)
    client.post("/v1/events", json=[{"user": "quiet", "item": name, "type": "like"} for name in ids(before)])
    after = client.list_for("quiet", k=5)
    assert before["mode"] == after["mode"] == "non_profiled"
    assert before["items"] == after["items"]


def test_the_trace_and_the_replay_of_a_list(client: Client, served: Home) -> None:
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
    with Installation.open(served[0]) as here:
        rested = Served.at_rest(here)
        assert replay(rested, rested.impressions.get(name)).verdict == "same"


def test_a_trace_has_no_name_for_an_item_deleted_since(client: Client) -> None:
    client.post("/v1/items", json={"id": "passing", "title": "Passing"})
    client.post("/v1/events", json=[{"user": "tracer", "item": name, "type": "like"} for name in ("passing", "f1")])
    name = client.logged_list_for("tracer", k=3)["recommendation_id"]
    client.delete("/v1/items/passing")
    assert sorted(client.get(f"/v1/recommendations/{name}").json()["dropped"]["seen"]) == ["", "f1"]


def test_similar_items_share_the_genre(client: Client) -> None:
    answer = client.get("/v1/items/f0/similar", params={"k": 3}).json()
    assert all(int(item["id"][1:]) % 2 == 0 for item in answer["by"]["use"])


def test_an_id_may_end_as_a_route_does(client: Client) -> None:
    client.post("/v1/items", json=[{"id": "f0/similar", "title": "Sequel", "tags": ["crime"]}])
    assert client.get("/v1/items/f0%2Fsimilar").json()["id"] == "f0/similar"
    assert client.get("/v1/items/f0%2fsimilar/similar").json()["id"] == "f0/similar"
    assert client.get("/v1/items/f0/similar/similar").json()["by"]
    assert client.get("/v1/items/f0/similar").json()["id"] == "f0"
    assert client.patch("/v1/items/f0%2Fsimilar", json={"title": "Two"}).json()["title"] == "Two"
    assert client.delete("/v1/items/f0/similar").json()["deleted"]
    assert client.get("/v1/items/f0%2Fsimilar").status_code == 404


def test_similar_items_are_the_nearest_of_those_on_offer(client: Client) -> None:
    def alike(k: int) -> list[str]:
        return [item["id"] for item in client.get("/v1/items/f0/similar", params={"k": k}).json()["by"]["use"]]

    near = alike(8)
    for name in near[:3]:
        client.patch(f"/v1/items/{name}", json={"hidden": True})
    client.patch(f"/v1/items/{near[3]}", json={"valid_until": 1.0})
    client.patch(f"/v1/items/{near[4]}", json={"valid_from": time.time() + 3600})
    assert alike(3) == near[5:8]
    found = client.get("/api/item-to-item/use/f0", params={"n": 2, "offset": 1}).json()
    assert [one["Id"] for one in found] == near[6:8]
    for name in near[:5]:
        client.patch(f"/v1/items/{name}", json={"hidden": False, "valid_from": None, "valid_until": None})


def test_gorse_neighbours_of_a_category_are_as_many_as_there_are(client: Client) -> None:
    words = "A story of crime and the police"
    client.post("/v1/items", json=[{"id": f"near{n}", "title": words, "tags": ["much"]} for n in range(60)])
    client.post("/v1/items", json=[{"id": f"few{n}", "title": f"{words}, {n}", "tags": ["few"]} for n in range(2)])
    found = client.get("/api/item-to-item/use/near0", params={"n": 2, "category": "few"}).json()
    assert {one["Id"] for one in found} == {"few0", "few1"}


def test_what_is_loaded_is_out_of_the_collector_s_sight_and_loading_gives_way(served: Home) -> None:
    with client_of(served[0]):
        assert gc.get_freeze_count() > 10_000
        assert sys.getswitchinterval() <= 1.01 * GIVES_WAY
    assert gc.get_freeze_count() == 0


def test_an_item_newer_than_the_release_has_neighbours_by_content_alone(
    server: Server, tmp_path: Path, tenant: str
) -> None:
    als = {"als": {"kind": "als", "factors": 4}, "popular": {"kind": "popularity"}}
    settings = replace(settings_of(tmp_path, server.url, tenant), recipes={"sources": als})
    keys = install(settings)
    with client_of(settings) as client:
        client.bearing(keys["admin"])
        assert set(client.get("/v1/items/f0/similar").json()["by"]) == {"use", "people"}
        client.post("/v1/items", json={"id": "newest", "title": "Heat", "tags": ["crime"]})
        by = client.get("/v1/items/newest/similar").json()["by"]
    assert by["use"]
    assert by["people"] == []
