"""The served corridor explores: exact chances in the log, new items get their first impressions, every list replays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from regard.recommending.exploration import Exploration
from regard.serving import believing
from regard.serving.installation import Installation
from regard.serving.replaying import replay
from regard.serving.served import Served
from regard.serving.settings import Settings, now
from tests.serving.processes import until
from tests.serving.serving import POLICY, RECIPES, Client, client_of, ids, said

PEOPLE = [f"u{n}" for n in range(30)]
NEW = [f"new-{n}" for n in range(6)]
AFTER = 3_600.0  # by then a visit is over


@pytest.fixture
def client(explorer: Client) -> Client:
    """Of a server that explores."""
    return explorer


def _lists(client: Client, k: int = 5) -> list[dict[str, Any]]:
    return [client.logged_list_for(user, k=k) for user in PEOPLE]


def _come(client: Client) -> None:
    """New items, of a kind that nobody here likes."""
    items = [{"id": name, "title": f"Nobody's {name}", "tags": ["opera"]} for name in NEW]
    assert client.post("/v1/items", json=items).status_code == 200


def _same(settings: Settings, answers: list[dict[str, Any]]) -> list[bool]:
    """Whether each list is filled again bit for bit, by somebody who has just come."""
    with Installation.open(settings) as here:
        served = Served.at_rest(here)
        logged = [served.impressions.get(one["recommendation_id"]) for one in answers]
        return [replay(served, one).verdict == "same" for one in logged]


def _chances(settings: Settings) -> list[float]:
    return [chance for (row,) in said(settings, "SELECT propensities FROM impressions ORDER BY at") for chance in row]


def test_chances_are_logged_and_new_items_get_first_impressions(daring: Settings, client: Client) -> None:
    _come(client)
    answers = _lists(client)
    chances = _chances(daring)
    assert len(chances) == 5 * len(PEOPLE)
    assert all(0 < chance <= 1 for chance in chances)
    rare = sum(chance < 1 for chance in chances)
    assert rare > len(chances) / 2
    lost = sum(chance < 0.5 for chance in chances) / len(chances)
    assert lost < 0.45  # at most .3 of each slot goes to others than the best, in expectation
    tried = [item for one in answers for item in one["items"] if item["id"] in NEW]
    assert tried
    assert all("least shown" in item["sources"] for item in tried)
    assert all(_same(daring, answers))


def test_without_a_policy_the_best_is_shown_for_certain(own: Settings, expert: str) -> None:
    with client_of(own) as client:
        _come(client.bearing(expert))
        assert not [name for one in _lists(client) for name in ids(one) if name in NEW]
    assert set(_chances(own)) == {1.0}
    with Installation.open(own) as here:
        assert believing.newest_picture(here) is None
        assert believing.learn(here) is None


def test_what_was_shown_teaches_and_lists_of_before_and_after_replay(daring: Settings, client: Client) -> None:
    _come(client)
    before = _lists(client)
    liked = {"user": "u0", "item": before[0]["items"][0]["id"], "type": "like", "slate": before[0]["recommendation_id"]}
    assert client.post("/v1/events", json=liked).status_code == 202
    with Installation.open(daring) as here:
        first = believing.newest_picture(here)
        learned = believing.learn(here, now() + AFTER)
        assert first is not None
        assert learned is not None
        assert (learned.name, learned.release) == ("000002", "0001")
        seen = learned.taught.sums[0]  # of looked^2, where place p is looked at 1 / p as often as the first
        assert seen.sum() == pytest.approx(len(PEOPLE) * (1 + 1 / 4 + 1 / 9 + 1 / 16 + 1 / 25))
        row = here.live.catalogue.row(str(liked["item"]))
        assert learned.taught.sums[2, row] == pytest.approx(1.0)
        assert learned.taught.sums[2].sum() == pytest.approx(1.0)
        assert believing.learn(here, now() + AFTER) is None  # nothing has been shown since
    until(lambda: _policy_of(client, client.list_for("u1", k=5)) == "000002")
    after = _lists(client)
    assert all(_same(daring, [*before, *after]))
    assert {_policy_of(client, one) for one in before} == {first.name}
    assert {_policy_of(client, one) for one in after} == {"000002"}


def _policy_of(client: Client, answer: dict[str, Any]) -> str | None:
    found: str | None = client.get(f"/v1/recommendations/{answer['recommendation_id']}").json()["policy"]
    return found


def test_a_server_that_starts_follows_regard_toml_and_forgets_nothing(
    daring: Settings, client: Client, expert: str
) -> None:
    answers = _lists(client)
    with Installation.open(daring) as here:
        believing.learn(here, now() + AFTER)
    for told, kind in (({}, "none"), ({"policy": {"kind": "epsilon"}}, "epsilon")):
        other = replace(daring, recipes=RECIPES | told)
        with client_of(other) as changed, Installation.open(other) as here:
            changed.bearing(expert)
            picture = believing.newest_picture(here)
            assert picture is not None
            assert picture.exploration.kind == kind
            assert picture.taught.sums[0].sum() > 0
            one = changed.list_for("u1", k=5)
            assert _policy_of(changed, one) == picture.name
            assert all(_same(other, [*answers, one]))


def test_a_new_release_leaves_a_part_of_what_was_taught(daring: Settings, client: Client) -> None:
    _lists(client)
    with Installation.open(daring) as here:
        one = believing.learn(here, now() + AFTER)
        assert one is not None
        two = one.under("0002")
        assert two.taught.sums == pytest.approx(0.7 * one.taught.sums)
        assert two.under("0002") is two
        assert here.pictures.drop_before(now() + 1.0) == ["000001"]
        assert here.pictures.get("000002").exploration == Exploration(**POLICY)  # type: ignore[arg-type]
