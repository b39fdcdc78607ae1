"""Less like this: a wish stands however much is done after it, and for people without a profile too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from regard.data.tails import NEWEST, Happened
from regard.domain.records import User
from regard.serving.batch import write_lists
from regard.serving.installation import Installation
from regard.serving.replaying import replay
from regard.serving.served import Served
from regard.serving.session import AHEAD, Sessions
from tests.serving.serving import Client, Home, client_of, ids

DUPLICATES = ("duck 1", "duck 2", "duck 3")


@pytest.fixture(autouse=True)
def ducks(client: Client) -> None:
    client.post("/v1/items", json=[{"id": name, "text": "Four ducks cross a pond at dawn"} for name in DUPLICATES])


def pulled_down(answer: dict[str, Any]) -> set[str]:
    """What stands further down for its likeness with what was wished away."""
    return {item["id"] for item in answer["items"] if item["parts"]["less like this"] < 0}


def comes_again(served: Home, answer: dict[str, Any]) -> str:
    with Installation.open(served[0]) as here:
        rested = Served.at_rest(here)
        return replay(rested, rested.impressions.get(answer["recommendation_id"])).verdict


@pytest.mark.parametrize("user", ["remembered", "met anew"])
def test_a_wish_stands_however_much_is_done_after_it(client: Client, served: Home, user: str) -> None:
    client.post("/v1/events", json={"user": user, "item": "f1", "type": "like", "time": 1.6e9})
    if user == "remembered":
        client.list_for(user)
    client.post("/v1/events", json={"user": user, "item": "duck 1", "type": "less", "time": 1.61e9})
    first = client.logged_list_for(user, k=200)
    assert pulled_down(first) == {"duck 2", "duck 3"}
    for begin in range(0, NEWEST + 30, 46):  # few at a time, or the whole past is asked for
        views = [{"user": user, "item": f"f{n % 3}", "time": 1.7e9 + n} for n in range(begin, begin + 46)]
        client.post("/v1/events", json=views)
        if user == "remembered":
            client.list_for(user)
    then = client.logged_list_for(user, k=200)
    assert pulled_down(then) == {"duck 2", "duck 3"}
    assert "duck 1" not in ids(then)
    with client_of(served[0]) as other:
        cold = other.bearing(served[1]["admin"]).list_for(user, k=200)
    assert (cold["items"], cold["dropped"]) == (then["items"], then["dropped"])
    assert [comes_again(served, answer) for answer in (first, then)] == ["same", "same"]


def test_a_wish_that_is_taken_back_is_forgotten(client: Client) -> None:
    client.post("/v1/events", json={"user": "wavering", "item": "duck 1", "type": "less", "time": 1.6e9})
    assert pulled_down(client.list_for("wavering", k=200)) == {"duck 2", "duck 3"}
    client.delete("/api/feedback/less/wavering/duck%201")
    assert not pulled_down(client.list_for("wavering", k=200))


def test_a_wish_dated_ahead_holds_from_then() -> None:
    soon = time.time() + 3600
    told = Happened({}, 0, newest=2, less=4, events=[(1, 7, 0, 1.0, 1.6e9), (2, 3, 4, 1.0, soon)], met=np.array([7]))
    person = Sessions().observe("ann", told)
    assert person.unwanted.tolist() == []
    assert person.by(soon + AHEAD).unwanted.tolist() == [3]


def test_without_a_profile_what_was_wished_away_is_gone_and_nothing_else_moves(client: Client, served: Home) -> None:
    client.post("/v1/users", json={"id": "quiet", "consent": {"personalise": False}})
    before = client.list_for("quiet", k=200)
    assert before["dropped"]["blocked"] == 0
    wished = ids(before)[0]
    client.post("/v1/events", json=[{"user": "quiet", "item": name, "type": "less"} for name in (wished, "duck 1")])
    client.post("/v1/events", json={"user": "quiet", "item": ids(before)[1], "type": "like"})
    after = client.logged_list_for("quiet", k=200)
    assert after["mode"] == "non_profiled"
    assert after["dropped"]["blocked"] == 2
    assert not pulled_down(after)
    assert set(ids(after)) == set(ids(before)) - {wished, "duck 1"}
    assert comes_again(served, after) == "same"


def test_a_list_for_everybody_keeps_to_wishes_as_a_request_does(client: Client, served: Home, tmp_path: Path) -> None:
    with Installation.open(served[0]) as here:
        here.store.upsert_users([User("profiled"), User("unprofiled", consent={"personalise": False})])
        for user in ("profiled", "unprofiled"):
            views = [{"user": user, "item": f"f{n % 3}", "time": 1.7e9 + n} for n in range(NEWEST)]
            less = [{"user": user, "item": name, "type": "less", "time": 1.6e9} for name in ("duck 1", "f7")]
            client.post("/v1/events", json=[*less, *views])
        write_lists(here, tmp_path / "lists.parquet", k=60)
    written = pl.read_parquet(tmp_path / "lists.parquet")
    for user in ("profiled", "unprofiled"):
        found = written.filter(pl.col("user") == user)["item"].to_list()
        assert found == ids(client.list_for(user, k=60))
        assert not {"duck 1", "f7"} & set(found)
