"""The classic trio from end to end: three files, one fit, lists for people and a table for labels."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from regard.domain.dataset import Dataset
from regard.domain.run import Run
from regard.measurement.splits import by_time
from regard.models.logistic import Logistic
from regard.models.popular import Popularity
from regard.serving import cli, comparing, labels
from regard.serving.installation import Installation
from regard.serving.recipes import default_recipes
from regard.serving.settings import read_settings

DEEP = importlib.util.find_spec("torch") is not None
DAY = 86_400


def trio(folder: Path, n: int = 1_200, times: bool = True) -> Path:
    """Tall people like tales of giants, short ones those of dwarfs, one in twenty errs."""
    rng = np.random.default_rng(3)
    person, tale = rng.integers(0, 20, n), rng.integers(0, 30, n)
    liked = (person % 2 == tale % 2) ^ (rng.random(n) < 0.05)
    beings = np.array(["the great giant", "the little dwarf"])
    pl.DataFrame({"age": 20 + person, "height": np.array(["tall", "short"])[person % 2]}).write_csv(
        folder / "user_data.csv"
    )
    told = [f"A tale of {beings[t % 2]}, told for the {t}th time" for t in tale]
    pl.DataFrame({"title": [f"Tale {t}" for t in tale], "text": told}).write_csv(folder / "content_data.csv")
    moments = {"time": 1_600_000_000 + DAY * np.arange(n)} if times else {}
    pl.DataFrame({"label": liked.astype(int), **moments}).write_csv(folder / "labels.csv")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        report = _run(patch, "import", str(trio(folder)), "--folder", str(folder))
        assert (report["users_new"], report["items_new"], report["quarantined"]) == (20, 30, 0)
        assert "likes" in _run(patch, "fit", "--folder", str(folder))["weights"]
        yield folder


def _run(patch: pytest.MonkeyPatch, *words: str) -> Any:
    patch.setattr("sys.argv", ["regard", *words, "--json"])
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code, out.getvalue()
    return json.loads(out.getvalue())


def test_evaluate_shows_labels_beside_lists(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _run(monkeypatch, "evaluate", "--folder", str(home))
    assert {m["model"] for m in answer["measures"]} >= {"likes", "blend"}
    found = {(m["model"], m["metric"]): m["value"] for m in answer["labels"]["measures"]}
    assert {metric for _, metric in found} >= {"AUC", "log-loss", "accuracy", "precision", "recall", "F1"}
    assert found["majority", "AUC"] == 0.5
    if DEEP:
        assert found["likes", "AUC"] > 0.85
        assert found["likes", "log-loss"] < found["majority", "log-loss"]


def test_the_release_serves_lists(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Installation.open(read_settings(home)) as here:
        person = here.live.data.users[0]
    answer = _run(monkeypatch, "recommend", person, "-k", "3", "--folder", str(home))
    assert len(answer["items"]) == 3
    assert any("likes" in item["sources"] for item in answer["items"])


def frame(n: int, types: tuple[str, ...] = ("like", "dislike")) -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset.from_frame(
        pl.DataFrame(
            {
                "user": [f"u{u}" for u in rng.integers(0, 9, n)],
                "item": [f"i{i}" for i in rng.integers(0, 9, n)],
                "type": [types[c] for c in rng.integers(0, len(types), n)],
                "time": np.arange(n),
            }
        )
    )


def test_enough_likes_and_dislikes_make_labels() -> None:
    assert labels.are_labelled(frame(200))
    assert not labels.are_labelled(frame(40))
    assert not labels.are_labelled(frame(200, ("like",)))
    assert not labels.are_labelled(frame(200, ("view", "buy")))
    assert "likes" in default_recipes(frame(200))
    assert "likes" not in default_recipes(frame(200, ("view", "buy")))
    few = frame(400, ("like", "dislike", "view", "view", "view"))
    assert labels.are_labelled(few)
    assert "likes" not in default_recipes(few)  # most events say something else


def test_without_labels_in_the_test_part_nothing_is_judged() -> None:
    data = frame(400, ("like", "dislike", "view"))
    split = by_time(data, validation=0.0)
    fitted = {"mine": labels.likes(Logistic(l2=(7.0,))).fit(split.train), "popular": Popularity().fit(split.train)}
    report = labels.judged(split, fitted, Run())
    assert report is not None
    assert report.models == ("majority", "logistic regression", "mine")
    views = data.where(np.asarray((data.events.type == data.events.types.index("view")) | (data.events.time < 360)))
    assert labels.judged(by_time(views, validation=0.0, test=0.02), fitted, Run()) is None


def test_labels_without_times_are_split_by_chance() -> None:
    data = frame(200)
    timeless = Dataset.from_frame(
        pl.DataFrame(
            {"user": [data.users[u] for u in data.events.user], "item": [data.items[i] for i in data.events.item]}
        )
    )
    assert comparing.cut(timeless, "time").name.startswith("random")
    assert comparing.cut(data, "time").name.startswith("global time")
