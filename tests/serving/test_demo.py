"""The main job from end to end, smaller; on the real films, and on real ratings where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regard.domain.run import silent
from regard.serving import demo
from regard.serving.settings import read_settings


def _check(answer: dict[str, Any]) -> None:
    assert [item["position"] for item in answer["items"]] == list(range(10))
    for item in answer["items"]:
        assert set(item) >= {"id", "title", "score", "propensity", "source", "sources", "parts", "rules", "reason"}
        assert item["title"]
        assert item["reason"]["text"].endswith(".")
        assert item["reason"]["evidence"]
    shown, met = {item["id"] for item in answer["items"]}, {event["id"] for event in answer["history"]}
    assert len(shown) == 10
    assert not shown & met
    assert answer["user"]
    assert answer["why_not"]["id"] not in shown
    assert answer["why_not"]["text"]
    figures = {row["model"]: row["metrics"] for row in answer["metrics"]}
    assert figures["blend"]["N@10"] > figures["popular"]["N@10"]


def test_the_films_the_town_and_one_person_s_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FILMS", 600)
    monkeypatch.setattr(demo, "EVENTS", 25_000)
    elsewhere = {"REGARD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/mine"}  # no demo writes into one's own store
    answer = demo.show(replace(read_settings(tmp_path, elsewhere), language="en"), None, 0, silent)
    _check(answer)
    names = [row["model"] for row in answer["slices"]]
    assert {"popular", "ease", "als", "content", "order", "blend"} <= set(names)
    assert {"cold items", "warm items"} <= set(answer["slices"][0]["metrics"])
    assert answer["simulated"]
    assert "simulated" in answer["about"]


@pytest.mark.data
def test_the_same_on_real_ratings(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    answer = demo.show(read_settings(tmp_path, {}), real_data("movielens-100k"), 0, silent)
    _check(answer)
    assert not answer["simulated"]
    assert answer["imported"]["events_new"] == 100_000
