"""Two servers over one store: what one is told, the other knows; releases change under load; stops are clean."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from regard.data.keys import create_key, revoke_key
from regard.data.postgres import Store
from regard.domain.run import Run
from regard.domain.weights import EventWeight
from regard.serving.installation import Installation
from regard.serving.settings import Settings
from tests.serving.processes import Replica, serving, until
from tests.serving.serving import Home, ids


@pytest.fixture(scope="module")
def home(served: Home) -> tuple[Settings, str]:
    return served[0], served[1]["admin"]


@pytest.fixture(scope="module")
def pair(home: tuple[Settings, str]) -> Iterator[tuple[Replica, Replica]]:
    with serving(*home) as one, serving(*home) as other:
        yield one, other


def test_an_event_told_to_one_changes_the_next_list_of_the_other(pair: tuple[Replica, Replica]) -> None:
    one, other = pair
    for _ in range(5):
        first = ids(other.list_for("u1", k=3))[0]
        one.post("/v1/events", {"user": "u1", "item": first, "type": "like"}, 202)
        found = other.list_for("u1", k=200)
        assert found["logged"], "the store did not answer in time: a list from memory knows nothing new"
        assert first not in ids(found)


def test_items_told_to_one_stand_and_fall_at_once_at_the_other(pair: tuple[Replica, Replica]) -> None:
    one, other = pair
    for n in range(5):
        one.post("/v1/items", {"id": f"new{n}", "title": f"New {n}", "attributes": {"shelf": f"s{n}"}})
        assert ids(other.list_for("u2", filter={"shelf": f"s{n}"})) == [f"new{n}"]
        one.http.patch(f"/v1/items/new{n}", json={"hidden": True})
        assert ids(other.list_for("u2", filter={"shelf": f"s{n}"})) == []
        assert one.http.delete(f"/v1/items/new{n}").json()["deleted"]["items"] == 1
        assert other.http.get(f"/v1/items/new{n}").status_code == 404
        assert f"new{n}" not in ids(other.list_for("u2", k=200))


def test_an_item_deleted_at_one_has_no_name_in_the_traces_of_the_other(pair: tuple[Replica, Replica]) -> None:
    one, other = pair
    one.post("/v1/items", [{"id": f"gone{n}", "title": f"Gone {n}", "tags": ["gone"]} for n in range(3)])
    answer = other.list_for("u4", k=2, filter={"tags": "gone"})
    trace = f"/v1/recommendations/{answer['recommendation_id']}"
    for n in range(3):
        for replica in pair:
            assert replica.get(f"{trace}/why/gone{n}")["title"] == f"Gone {n}"
        one.http.delete(f"/v1/items/gone{n}")
        for replica in pair:
            assert replica.http.get(f"{trace}/why/gone{n}").status_code == 404
            assert f"gone{n}" not in ids(replica.get(trace))
            assert f"Gone {n}" not in str(replica.get(trace))


def test_consent_told_to_one_counts_at_the_other(pair: tuple[Replica, Replica]) -> None:
    one, other = pair
    one.post("/v1/users", {"id": "u3", "consent": {"personalise": False}})
    assert other.list_for("u3")["mode"] == "non_profiled"
    one.http.delete("/v1/users/u3")
    assert other.http.get("/v1/users/u3").status_code == 404
    assert other.list_for("u3")["dropped"].get("seen", 0) == 0


def test_a_patch_of_a_person_at_one_counts_in_the_next_list_of_the_other(pair: tuple[Replica, Replica]) -> None:
    one, other = pair
    usual = other.list_for("u7")["mode"]
    for consent, mode in ((False, "non_profiled"), (None, usual)):
        told = {"consent": {"personalise": consent}, "attributes": {"told": mode}}
        assert one.http.patch("/v1/users/u7", json=told).status_code == 200
        assert other.list_for("u7")["mode"] == mode
        assert other.get("/v1/users/u7")["attributes"]["told"] == mode
    assert usual != "non_profiled"


def test_feedback_taken_back_at_one_never_was_at_the_other(pair: tuple[Replica, Replica]) -> None:
    one, other = pair
    first = ids(other.list_for("u8", k=3))[0]
    for road in (f"/api/feedback/like/u8/{first}", f"/api/feedback/u8/{first}"):
        one.post("/api/feedback", [{"FeedbackType": "like", "UserId": "u8", "ItemId": first}])
        assert first not in ids(other.list_for("u8", k=200))
        assert one.http.delete(road).json() == {"RowAffected": 1}
        assert first in ids(other.list_for("u8", k=200))
        assert other.http.get(f"/api/feedback/like/u8/{first}").status_code == 404


def test_event_weights_count_in_the_next_list_of_both(
    pair: tuple[Replica, Replica], home: tuple[Settings, str]
) -> None:
    events = [{"user": "weighing", "item": item, "type": kind} for item, kind in (("f1", "like"), ("f2", "view"))]
    pair[0].post("/v1/events", events, 202)
    before = [_scores(replica, "weighing") for replica in pair]
    with Store.open(home[0].store, home[0].tenant) as store:  # another process
        kept = store.event_weights()
        store.set_event_weights([EventWeight("like", 0.0), EventWeight("view", 1.0)])
        after = [_scores(replica, "weighing") for replica in pair]
        store.set_event_weights(kept)
    assert before[0] == before[1] != after[0] == after[1]
    assert [_scores(replica, "weighing") for replica in pair] == before


def test_a_key_that_is_made_or_revoked_is_soon_known_to_both(
    pair: tuple[Replica, Replica], home: tuple[Settings, str]
) -> None:
    with Store.open(home[0].store, home[0].tenant) as store:  # as `regard keys` does
        bearing = {"X-API-Key": create_key(store, "another", "read")}
        for replica in pair:
            until(lambda replica=replica: _status(replica, bearing) == 200)  # type: ignore[misc]
        revoke_key(store, "another")
        for replica in pair:
            until(lambda replica=replica: _status(replica, bearing) == 401)  # type: ignore[misc]


def _scores(replica: Replica, user: str) -> list[tuple[str, float]]:
    return [(item["id"], item["score"]) for item in replica.list_for(user)["items"]]


def _status(replica: Replica, bearing: dict[str, str]) -> int:
    return replica.http.get("/v1/releases", headers=bearing).status_code


def test_a_new_release_goes_live_under_load_without_one_failed_request(
    pair: tuple[Replica, Replica], home: tuple[Settings, str]
) -> None:
    one, other = pair
    said: Counter[tuple[int, str]] = Counter()
    stopping = threading.Event()

    def ask(replica: Replica) -> None:
        with httpx.Client(base_url=replica.http.base_url, headers=replica.http.headers, timeout=30) as client:
            while not stopping.is_set():
                answer = client.post("/v1/recommendations", json={"user_id": "u4", "k": 5})
                said[answer.status_code, answer.json().get("release", "")] += 1

    askers = [threading.Thread(target=ask, args=(replica,)) for replica in pair]
    for asker in askers:
        asker.start()
    with Installation.open(home[0]) as here:  # another process fits, as `regard fit` does
        here.fit(here.dataset(), Run(seed=1))
    for replica in pair:
        until(lambda replica=replica: replica.list_for("u4")["release"] == "0002")  # type: ignore[misc]
    assert one.post("/v1/releases/0002/rollback", {})["live"] == "0001"
    assert one.list_for("u4")["release"] == "0001"
    until(lambda: other.list_for("u4")["release"] == "0001")
    stopping.set()
    for asker in askers:
        asker.join()
    assert {status for status, _ in said} == {200}
    assert {release for _, release in said} == {"0001", "0002"}


def test_one_is_killed_and_the_other_serves_on(home: tuple[Settings, str], pair: tuple[Replica, Replica]) -> None:
    with serving(*home) as third:
        assert third.list_for("u5")["logged"]
        third.kill()
    assert all(replica.list_for("u5")["logged"] for replica in pair)


def test_several_workers_answer_and_a_stop_is_clean(home: tuple[Settings, str]) -> None:
    with serving(*home, "--workers", "2") as replica:
        for n in range(20):
            replica.post("/v1/events", {"user": "u6", "item": f"f{n}", "type": "view", "id": f"w{n}"}, 202)
        assert replica.list_for("u6", k=200)["dropped"]["seen"] >= 20
        assert replica.stop() == 0
        left = [line for line in Path("/proc").glob("[0-9]*/cmdline") if _is_child(line, replica)]
        assert not left


def _is_child(cmdline: Path, replica: Replica) -> bool:
    try:
        return str(replica.http.base_url.port) in cmdline.read_text().split("\0")
    except OSError:
        return False
