"""What a list knows of a person's past: late, dated ahead, more than is looked at, of types new to the store."""

from __future__ import annotations

import time
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from regard.data.tails import NEWEST, Happened
from regard.domain.records import Event
from regard.domain.request import History, Query
from regard.domain.weights import DEFAULT_WEIGHTS, EventWeight
from regard.serving.installation import Installation
from regard.serving.past import past_print
from regard.serving.replaying import replay
from regard.serving.served import Served
from regard.serving.session import AHEAD, UNLOGGED, Sessions, history_of
from tests.serving.serving import Client, Home, ids, said


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


@pytest.mark.parametrize("user", ["remembered", "not remembered"])
def test_what_is_to_come_pushes_nothing_out_of_a_history(client: Client, served: Home, user: str) -> None:
    for name in ("remembered", user):
        likes = [{"user": name, "item": f"f{n}", "type": "like", "time": 1.6e9, "id": f"{name} {n}"} for n in (1, 3, 5)]
        client.post("/v1/events", json=likes)
    before = client.list_for("remembered")
    soon = time.time() + 3600
    client.post("/v1/events", json=[{"user": user, "item": "f0", "time": soon + n} for n in range(NEWEST)])
    answer = client.logged_list_for(user)
    assert ids(answer) == ids(before)
    assert answer["dropped"]["seen"] == 3
    with Installation.open(served[0]) as here:
        rested = Served.at_rest(here)
        assert replay(rested, rested.impressions.get(answer["recommendation_id"])).verdict == "same"


def test_what_was_to_come_is_history_when_its_time_is_there() -> None:
    soon = time.time() + 3600
    events = [(1, 7, 0, 1.0, 1.6e9), *((2 + n, n % 3, 0, 1.0, soon + 2 * AHEAD * n) for n in range(NEWEST))]
    person = Sessions().observe("ann", Happened({}, 0, newest=NEWEST + 1, events=events, met=np.array([5, 7])))
    assert (person.newest["item"].tolist(), person.met.tolist()) == ([7], [5, 7])
    later = person.by(soon + AHEAD)
    assert (later.newest["item"].tolist(), later.met.tolist()) == ([7, 0, 1], [0, 1, 5, 7])
    last = later.by(soon + 2 * AHEAD * NEWEST)
    assert last.newest["seq"].tolist() == [2 + n for n in range(NEWEST)]
    assert last.met.tolist() == [0, 1, 2, 5, 7]


def test_all_that_is_met_between_two_lists_counts_however_much_it_is(client: Client, served: Home) -> None:
    client.post("/v1/events", json={"user": "reader", "item": "f1", "type": "like", "time": 1.5e9})
    client.list_for("reader")  # from now on only what is new is asked for
    first = {"user": "reader", "item": "f3", "type": "like", "time": 1.6e9}
    then = [{"user": "reader", "item": "f5", "type": "like", "time": 1.7e9 + n} for n in range(NEWEST)]
    client.post("/v1/events", json=[first, *then])
    answer = client.logged_list_for("reader", k=200)
    assert answer["dropped"]["seen"] == 3
    with Installation.open(served[0]) as here:
        rested = Served.at_rest(here)
        assert replay(rested, rested.impressions.get(answer["recommendation_id"])).verdict == "same"


def test_a_session_teaches_by_types_that_the_store_has_not_met(client: Client, served: Home) -> None:
    liked = client.list_for(None, session=[{"item": "f0", "type": "like"}, {"item": "f2", "type": "like"}], k=5)
    bought = [{"item": name, "type": "buy"} for name in ("f0", "f2")]
    assert said(served[0], "SELECT count(*) FROM event_types WHERE name = 'buy'") == [(0,)]
    answer = client.logged_list_for(None, session=bought, k=5)
    assert answer["items"] == liked["items"]
    assert answer["dropped"]["seen"] == 2
    with Installation.open(served[0]) as here:
        here.store.append([Event("buyer", "f0", kind) for kind in ("a type of before", "buy")])
        rested = Served.at_rest(here)
        assert replay(rested, rested.impressions.get(answer["recommendation_id"])).verdict == "same"


def test_a_history_is_the_same_object_until_something_happens() -> None:
    sessions, types, weights = Sessions(), ("view", "like"), tuple(DEFAULT_WEIGHTS)
    events = [(1, 7, 1, 1.0, 1.6e9), (2, 3, 0, 1.0, 1.7e9)]
    ann = sessions.observe("ann", Happened({}, 0, newest=2, events=events, met=np.array([3, 7])))
    first = history_of(ann, types, weights, 1.75e9)
    assert history_of(sessions.observe("ann", Happened({}, 0, newest=2)), types, weights, 1.76e9) is first
    assert (first.rows.tolist(), first.weights.tolist()) == ([7, 3], [1.0, np.float32(0.1)])
    assert history_of(ann, types, (EventWeight("view", 0.5), *weights), 1.75e9).weights.tolist() == [1.0, 0.5]
    more = sessions.observe("ann", Happened({}, 0, newest=3, events=[(3, 5, 1, 1.0, 1.71e9)]))
    assert history_of(more, types, weights, 1.75e9).rows.tolist() == [7, 3, 5]
    assert history_of(ann, types, weights, 1.7e9 - 60).times.tolist() == [1.6e9, 1.7e9 - 60]  # a fast clock


def test_the_last_unlogged_lists_are_remembered_until_their_person_is_forgotten() -> None:
    sessions, names = Sessions(), [UUID(int=n) for n in range(UNLOGGED + 1)]
    sessions.observe("ann", Happened({}, 0))
    for name in names:
        sessions.keep(name, "ann" if name.int == 1 else "bob", np.array([name.int]))
    kept = [sessions.kept(name) for name in names]
    assert [None if rows is None else rows.tolist() for rows in kept] == [None, *([n] for n in range(1, len(names)))]
    sessions.observe("bob", Happened({}))  # whom the store does not know, then or now
    assert sessions.kept(names[2]) is not None
    sessions.observe("ann", Happened({}))  # deleted elsewhere
    assert sessions.kept(names[1]) is None
    sessions.forget("bob")
    assert [sessions.kept(name) for name in names[2:]] == [None] * (len(names) - 2)


def test_the_print_of_a_past_is_another_where_any_bit_is() -> None:
    then = History(np.array([7, 3]), np.ones(2, np.float32), np.array([1.6e9, 1.7e9]))
    asked = Query(at=1.75e9, history=then, met=np.array([3, 7]))
    found = past_print(asked)
    assert past_print(replace(asked, at=1.76e9)) == found
    assert past_print(replace(asked, history=then.where(np.ones(2, np.bool_)), met=np.array([3, 7]))) == found
    assert past_print(replace(asked, met=np.array([3, 8]))) != found
    assert past_print(asked.with_history(replace(then, times=np.nextafter(then.times, np.inf)))) != found
