"""Logged lists come again bit for bit in another process, whatever changed since; what cannot come again says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from regard.data.keys import create_key
from regard.domain.run import Run
from regard.domain.weights import EventWeight
from regard.models.ease import FittedEASE
from regard.serving import believing, lists, releasing, replaying
from regard.serving.installation import Installation
from regard.serving.served import Served
from regard.serving.settings import Settings, now
from tests.serving.changing import Changing
from tests.serving.processes import MAIN, until
from tests.serving.serving import RECIPES, Client, client_of, ids
from tests.serving.test_releasing import LAX

OTHER = {
    "sources": {
        "ease": {"kind": "ease", "l2": 50.0},
        "content": {"kind": "content"},  # which scores items newer than its release too
        "popular": {"kind": "popularity"},
    }
}
World: TypeAlias = tuple[Settings, Client, Changing]


@pytest.fixture
def world(own: Settings) -> Iterator[World]:
    with Installation.open(own) as here:
        key = create_key(here.store, "asker", "admin")
    own = replace(own, recipes=RECIPES | {"policy": {"slots": 0.3, "clicks": 0.3, "minutes": 0.0}})
    with client_of(own) as client:
        client.bearing(key)

        def ask(method: str, path: str, body: Any) -> Any:
            answer = client.request(method, path, json=body)
            assert answer.status_code < 300, answer.text
            return answer.json()

        people, items = [f"u{n}" for n in range(60)], [f"f{n}" for n in range(40)]
        yield own, client, Changing(ask, people, items, ["crime", "comedy"])


def replayed(settings: Settings, last: int) -> Any:
    """What another process says of the newest lists."""
    env = {**os.environ, "REGARD_DATABASE_URL": str(settings.database_url), "REGARD_TENANT": settings.tenant}
    words = [sys.executable, "-c", MAIN, "replay", "--last", str(last), "--json", "--folder", str(settings.folder)]
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def test_lists_from_before_and_after_every_change_come_again(world: World) -> None:
    own, client, changing = world
    changing.lists(16)
    changing.events(20)
    changing.lists(8)
    changing.change_items(12)
    changing.lists(16)
    with Installation.open(replace(own, recipes=OTHER | LAX)) as here:
        here.store.set_event_weights([EventWeight("like", 1.0), EventWeight("view", 0.5)])
        changing.lists(8)
        releasing.make(here, here.dataset(), Run(seed=1))
        releasing.promote(here, "0002", "ann")
        until(lambda: client.list_for("u1")["release"] == "0002")
        believing.learn(here, now() + 3_600.0)  # the policy knows more
        changing.lists(8)
        changing.change_items(4)
        releasing.roll_back(here, "ann", "a test", "0002")
        until(lambda: client.list_for("u1")["release"] == "0001")
        changing.lists(8)
        releasing.promote(here, "0002", "ann", 0.5)
        until(lambda: any(client.list_for(f"u{n}")["variant"] == "canary" for n in range(20)))
        changing.lists(8)
    changing.at_once(24, [changing.ask] * 4)
    changing.during(24, changing.ask)
    found = replayed(own, 1000)
    assert found["different"] == 0, found["lists"]
    assert all(one["why"] == "items changed while this list was made" for one in found["lists"])
    assert found["same"] + found["gone"] >= 120
    assert found["gone"] <= 24


def test_what_made_a_list_and_is_gone_is_named(world: World) -> None:
    own, client, _ = world
    retracted, held = client.list_for("u1", k=3), client.list_for("u2", k=8)
    deleted = next(name for name in ids(held) if name not in ids(retracted))
    client.list_for("u3", k=2)
    client.delete(f"/api/feedback/like/u1/{_liked(client, 'u1')[0]}")
    client.delete(f"/v1/items/{deleted}")
    found = {one["recommendation_id"]: one for one in replayed(own, 10)["lists"]}
    assert found[retracted["recommendation_id"]]["why"].startswith("what this person did is no longer kept")
    assert found[held["recommendation_id"]]["why"] == "an item of this list was deleted since"
    assert {one["verdict"] for one in found.values()} == {"gone"}
    with Installation.open(own) as here:
        served = Served.at_rest(here)
        line = served.impressions.newest(1)[0]
        assert "'0009'" in replaying.replay(served, replace(line, release="0009")).why
        line.body["encoder"] = "another"
        assert replaying.replay(served, line).why.startswith("made with the text encoder another")
        del line.body["past"]
        assert replaying.replay(served, line).why.startswith("an older Regard")


def _liked(client: Client, user: str) -> list[str]:
    return [one["ItemId"] for one in client.get(f"/api/user/{user}/feedback/like").json()]


def test_a_source_that_was_left_out_is_left_out_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own, client, _ = world

    def fail(*_: Any) -> Any:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(FittedEASE, "scores", fail)
        assert client.list_for("u5", k=8)["left_out"] == ["ease"]
    client.list_for("u5", k=8)
    assert replayed(own, 2) == {"same": 2, "gone": 0, "different": 0, "lists": []}


def test_a_reason_is_that_of_the_moment(world: World) -> None:
    _, client, _ = world
    name = client.list_for("u7", k=3)
    first = name["items"][0]
    client.patch(f"/v1/items/{first['id']}", json={"title": "Renamed", "hidden": True})
    client.post("/v1/events", json={"user": "u7", "item": first["id"], "type": "dislike"})
    why = client.get(f"/v1/recommendations/{name['recommendation_id']}/why/{first['id']}").json()
    assert (why["fell"], why["position"], why["title"]) == ("shown", 0, first["title"])


def test_a_line_of_before_weights_were_numbered_is_read_with_those_of_today(world: World) -> None:
    own, client, _ = world
    client.list_for("u8", k=4)
    with Installation.open(own) as here:
        served = Served.at_rest(here)
        live, found = lists.live_of(served), served.impressions.newest(1)[0]
        numbered = lists.asked(served, live, found)
        del found.body["moment"]["weights"]
        before = lists.asked(served, live, found)
        assert before.history.weights.tolist() == numbered.history.weights.tolist()
        assert len(before.history) > 0


def test_what_is_different_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    own, client, _ = world
    client.list_for("u9", k=4)
    with Installation.open(own) as here:
        served = Served.at_rest(here)
        found = served.impressions.newest(1)[0]
        found.body["scores"][0] += 2**-52
        told = replaying.plain(served, replaying.replay(served, found))
        assert (told["verdict"], told["then"]) == ("different", told["again"])
        monkeypatch.setattr("regard.__version__", "9.9")
        assert replaying.replay(served, found).why.startswith("made by Regard")
        model = next(here.releases.folder.glob("0001/model/**/*.npy"))
        model.write_bytes(model.read_bytes() + b"0")
        assert replaying.replay(served, found).why.startswith("files of release 0001 are not as they were written")


def test_the_corridor_of_the_past_is_made_once_for_a_release_and_what_it_went_without(world: World) -> None:
    own, *_ = world
    with Installation.open(own) as here:
        served = Served.at_rest(here)
        assert served.live is not None
        items, made = served.live.catalogue.as_of, []
        for left_out in ((), ("ease",), ()):
            with served.past.at("0001", items, left_out) as live:
                made.append(live.recommender)
    assert made[2] is made[0]
    assert made[1] is not made[0]
