"""Items newer than the release: scored and explained at once by what they say, and anew when they say more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, cast

import numpy as np
import pytest

from regard.data.catalogue import Catalogue
from regard.domain.arrays import Vectors
from regard.domain.candidates import Candidates
from regard.domain.errors import Unavailable
from regard.domain.protocols import Explainer
from regard.domain.records import Item, Value
from regard.domain.request import Query
from regard.models.blend import Blend
from regard.models.content import ContentKNN
from regard.models.content_regression import FittedContentRegression
from regard.models.ease import EASE
from regard.models.popular import Popularity
from regard.recommending.explain import Described, Reason, explain
from regard.recommending.recommender import Recommender
from regard.serving import past
from regard.serving.installation import Installation
from regard.serving.newer import Newer
from regard.serving.settings import Settings
from regard.serving.sources import AtWork
from regard.serving.wiring import corridor
from tests.contracts.subjects import N_ITEMS, ask, communities
from tests.serving.serving import Client, client_of, install


@pytest.fixture
def client(by_words: Settings) -> Iterator[Client]:
    key = install(by_words)["admin"]
    with client_of(by_words) as client:
        yield client.bearing(key)


def as_ranked(client: Client, user: str, *items: str) -> dict[str, Any]:
    """Their slots on the whole list of a person, by id."""
    answer = client.list_for(user, k=60, explain="short")
    return {one["id"]: one for one in answer["items"] if one["id"] in items}


def test_a_new_item_is_scored_and_explained_by_what_it_says_and_anew_when_it_says_more(client: Client) -> None:
    genre = client.get("/v1/items/f0").json()["tags"][0]
    other = client.get("/v1/items/f1").json()["tags"][0]
    twins = [{"id": f"{name}", "title": "New", "tags": [name]} for name in (genre, other)]
    client.post("/v1/items", json=twins)
    found = as_ranked(client, "u0", genre, other)  # u0 likes films of the first genre only
    assert found[genre]["score"] > found[other]["score"]
    assert found[genre]["score"] > 0
    assert "Film" in found[genre]["reason"]["text"]
    client.post("/v1/items", json={"id": other, "tags": [genre]})  # they change places
    client.post("/v1/items", json={"id": genre, "tags": [other]})
    changed = as_ranked(client, "u0", genre, other)
    assert changed[other]["score"] == pytest.approx(found[genre]["score"], rel=1e-4)
    assert changed[genre]["score"] == pytest.approx(found[other]["score"], rel=1e-4)


def test_an_item_that_a_source_cannot_read_scores_nothing_there_and_holds_nobody_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FittedContentRegression, "encode_items", lambda self, items, contents: 1 / 0)
    genre = client.get("/v1/items/f0").json()["tags"][0]
    client.post("/v1/items", json=[{"id": "a", "title": "A", "tags": [genre]}, {"id": "b", "title": "B"}])
    found = as_ranked(client, "u0", "a", "b")
    assert found["a"]["score"] > found["b"]["score"]
    client.post("/v1/items", json={"id": "c", "title": "C", "tags": [genre]})
    assert "c" in as_ranked(client, "u0", "c")


def test_a_newer_item_is_read_alike_by_who_followed_it_and_who_loads_it_later(
    client: Client, by_words: Settings
) -> None:
    """Or a replay would not come to the same score: a column of the items is as wide as its widest value."""
    said: list[Value] = [9.0, "nine", True]
    client.post("/v1/items", json=[{"id": f"n{n}", "rating": one} for n, one in enumerate(said)])
    as_ranked(client, "u0")
    app: Any = client.app
    lives = [app.state.tenants.served[by_words.tenant].live]
    with Installation.open(by_words) as here:
        lives += [here.live, here.load(items_at=lives[0].catalogue.as_of.items)]
        for live in lives:
            rows = live.catalogue.rows(f"n{n}" for n in range(3)).tolist()
            assert [live.catalogue.item(row).attributes for row in rows] == [{"rating": one} for one in said]


class Directions:
    """An encoder that looks along the first axis, forward or back, as an item's title says."""

    name = "content"

    def encode(self, items: Sequence[Item]) -> Vectors:
        return np.array([[int(item.title or 0), 0, 0] for item in items], np.float32)


def test_a_person_is_read_once_for_known_and_for_newer_items(monkeypatch: pytest.MonkeyPatch) -> None:
    model, catalogue = ContentKNN("content", labels=0.0).fit(communities()), Catalogue.of(communities())
    source = AtWork.of(model, "content", np.inf, catalogue)
    catalogue.upsert([Item("new")])
    asked, encode = list[int](), type(model).encode

    def counted(self: Any, queries: Sequence[Query]) -> Vectors:
        asked.append(len(queries))
        return encode(self, queries)

    monkeypatch.setattr(type(model), "encode", counted)
    queries = [ask(0, 2), ask(1, 3)]
    source.retrieve_many(queries, 5)
    found = [source.at(query, np.array([0, N_ITEMS])) for query in queries]
    assert asked == [2]
    assert [one[1] for one in found] == [0.0, 0.0]


def test_a_source_that_fails_is_loaded_and_left_out_of_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    model, catalogue = ContentKNN("content", labels=0.0).fit(communities()), Catalogue.of(communities())
    monkeypatch.setattr(type(model), "encode", lambda self, queries: 1 / 0)
    source = AtWork.of(model, "content", np.inf, catalogue)
    with pytest.raises(Unavailable, match="division"):
        source.retrieve(ask(0), 3)
    assert source.at(ask(0), np.arange(3)).tolist() == [0, 0, 0]
    monkeypatch.setattr(type(model), "encode_items", lambda self, items, contents: 1 / 0)
    catalogue.upsert([Item("new")])
    assert source.newer is not None
    source.newer.read([N_ITEMS])  # what loads and follows goes on
    assert source.newer.at(np.ones(3, np.float32), np.array([N_ITEMS])).tolist() == [0.0]
    assert source.contributions(ask(0), N_ITEMS).total == 0.0


def test_vectors_that_were_taken_stay_as_they_were() -> None:
    model = ContentKNN("content", labels=0.0).fit(communities())
    newer = Newer(model, Catalogue.of(communities(), {"content": Directions()}))
    newer.catalogue.upsert([Item("new", title="1")])
    ahead = np.array([1, 0, 0], np.float32)

    def score() -> float:
        return float(newer.at(ahead, np.array([N_ITEMS]))[0])

    assert score() == 1.0
    assert newer._vectors is not None
    taken = newer._vectors.view
    newer.catalogue.upsert([Item("new", title="-1"), Item("newest", title="1")])
    newer.read([N_ITEMS, N_ITEMS + 1])
    assert (float(taken[0, 0]), score()) == (1.0, -1.0)


def test_evidence_sums_to_the_score_also_without_a_source_that_was_left_out() -> None:
    sources = ("ease", EASE(l2=5.0)), ("content", ContentKNN("content", labels=0.0)), ("popular", Popularity())
    data = communities()
    catalogue = Catalogue.of(data, {"content": Directions()})
    live = corridor(Blend(sources).fit(data), catalogue, "content")
    catalogue.upsert([Item("back", title="-1"), Item("forward", title="1"), Item("silent")])
    without = past._without(live, ["content"])
    for query, found in product((ask(0, 2, 1, user=0), ask(0, 1, 3, user=0), ask()), (live, without)):
        rows = np.arange(N_ITEMS + 3)
        scores = found.scorer.score(query, Candidates.of("new", rows, np.zeros(len(rows)))).mean
        said = [cast(Explainer, found.scorer).contributions(query, row) for row in rows.tolist()]
        assert [one.total for one in said] == pytest.approx(scores.tolist(), abs=1e-5)

    def reason(query: Query, row: int, found: Recommender = live) -> Reason:
        return explain(found, Described(catalogue.titles), query, N_ITEMS + row)

    torn = ask(0, 1, 3, user=0)  # who liked one thing like it and two unlike it
    assert [reason(torn, row).kind for row in range(2)] == ["content", "content"]
    assert [reason(torn, 2).text[:9], reason(torn, 0, without).text[:9]] == ["New here.", "New here."]
