"""The page, less like this, batches, and sources that fail; in one process, over a real store."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest

from regard.data.tails import NEWEST
from regard.data.translations import LANGUAGES
from regard.models.ease import FittedEASE
from regard.serving.api.page import NAMES
from regard.serving.batch import write_lists
from regard.serving.installation import Installation
from regard.serving.wanted import Language
from tests.serving.serving import Client, Home, client_of, ids


def test_less_like_this_drops_the_item_and_its_near_duplicates_from_the_next_list(client: Client) -> None:
    twins = [{"id": f"twin{n}", "title": "A heist at sea", "text": "Four thieves", "tags": ["twins"]} for n in range(3)]
    other = {"id": "other", "title": "Gardening in winter", "text": "On soil and frost", "tags": ["twins"]}
    client.post("/v1/items", json=[*twins, other])
    before = client.list_for("u9", k=4, filter={"tags": "twins"})
    client.post("/v1/events", json={"user": "u9", "item": "twin0", "type": "less"})
    after = client.list_for("u9", k=4, filter={"tags": "twins"}, explain="short")
    assert set(ids(before)) == {"twin0", "twin1", "twin2", "other"}
    assert ids(after)[0] == "other"
    assert "twin0" not in ids(after)
    assert all(item["parts"]["less like this"] == -1.0 for item in after["items"][1:])
    for name in ("twin0", "twin1", "twin2", "other"):
        client.delete(f"/v1/items/{name}")


def test_reasons_come_in_the_language_that_the_page_asks_for_and_the_trace_keeps_it(client: Client) -> None:
    assert get_args(Language) == LANGUAGES
    said = {language: client.list_for("u1", k=3, explain="short", language=language) for language in (None, *LANGUAGES)}
    texts = {language: "".join(item["reason"]["text"] for item in found["items"]) for language, found in said.items()}
    assert "因为" in texts["zh"]
    assert "Because" in texts["en"]
    assert "Because" in texts[None]
    listed = said["zh"]["recommendation_id"]
    shown = client.get(f"/v1/recommendations/{listed}/why/{said['zh']['items'][0]['id']}").json()
    assert "因为" in shown["text"]
    met = client.get(f"/v1/recommendations/{listed}/why/{said['zh']['items'][0]['reason']['evidence'][0]['id']}").json()
    assert met["fell"] == "dropped"
    assert not met["text"].isascii()
    assert client.post("/v1/recommendations", json={"language": "xx"}).status_code == 422


def test_the_page_opens_with_a_cookie_only_where_it_was_let_in(client: Client, served: Home) -> None:
    assert "set-cookie" not in client.get("/").headers
    with client_of(replace(served[0], page_secret="s3cret")) as page:
        answer = page.get("/")
        assert "Regard" in answer.text
        assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
        assert page.list_for("u1", k=2)["items"]
        assert page.post("/v1/releases/0001/promote").status_code == 403  # it may read and write, no more
        expiry, _, signature = page.cookies["regard_page"].partition(".")
        page.cookies.clear()
        for forged in (f"{int(expiry) + 9}.{signature}", f"1.{signature}", "x.y", expiry, f"{expiry}."):
            answer = page.post("/v1/recommendations", json={}, headers={"Cookie": f"regard_page={forged}"})
            assert answer.status_code == 401
        for name in NAMES:
            assert page.get(f"/page/{name}").status_code == 200
        assert page.get("/page/..%2Fapp.py").status_code == 404


def test_what_the_pages_load_is_their_own(client: Client) -> None:
    for name in NAMES:
        text = client.get(f"/page/{name}").text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http:" not in text
        assert "https:" not in text
        assert "//cdn" not in text


def test_a_batch_is_everybody_s_list(served: Home, client: Client, tmp_path: Path) -> None:
    client.post("/v1/users", json={"id": "private", "consent": {"personalise": False}})
    with Installation.open(served[0]) as here:
        people = write_lists(here, tmp_path / "lists.parquet", k=5).people
    found = pl.read_parquet(tmp_path / "lists.parquet")
    assert found["user"].n_unique() == people >= 60
    assert found.filter(user="u10")["item"].to_list() == ids(client.list_for("u10", k=5))
    assert found.filter(user="private")["item"].to_list() == ids(client.list_for("private", k=5))


def test_a_batch_reads_a_history_as_a_request_does(served: Home, client: Client, tmp_path: Path) -> None:
    def liked(user: str, item: str, at: float) -> dict[str, Any]:
        return {"user": user, "item": item, "type": "like", "time": at}

    reads = [liked("reader", "f1", 1.6e9), *(liked("reader", "f3", 1.7e9 + n) for n in range(NEWEST))]
    plans = [liked("planner", "f0", 1.6e9), liked("planner", "f1", time.time() + 3600)]
    client.post("/v1/events", json=[*reads, *plans])
    with Installation.open(served[0]) as here:
        write_lists(here, tmp_path / "lists.parquet", k=50)
    found = pl.read_parquet(tmp_path / "lists.parquet")
    for user in ("reader", "planner"):
        answer = client.list_for(user, k=50)["items"]
        assert found.filter(user=user).select("item", "score").rows() == [(one["id"], one["score"]) for one in answer]


def test_a_batch_waits_for_a_slow_source_and_says_which_one_failed(
    served: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Installation.open(replace(served[0], budget=1e-9)) as here:  # of requests, not of a batch
        assert not write_lists(here, tmp_path / "lists.parquet", k=5).left_out
        monkeypatch.setattr(FittedEASE, "scores", lambda self, queries: 1 / 0)
        written = write_lists(here, tmp_path / "lists.parquet", k=5)
    assert written.left_out == {"ease": written.people}


def test_a_source_that_fails_or_sleeps_is_left_out_and_named(served: Home) -> None:
    woken = threading.Event()

    class Broken:
        """A source that fails, or sleeps: a while on its first call, until it is woken on the others."""

        def __init__(self, source: Any, sleep: float) -> None:
            self.source, self.sleep = source, sleep

        def __getattr__(self, name: str) -> Any:
            return getattr(self.source, name)

        def scores(self, queries: Any) -> Any:
            if not self.sleep:
                raise ValueError("broken")
            woken.wait(self.sleep)
            self.sleep = 60
            return self.source.scores(queries)

    for sleep in (0.0, 0.5):
        woken.clear()
        with client_of(replace(served[0], budget=0.1)) as client:
            client.bearing(served[1]["admin"])
            app: Any = client.app
            within = app.state.tenants.served[served[0].tenant]
            ease = within.live.recommender.retrievers["ease"]
            object.__setattr__(ease, "source", Broken(ease.source, sleep))
            client.list_for("u1")  # a sleeper is found out here
            answer = client.list_for("u1")  # and is not waited for here
            woken.set()
            assert answer["left_out"] == ["ease"]
            assert len(answer["items"]) == 10
            assert 'regard_sources_left_out_total{source="ease"}' in client.get("/metrics").text
