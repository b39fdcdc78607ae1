"""Items newer than the release: scored and explained at once by what they say, and anew when they say more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regard.data.store.server import Server
from regard.models.content_regression import FittedContentRegression
from tests.serving.serving import Client, client_of, install, settings_of

CONTENT = {
    "content": {"kind": "content"},
    "taste": {"kind": "content_regression", "factors": 8},
    "popular": {"kind": "popularity"},
}


@pytest.fixture
def client(server: Server, tmp_path: Path, tenant: str) -> Iterator[Client]:
    settings = replace(settings_of(tmp_path, server.url, tenant), recipes={"sources": CONTENT})
    key = install(settings)["admin"]
    with client_of(settings) as client:
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
