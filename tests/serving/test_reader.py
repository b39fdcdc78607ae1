"""The words of items are read beside the lists: nobody waits for them, and what a list did not know comes again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from regard.data.reading import AsOf
from regard.domain.arrays import Vectors
from regard.domain.errors import NotFound
from regard.domain.records import Item
from regard.models.text_cache import Cached
from regard.serving import past, replaying, served
from regard.serving.installation import Installation
from regard.serving.reader import AT_ONCE
from regard.serving.served import Served
from regard.serving.settings import Settings
from tests.serving.processes import until
from tests.serving.serving import Client, client_of, ids, install
from tests.serving.test_replaying import replayed


@pytest.fixture
def client(by_words: Settings) -> Iterator[Client]:
    key = install(by_words)["admin"]
    with client_of(by_words) as client:
        yield client.bearing(key)


def unread(client: Client, by_words: Settings) -> list[str]:
    """The items whose words the live release has not read."""
    app: Any = client.app
    catalogue = app.state.tenants.served[by_words.tenant].live.catalogue
    return [catalogue.id(row) for row in catalogue.unread]


class Slow:
    """The encoder inside, which takes as long as we say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.in_time = True  # nobody has waited for us in vain
        self.asked, self.go_on, encode = threading.Event(), threading.Event(), Cached.encode
        self.sizes: list[int] = []

        def slow(cached: Cached, items: Sequence[Item]) -> Vectors:
            self.sizes.append(len(items))
            self.asked.set()
            self.in_time = self.go_on.wait(30)
            return encode(cached, items)

        monkeypatch.setattr(Cached, "encode", slow)


def test_lists_come_while_words_are_read_and_come_again_as_they_were(
    client: Client, by_words: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, genre = Slow(monkeypatch), client.get("/v1/items/f0").json()["tags"][0]
    new = [{"id": f"n{n}", "title": f"the {n}th of them", "tags": [genre]} for n in range(100)]
    told = threading.Thread(target=client.post, args=("/v1/items",), kwargs={"json": [*new, {"id": "f3", "text": "!"}]})
    told.start()
    assert slow.asked.wait(30)
    try:
        before = [client.list_for(f"u{n}", k=200) for n in range(4)]
        assert all(any(name.startswith("n") for name in ids(one)) for one in before)
        assert client.patch("/v1/items/f4", json={"hidden": True}).status_code == 200  # and waits for no other item
        assert "f4" not in ids(client.list_for("u0", k=200))
        assert len(unread(client, by_words)) == 101
    finally:
        slow.go_on.set()
        told.join()
    until(lambda: not unread(client, by_words))
    assert max(slow.sizes) <= AT_ONCE
    after = [client.list_for(f"u{n}", k=200) for n in range(4)]
    assert [ids(one) for one in before] != [ids(one) for one in after]
    moments = [client.get(f"/v1/recommendations/{one['recommendation_id']}").json()["moment"] for one in before + after]
    assert [len(AsOf(0, tuple(map(tuple, one["unread"]))).rows) for one in moments] == [101] * 4 + [0] * 4
    assert replayed(by_words, 8) == {"same": 8, "gone": 0, "different": 0, "lists": []}


def test_an_item_that_cannot_be_read_holds_up_no_other_and_is_tried_again(
    client: Client, by_words: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Cached.encode

    def picky(cached: Cached, items: Sequence[Item]) -> Vectors:
        if any(item.id == "bad" for item in items):
            raise ValueError("what is this?")
        return encode(cached, items)

    with monkeypatch.context() as patched:
        patched.setattr(Cached, "encode", picky)
        named = [f"n{n}" for n in range(20)]
        client.post("/v1/items", json=[{"id": name, "title": name} for name in (*named[:7], "bad", *named[7:])])
        until(lambda: unread(client, by_words) == ["bad"])
        assert "bad" in ids(client.list_for("u0", k=200))
        client.post("/v1/items", json={"id": "later", "title": "later"})
        assert unread(client, by_words) == ["bad"]
    until(lambda: not unread(client, by_words))


def test_a_server_stops_although_its_text_encoder_does_not_answer(
    by_words: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, slow = install(by_words)["admin"], Slow(monkeypatch)
    monkeypatch.setattr(served, "PARTING", 0.1)
    slow.go_on.set()
    with client_of(replace(by_words, patience=0.01)) as client:
        slow.go_on.clear()
        slow.asked.clear()
        assert client.bearing(key).post("/v1/items", json={"id": "new", "title": "never read"}).status_code == 200
        assert slow.asked.wait(30)
    assert slow.in_time
    slow.go_on.set()


def test_a_list_that_knew_the_words_of_too_many_items_in_part_says_that_it_cannot_come_again(
    client: Client, by_words: Settings
) -> None:
    client.logged_list_for("u0")
    torn = AsOf(1, tuple((row, row + 1) for row in range(0, 2 * past.RUNS + 2, 2)))
    assert past.runs_of(torn) is None
    with Installation.open(by_words) as here:
        resting = Served.at_rest(here)
        line = resting.impressions.newest(1)[0]
        line.body["moment"]["unread"] = past.runs_of(torn)
        assert replaying.replay(resting, line).why.startswith("the items of that moment: too many were being read")
        with pytest.raises(NotFound, match="being read"):
            past.began(line)
