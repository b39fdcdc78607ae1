"""Why an item stands on a logged list, or where it fell: by what was shown, also where the policy explores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from regard.domain.errors import NotFound
from regard.serving import traces
from regard.serving.api.recommendations import Why
from regard.serving.installation import Installation
from regard.serving.served import Served
from regard.serving.settings import Settings
from tests.serving.processes import serving
from tests.serving.serving import RECIPES, Client, Home, client_of, ids, install_key

POLICY = {"kind": "thompson", "slots": 0.5, "clicks": 0.5, "minutes": 0.0}
FILMS = [f"f{n}" for n in range(40)]
ODD = ["a/b", "why/x", "x/similar", "a//b", "/lead", "tail/", "q?x=1#y", "50%25", "电影 42", "Ünïcode/é"]


@pytest.fixture
def daring(own: Settings) -> Settings:
    """A tenant whose policy explores much."""
    return replace(own, recipes=RECIPES | {"policy": POLICY})


@pytest.fixture
def exploring(daring: Settings, own: Settings) -> Iterator[Client]:
    """A client of a server that explores."""
    key = install_key(own)
    with client_of(daring) as client:
        yield client.bearing(key)


def why(client: Client, answer: dict[str, Any], item: str, status: int = 200) -> dict[str, Any]:
    """What is said of one item and a list."""
    said = client.get(f"/v1/recommendations/{answer['recommendation_id']}/why/{quote(item, safe='')}")
    assert said.status_code == status, said.text
    found: dict[str, Any] = said.json()
    if status == 200:
        assert found.keys() <= Why.model_fields.keys()  # all of it is published
        Why.model_validate(found)
    return found


def test_what_is_not_on_an_explored_list_was_outranked_by_the_last_that_is(exploring: Client) -> None:
    fell, chances = set(), set()
    for user in (f"u{n}" for n in range(12)):
        answer = exploring.logged_list_for(user, k=3)
        told = [why(exploring, answer, name) for name in FILMS if name not in ids(answer)]
        fell |= {one["fell"] for one in told}
        outranked = [one for one in told if one["fell"] == "outranked"]
        assert {one["last"]["id"] for one in outranked} == {ids(answer)[-1]}
        last = answer["items"][-1]["propensity"]
        assert {one["last_propensity"] for one in outranked} == {last}
        assert sum(one["propensity"] for one in outranked) == pytest.approx(1 - last)
        chances |= {one["propensity"] for one in outranked}
    assert fell == {"outranked", "dropped"}
    assert len(chances) > 2


def test_where_a_draw_decided_that_is_what_is_said(exploring: Client) -> None:
    drawn = 0
    for user in (f"u{n}" for n in range(12)):
        answer = exploring.logged_list_for(user, k=1)
        for one in (why(exploring, answer, name) for name in FILMS if name not in ids(answer)):
            if one["fell"] == "outranked" and sum(one["parts"].values()) > sum(one["last_parts"].values()):
                drawn += 1
                assert one["decided_by"] == "policy"
                assert "A draw decided" in one["text"]
                said = re.search(r"a chance of ([0-9.]+) there, the other ([0-9.]+)\.$", one["text"])
                assert said is not None
                chances = [one["propensity"], one["last_propensity"]]
                assert [float(chance) for chance in said.groups()] == pytest.approx(chances, abs=0.005)
    assert drawn


def test_who_proposed_what_was_not_shown(client: Client) -> None:
    answer = client.logged_list_for("u2", k=3)
    longer = client.logged_list_for("u2", k=6)
    for slot in longer["items"][3:]:
        one = why(client, answer, slot["id"])
        assert one["fell"] == "outranked"
        assert list(one["sources"]) == slot["sources"]
        assert all(1 <= told["rank"] <= told["proposed"] for told in one["sources"].values())
        assert one["score"] == slot["score"]
        assert (one["propensity"], one["last_propensity"]) == (0.0, 1.0)


def test_the_part_that_decided_is_named_in_the_reader_s_language(client: Client) -> None:
    told = "A heist at sea: four thieves rob a ship"
    twins = [{"id": f"twin{n}", "title": "Heist", "text": told, "tags": ["unheard"]} for n in range(3)]
    client.post("/v1/items", json=[*twins, {"id": "other", "title": "Hens", "text": "Poultry", "tags": ["unheard"]}])
    client.post("/v1/events", json={"user": "tired", "item": "twin0", "type": "less"})
    asked: dict[str, Any] = {"k": 1, "filter": {"tags": "unheard"}}
    for language, words in (
        ("en", "“less like this” decided: it has -1.00 there, the other +0.00."),
        ("zh", "少推荐这类"),
    ):
        answer = client.logged_list_for("tired", **asked, language=language)
        assert ids(answer) == ["other"]
        one = why(client, answer, "twin1")
        assert one["decided_by"] == "less like this"
        assert words in one["text"]
    for name in ("twin0", "twin1", "twin2", "other"):
        client.delete(f"/v1/items/{name}")


def test_a_deleted_item_is_unknown_at_once_to_whoever_holds_its_release(client: Client, served: Home) -> None:
    client.post("/v1/items", json=[{"id": f"secret{n}", "title": f"Secret {n}", "tags": ["secret"]} for n in range(4)])
    answer = client.logged_list_for("u3", k=2, filter={"tags": "secret"})
    name, (first, last) = answer["recommendation_id"], ids(answer)
    fallen, other = sorted({f"secret{n}" for n in range(4)} - {first, last})
    with Installation.open(served[0]) as here:
        elsewhere = Served.at_rest(here)  # hears of nothing

        def both(item: str) -> dict[str, Any]:
            told = why(client, answer, item)
            assert traces.why(elsewhere, name, item) == told
            return told

        assert [both(item)["fell"] for item in (first, fallen)] == ["shown", "outranked"]
        for item, behind in ((first, last), (fallen, last), (last, None)):
            client.delete(f"/v1/items/{item}")
            assert why(client, answer, item, 404)["error"]["where"] == "item id"
            with pytest.raises(NotFound, match="item id"):
                traces.why(elsewhere, name, item)
            told = both(other)
            assert (told["fell"], told.get("last", {}).get("id")) == ("outranked", behind)
        assert told["text"].endswith("the list holds nothing now.")
    client.delete(f"/v1/items/{other}")


def test_what_a_list_of_given_items_was_not_given_was_not_proposed(client: Client) -> None:
    ranked = client.post("/personalize-ranking", json={"userId": "u4", "inputList": ["f1", "f2", "f3"]}).json()
    answer = {"recommendation_id": ranked["recommendationId"]}
    one = why(client, answer, "f9")
    assert (one["fell"], one["sources"]["given"]["rank"], one["sources"]["given"]["proposed"]) == (
        "not proposed",
        None,
        3,
    )
    assert one["text"] == "No source proposed it."
    shown = why(client, answer, "f2")
    assert (shown["fell"], list(shown["sources"])) == ("shown", ["given"])


def test_who_never_was_and_who_came_later_is_unknown(client: Client) -> None:
    answer = client.logged_list_for("u5", k=2)
    client.post("/v1/items", json={"id": "later", "title": "Later"})
    for name in ("nope", "later"):
        assert why(client, answer, name, 404)["error"]["where"] == "item id"
    assert why(client, {"recommendation_id": "0" * 32}, "f1", 404)["error"]["where"] == "recommendation id"
    client.delete("/v1/items/later")


def test_every_id_that_is_taken_in_can_be_asked_about(served: Home) -> None:
    with serving(served[0], served[1]["admin"]) as replica:
        replica.post("/v1/items", [{"id": name, "title": f"Odd {name}", "tags": ["odd"]} for name in ODD])
        answer = replica.list_for("u6", k=5, filter={"tags": "odd"})
        for name in ODD:
            one = replica.get(f"/v1/recommendations/{answer['recommendation_id']}/why/{quote(name, safe='')}")
            assert (one["id"], one["fell"]) == (name, "shown" if name in ids(answer) else "outranked")


@pytest.mark.parametrize("name", [".", ".."])
@pytest.mark.parametrize("kind", ["items", "users"])
def test_no_id_is_a_step_of_a_path(client: Client, kind: str, name: str) -> None:
    said = client.post(f"/v1/{kind}", json={"id": name})
    assert said.status_code == 422
    assert (said.json()["error"]["where"], said.json()["error"]["got"]) == ("body.id", repr(name))
