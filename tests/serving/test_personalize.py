"""boto3's personalize-runtime and personalize-events, pointed at Regard and otherwise unchanged."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from regard.domain.errors import InvalidInput
from regard.serving.api.personalize import _filter
from tests.serving.processes import Replica, serving
from tests.serving.serving import Home, said

ARN = "arn:aws:personalize:eu-central-1:000000000000:campaign/any"


@pytest.fixture(scope="module")
def replica(served: Home) -> Iterator[Replica]:
    with serving(served[0], served[1]["write"]) as replica:
        yield replica


def client_of(replica: Replica, service: str, key: str = "") -> Any:
    return boto3.client(
        service,
        endpoint_url=str(replica.http.base_url).rstrip("/"),
        region_name="eu-central-1",
        aws_access_key_id=key or replica.http.headers["x-api-key"],
        aws_secret_access_key="not looked at",
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )


def test_recommendations_follow_the_events(replica: Replica) -> None:
    runtime, events = client_of(replica, "personalize-runtime"), client_of(replica, "personalize-events")
    asked = {"campaignArn": ARN, "userId": "u1", "numResults": 5, "context": {"DEVICE": "tv"}}
    first = runtime.get_recommendations(**asked)
    assert all(int(one["itemId"][1:]) % 2 == 1 for one in first["itemList"])
    assert len(first["itemList"]) == 5
    top = first["itemList"][0]["itemId"]
    event = {
        "eventId": "e1", "eventType": "like", "eventValue": 1.0, "itemId": top, "sentAt": time.time(),
        "recommendationId": first["recommendationId"], "properties": json.dumps({"page": "home"}),
    }  # fmt: skip
    done = events.put_events(trackingId="any", sessionId="s1", userId="u1", eventList=[event])
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert top not in {one["itemId"] for one in runtime.get_recommendations(**asked)["itemList"]}
    trace = replica.get(f"/v1/recommendations/{first['recommendationId']}")
    assert (trace["surface"], trace["moment"]["context"]) == ("personalize", {"DEVICE": "tv"})


def test_as_many_results_as_personalize_gives(replica: Replica) -> None:
    replica.post("/v1/items", [{"id": f"many{n}", "title": f"Film {n}", "tags": ["many"]} for n in range(300)])
    runtime = client_of(replica, "personalize-runtime")
    found = runtime.get_recommendations(campaignArn=ARN, userId="u1", numResults=300)
    assert len({one["itemId"] for one in found["itemList"]}) == 300
    trace = replica.get(f"/v1/recommendations/{found['recommendationId']}")
    assert [one["id"] for one in trace["items"]] == [one["itemId"] for one in found["itemList"]]


def test_a_filter_and_an_item_page(replica: Replica) -> None:
    runtime = client_of(replica, "personalize-runtime")
    found = runtime.get_recommendations(
        campaignArn=ARN, userId="u2", itemId="f0", numResults=3,
        filterArn="arn:aws:personalize:eu-central-1:000000000000:filter/by-tag", filterValues={"tags": '"crime"'},
    )  # fmt: skip
    assert all(int(one["itemId"][1:]) % 2 == 0 for one in found["itemList"])
    assert "f0" not in {one["itemId"] for one in found["itemList"]}


def test_a_ranking_keeps_every_item_and_puts_the_liked_kind_first(replica: Replica) -> None:
    names = ["f0", "f1", "f2", "f3", "unheard of", "f5"]
    found = client_of(replica, "personalize-runtime").get_personalized_ranking(
        campaignArn=ARN, userId="u3", inputList=names
    )
    ranked = [one["itemId"] for one in found["personalizedRanking"]]
    assert sorted(ranked) == sorted(names)
    assert set(ranked[:3]) == {"f1", "f3", "f5"}  # u3 likes the odd ones
    assert ranked[-1] == "unheard of"
    assert replica.get(f"/v1/recommendations/{found['recommendationId']}")["surface"] == "personalize ranking"


def test_somebody_without_a_user_id_is_found_by_their_session(replica: Replica) -> None:
    runtime, events = client_of(replica, "personalize-runtime"), client_of(replica, "personalize-events")
    event = {"eventType": "like", "itemId": "f1", "sentAt": time.time()}
    events.put_events(trackingId="any", sessionId="s9", eventList=[event])
    found = runtime.get_recommendations(campaignArn=ARN, userId="s9", numResults=5)
    assert all(int(one["itemId"][1:]) % 2 == 1 for one in found["itemList"] if one["itemId"] != "f1")
    assert replica.get(f"/v1/recommendations/{found['recommendationId']}")["dropped"]["seen"] == ["f1"]


def test_who_logs_in_brings_what_their_session_did(replica: Replica, served: Home) -> None:
    runtime, events = client_of(replica, "personalize-runtime"), client_of(replica, "personalize-events")
    for session, user, name in (("s10", None, "f1"), ("s10", "ann", "f3"), ("s11", "ann", "f5"), ("u7", "ann", "f7")):
        event = {"eventType": "like", "itemId": name, "sentAt": time.time()}
        events.put_events(trackingId="any", sessionId=session, eventList=[event], **({"userId": user} if user else {}))
        if user is None:
            runtime.get_recommendations(campaignArn=ARN, userId=session, numResults=5)
    assert replica.list_for("ann")["dropped"]["seen"] == 4
    assert replica.list_for("s10")["dropped"].get("seen", 0) == 0
    assert replica.list_for("u7")["dropped"]["seen"] == 8  # somebody else with the id of a session keeps what is theirs
    lists = "SELECT surface FROM impressions i JOIN users u ON u.row = i.user_row WHERE u.id = 'ann' ORDER BY i.at"
    assert said(served[0], lists)[0] == ("personalize",)


def test_impression_and_recommendation_are_kept(replica: Replica, served: Home) -> None:
    event = {
        "eventType": "like", "itemId": "f1", "sentAt": time.time(), "impression": ["f1", "f3"],
        "recommendationId": "r1", "properties": json.dumps({"page": "home"}),
    }  # fmt: skip
    events = client_of(replica, "personalize-events")
    events.put_events(trackingId="any", sessionId="s12", userId="looks", eventList=[event])
    kept = "SELECT e.context, e.slate FROM events e JOIN users u ON u.row = e.user_row WHERE u.id = 'looks'"
    assert said(served[0], kept) == [({"page": "home", "impression": ["f1", "f3"]}, "r1")]


def test_no_results_wanted_are_no_list(replica: Replica, served: Home) -> None:
    asked = {"campaignArn": ARN, "userId": "u5", "numResults": 0}
    found = client_of(replica, "personalize-runtime").get_recommendations(**asked)
    assert (found["itemList"], found["recommendationId"]) == ([], "")
    lists = "SELECT count(*) FROM impressions i JOIN users u ON u.row = i.user_row WHERE u.id = 'u5'"
    assert said(served[0], lists) == [(0,)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('"even, odd"', ["even, odd"]),
        ('"a","b, c", "d"', ["a", "b, c", "d"]),
        ("plain, words", ["plain", "words"]),
        ('"a ""quoted"" word"', ['a "quoted" word']),
        ("", []),
    ],
)
def test_quoted_values_of_a_filter_hold_commas(text: str, meant: list[str]) -> None:
    assert _filter({"tags": text}) == {"tags": meant}


@pytest.mark.parametrize("text", ['"open', '"a"b', "two\nlines"])
def test_values_of_a_filter_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"filterValues\.tags"):
        _filter({"tags": text})


def test_an_unknown_key_is_refused(replica: Replica) -> None:
    with pytest.raises(ClientError) as refused:
        client_of(replica, "personalize-runtime", "personalize-" + "0" * 40).get_recommendations(
            campaignArn=ARN, userId="u1"
        )
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 401
