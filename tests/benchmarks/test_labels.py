"""Benchmarks of labels: parts, questions without answers, hashes, the whole way through a worker's process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from benchmarks import fit_labels, joining, label_running
from benchmarks.labels import LabelBenchmark, labelled, labels_of, labels_sha256, questions, write_events
from benchmarks.peers import frame
from benchmarks.protocols import b8, b9
from benchmarks.protocols import labels as trio
from regard.domain.dataset import Dataset
from regard.domain.run import Run
from regard.domain.weights import EventWeight
from regard.measurement.evaluate_predictions import LABEL
from regard.measurement.splits import Split

USED = (EventWeight("use", 1.0, at_least=1.0), EventWeight("use", 0.0))


def small(seed: int = 0) -> Split:
    """Forty people; an app is used when it rains, and when it does not, hardly ever; rows in any order."""
    rng = np.random.default_rng(seed)
    n = 400
    rain = rng.random(n) < 0.5
    used = np.where(rng.random(n) < 0.1, ~rain, rain)
    events = pl.DataFrame(
        {
            "user": rng.integers(0, 40, n),
            "item": rng.integers(0, 9, n),
            "time": rng.permutation(n).astype(np.float64),
            "value": used.astype(np.float32),
            "sky": np.where(rain, "rain", "sun"),
            "warmth": rng.random(n),
        }
    ).with_columns(
        type=pl.lit("use"),
        part=pl.when(pl.col("time") < 280).then(pl.lit("train")).when(pl.col("time") < 320).then(pl.lit("valid")),
    )
    return labelled(events.with_columns(pl.col("part").fill_null("test")), ("sky", "warmth"), "small", weights=USED)


@dataclass(frozen=True)
class BySky:
    """The share of positives under each sky."""

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedBySky:  # noqa: B008
        assert run.validation is not None
        sky, labels = skies(data), labels_of(data)
        return FittedBySky({word: float(labels[sky == word].mean()) for word in np.unique(sky)})


@dataclass(frozen=True)
class FittedBySky:
    """Chances by sky."""

    shares: dict[str, float]

    def chances(self, data: Dataset, known: Dataset) -> NDArray[np.float64]:
        assert (data.events.value == 0).all()  # no answers
        assert data.events.time.min() >= 320 > known.events.time.max()
        return np.array([self.shares[word] for word in skies(data)])


def skies(data: Dataset) -> NDArray[np.str_]:
    assert data.events.context is not None
    return np.array(data.events.context.column("sky").to_pylist())


def test_every_column_stays_with_its_event() -> None:
    split = small()
    rain = skies(split.data) == "rain"
    assert np.mean(labels_of(split.data) == rain) > 0.85
    assert (split.train.events.time < 280).all()
    assert (split.test.events.time >= 320).all()


def test_questions_are_the_test_events_without_answers_and_no_validation() -> None:
    split = small()
    data, asked = questions(split)
    assert asked.sum() == len(split.test.events) == 80
    assert (~asked).sum() == len(split.train.events) == 280
    assert not data.events.weight[asked].any()
    assert not data.events.value[asked].any()
    assert np.array_equal(data.events.weight[~asked], split.train.events.weight)
    assert np.array_equal(data.events.item[asked], split.test.events.item)
    assert labels_of(split.test).any()  # the split itself keeps them


def test_the_hash_tells_labels_parts_and_contexts_apart() -> None:
    split = small()
    assert labels_sha256(split) == labels_sha256(small())
    events = split.data.events
    turned = replace(events, weight=1 - events.weight)
    bare = replace(events, context=None)
    moved = np.where(split.part == 2, 1, split.part).astype(np.int8)
    others = [Split(replace(split.data, events=e), split.part, "other") for e in (turned, bare)]
    hashes = {labels_sha256(s) for s in (split, *others, Split(split.data, moved, "other"))}
    assert len(hashes) == 4


def test_peers_get_words_and_numbers_of_every_event(tmp_path: Path) -> None:
    split = small()
    write_events(tmp_path / "events.npz", split, ())
    with np.load(tmp_path / "events.npz") as found:
        assert {name for name in found.files if ":" in name} == {
            "token:user_id",
            "token:item_id",
            "token:sky",
            "float:warmth",
        }
        assert np.array_equal(found["label"], labels_of(split.data))
        assert np.array_equal(found["part"], split.part)


def benchmark(load: Callable[[Path, int], Split]) -> LabelBenchmark:
    return LabelBenchmark(
        dataset="small",
        protocol="p",
        folder="nowhere",
        load=load,
        recipes=lambda: {"BySky": BySky()},
        peers=(),
        seeds=(1, 2, 3),
        against="FM",
    )


def test_a_recipe_is_fitted_asked_and_judged_seed_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = benchmark(lambda folder, seed: small(seed))
    monkeypatch.setattr(fit_labels, "parts_of", lambda name: {"small": made})

    def in_process(who: str, command: list[str], seed: int, threads: int) -> str:
        fit_labels.main(*(text.replace("{seed}", str(seed)) for text in command[3:]))
        return ""

    monkeypatch.setattr(label_running, "call", in_process)
    found = label_running.run_part("B0", "small", made, tmp_path, (None, made.seeds))
    (row,) = found["rows"]
    assert row["seed"] == "1-3"
    assert row["metrics"]["AUC"] == pytest.approx(np.mean([r["metrics"]["AUC"] for r in found["by_seed"]]))
    assert row["metrics"]["AUC"] > 0.8
    low, high = row["intervals"]["AUC"]
    assert low < row["metrics"]["AUC"] < high
    assert len({r["metrics"]["AUC"] for r in found["by_seed"]}) > 1
    assert found["comparisons"] == []  # no FM ran


def test_pairs_are_made_seed_by_seed() -> None:
    auc = {("regard", "ours"): (0.8, 0.7, 0.9), ("recbole", "FM"): (0.7, 0.6, 0.7)}
    rows = [
        {"dataset": "d", "system": system, "model": model, "seed": seed, "metrics": {"AUC": value}}
        for (system, model), values in auc.items()
        for seed, value in enumerate(values)
    ]
    (found,) = label_running.paired(rows, "FM")
    assert (found["model"], found["seeds"]) == ("regard ours", 3)
    assert found["difference"] == pytest.approx(0.4 / 3)
    spread = np.std([0.1, 0.1, 0.2], ddof=1) / 3**0.5 * 4.302653  # t with 2 degrees of freedom
    assert [found["low"], found["high"]] == pytest.approx([0.4 / 3 - spread, 0.4 / 3 + spread], abs=1e-6)


def test_runs_are_joined_fit_by_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "parts_of", lambda name: {"d": benchmark(lambda folder, seed: small(seed))})

    def run(system: str, model: str, seed: int, area: float) -> dict[str, Any]:
        figures = {"AUC": area, **dict.fromkeys([m for m in LABEL if m != "AUC"], 0.5)}
        fit = {"dataset": "d", "system": system, "model": model, "seed": seed, "metrics": figures}
        fit |= {"intervals": {}, "fit_seconds": 1.0, "peak_mb": 10.0 * seed}
        return {"id": "B0", "by_seed": [fit], "rows": [{**fit, "split_sha256": "x"}], "left_out": []}

    ours, theirs = (0.9, 0.8), (0.6, 0.7)
    runs = [run("regard", "ours", seed, area) for seed, area in enumerate(ours)]
    runs += [run("recbole", "FM", seed, area) for seed, area in enumerate(theirs)]
    found = joining.joined(runs)
    assert [(row["model"], row["seed"], row["metrics"]["AUC"]) for row in found["rows"]] == [
        ("ours", "0-1", pytest.approx(0.85)),
        ("FM", "0-1", pytest.approx(0.65)),
    ]
    assert found["comparisons"][0]["difference"] == pytest.approx(0.2)
    assert (found["dataset"], found["split_sha256"]) == ("d", "x")
    with pytest.raises(ValueError, match="more than one"):
        joining.joined([*runs, runs[0]])
    other = {**runs[0], "rows": [{**runs[0]["rows"][0], "split_sha256": "y"}], "by_seed": []}
    with pytest.raises(ValueError, match="other events"):
        joining.joined([*runs, other])


def test_no_negative_was_used_in_its_context_and_parts_follow_the_permutation(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    words = {name: rng.choice(["a", "b"], 300) for name in b9.CONTEXT if name != "city"}
    logs = pl.DataFrame({"user": rng.integers(0, 5, 300), "item": rng.integers(0, 6, 300), "cnt": 1, **words})
    logs.with_columns(city=pl.lit(3)).unique().write_parquet(tmp_path / "frappe.parquet")
    columns = ("category", "downloads", "language", "name", "short desc", "developer", "price", "rating")
    table = {"item": [str(n) for n in range(6)], **{name: ["unknown"] * 6 for name in columns}}
    pl.DataFrame(table).write_parquet(tmp_path / "meta.parquet")
    split = b9.load(tmp_path, 0)
    data, e = split.data, split.data.events
    assert e.context is not None
    moments = list(zip(e.user, *e.context.to_pydict().values(), strict=True))
    label = labels_of(data)
    right = {(moment, item) for moment, item, yes in zip(moments, e.item, label, strict=True) if yes}
    assert not any((m, i) in right for m, i, yes in zip(moments, e.item, label, strict=True) if not yes)
    assert label.mean() == pytest.approx(1 / 3)
    n = len(e)
    assert [int((split.part == part).sum()) for part in (1, 2, 3)] == [
        int(np.ceil(0.7 * n)),
        int(np.ceil(0.9 * n)) - int(np.ceil(0.7 * n)),
        n - int(np.ceil(0.9 * n)),
    ]
    assert split.train.events.time.max() < split.test.events.time.min()
    assert data.item_column("category") == [None] * 6  # "unknown" says nothing


def test_a_situation_is_read_from_weather_place_and_wrist(tmp_path: Path) -> None:
    head = "inter_id,user_id,item_id,timestamp,rating,emo_pre_valence,emo_pre_arousal"
    (tmp_path / "interactions.csv").write_text(f"{head}\n7,1,5,100,4,.5,-.25\n", "utf-8")
    said = {"7": {"time": 2, "weather": [1, 995, 28, 72], "GPS": [1.5, 2.5, 0.25]}}
    (tmp_path / "env.json").write_text(json.dumps(said), "utf-8")
    wrist = np.zeros((1, 30, 4))
    wrist[0, :, 0] = np.arange(30)
    wrist[0, :20, 3] = 2
    np.save(tmp_path / "wrist.npy", wrist)
    (row,) = b8.stage(tmp_path).to_dicts()
    assert (row["hour"], row["sky"], row["doing"]) == ("afternoon", "cloudy", "walking")
    assert (row["pressure"], row["temperature"], row["humidity"], row["speed"]) == (995.0, 28.0, 72.0, 0.25)
    assert row["heart"] == pytest.approx(14.5)
    assert row["heart_spread"] == pytest.approx(np.arange(30).std(ddof=1))
    assert row["valence_before"] == 0.5


def test_a_peer_that_learns_in_epochs_writes_its_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "train.npz", depth=2)
    done: list[int] = []

    def prepare(train: object, model: str, settings: dict[str, int], seed: int) -> tuple[object, object]:
        assert (model, settings, seed) == ("M", {"width": 8}, 5)
        return lambda: done.append(1), lambda: (np.full((1, 2), len(done)), np.zeros((1, 2)))

    given = {"width": 8, "epochs": 5, "at_most_seconds": 60, "lists_after": [2]}
    arguments = ["M", json.dumps(given), "5", "1", str(tmp_path / "train.npz"), str(tmp_path / "out.npz")]
    argv = ["worker", *arguments]
    monkeypatch.setattr(frame, "sys", SimpleNamespace(argv=argv))
    frame.work_by_epochs(prepare)
    with np.load(tmp_path / "out.npz") as found:
        assert found["curve_epochs"].tolist() == [2, 5]
        assert found["curve_rows"][:, 0, 0].tolist() == [2, 5]
        assert found["rows"][0].tolist() == [5, 5]
        assert found["curve_seconds"][0] < found["curve_seconds"][1] == found["fit_seconds"]
    argv[2] = json.dumps({**given, "at_most_seconds": 0})
    done.clear()
    frame.work_by_epochs(prepare)
    assert len(done) == 1  # the clock was over after the first epoch


HASHES = {
    ("B8", "setting 2, without situation"): "0946ae208e740bf8",
    ("B8", "setting 2, with situation"): "f7e7edd87077768d",
    ("B8", "setting 3, with situation"): "ea0ea653062d231b",
    ("B9", "Frappe"): "315ff080c3a0cf23",
}


@pytest.mark.data
@pytest.mark.parametrize(("which", "part"), HASHES)
def test_the_splits_of_labels_are_these(which: str, part: str, real_data: Callable[[str], Path]) -> None:
    made = (b8 if which == "B8" else b9).PARTS[part]
    top, *rest = Path(made.folder).parts
    assert labels_sha256(made.load(real_data(top).joinpath(*rest), 102)).startswith(HASHES[which, part])


@pytest.mark.data
def test_the_published_split_of_situnes_is_rebuilt(real_data: Callable[[str], Path]) -> None:
    split = b8.split(real_data("situnes"), 102, 2, ())
    test = split.test.events
    first = test.time[test.user == split.data.users.row("1")].astype(int).tolist()
    published = [1625568018, 1625564492, 1625219804, 1625196711, 1625201703, 1625126852, 1625219804, 1625103746]
    assert first == sorted(published)  # person 1 in setting2-102.test.inter
    assert [int((split.part == part).sum()) for part in (1, 2, 3)] == [613, 87, 195]


def test_everybody_s_share_is_the_majority() -> None:
    split = small()
    fitted = trio.Majority().fit(split.train)
    found = fitted.chances(split.test, split.train)
    assert set(found.tolist()) == {float(labels_of(split.train).mean())}
