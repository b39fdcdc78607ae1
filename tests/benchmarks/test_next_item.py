"""B4, B5, cold items and learning curves."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import cold, curves, fit_ours, fit_whole, results, running
from benchmarks.benchmark import Benchmark, View
from benchmarks.exchange import read_curve, read_lists
from benchmarks.protocols import b3, b4, b5, b7
from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
from regard.domain.protocols import Retriever
from regard.domain.run import Run
from regard.measurement.splits import Split, leave_last_out
from regard.measurement.truth import Protocol, truth_of
from regard.models.popular import FittedPopularity, Popularity


def data(seed: int = 0) -> Dataset:
    """Thirty people who each met 12 of 25 items, the low ones more often."""
    rng = np.random.default_rng(seed)
    likely = 1 / np.arange(1, 26)
    met = [rng.choice(25, 12, replace=False, p=likely / likely.sum()) for _ in range(30)]
    rows = [(str(u), str(i), t) for u, own in enumerate(met) for t, i in enumerate(own)]
    return Dataset.from_frame(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"), weights=())


@dataclass(frozen=True)
class Longer:
    """Popularity, as something that has epochs."""

    epochs: int = 4

    def fit(self, data: Dataset, *, run: Run = Run()) -> Retriever:  # noqa: B008
        return Popularity(half_life=float(self.epochs)).fit(data, run=run)


def test_sequences_are_read_in_order_and_the_last_two_do_not_teach(tmp_path: Path) -> None:
    (tmp_path / "sequences.txt.gz").write_bytes(gzip.compress(b"1 3 1 2\n2 1 2 3\n"))
    said = {"item": [1, 2, 3], "asin": ["a", "b", "c"], "keyword_text": ["red", "blue", "big"]}
    pl.DataFrame({**said, "attribute_ids": [[9], [9, 8], [7]]}).write_parquet(tmp_path / "items.parquet")
    split = b4.load(tmp_path)

    def had(data: Dataset, user: str) -> list[str]:
        return [split.data.items[row] for row in data.query(user).history.rows]

    assert [had(split.train, user) for user in "12"] == [["3"], ["1"]]
    assert [had(split.known, user) for user in "12"] == [["3", "1"], ["1", "2"]]
    assert [had(split.test, user) for user in "12"] == [["2"], ["3"]]
    assert [had(b3.last_known(split), user) for user in "12"] == [["1"], ["2"]]
    assert split.data.titles == ["red", "blue", "big"]
    assert split.data.item_column("categories") == [["9"], ["9", "8"], ["7"]]


def test_cold_items_and_one_warm_event_of_each_person_leave_train() -> None:
    split = cold.cold_and_warm(data(), share=0.2, at_least=5, seed=1)
    mask = cold.cold_mask(split)
    assert 0 < mask.sum() < 10
    assert not mask[split.train.events.item].any()
    assert mask[split.test.events.item].all()
    assert split.validation is not None
    held = split.validation.events
    assert not mask[held.item].any()
    assert np.unique(held.user).tolist() == held.user.tolist()  # one each
    assert len(held) == 30
    again = cold.cold_and_warm(data(), share=0.2, at_least=5, seed=1)
    assert np.array_equal(again.part, split.part)


def test_no_more_people_judge_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cold.cold_and_warm(data(), share=0.2, at_least=5, seed=1)
    monkeypatch.setattr(cold, "PEOPLE", 4)
    split = cold.cold_and_warm(data(), share=0.2, at_least=5, seed=1)
    mask = cold.cold_mask(split)
    assert np.array_equal(mask, cold.cold_mask(whole))
    assert not mask[split.train.events.item].any()
    assert split.validation is not None
    assert len(split.validation.events) == 4
    assert len(np.unique(split.test.events.user)) == 4 < len(np.unique(whole.test.events.user))


def test_views_judge_by_cold_by_warm_and_by_both() -> None:
    split = cold.cold_and_warm(data(), share=0.2, at_least=5, seed=1)
    mask = cold.cold_mask(split)
    truths = {view.name: truth_of(*view.of(split)) for view in cold.VIEWS}
    right = {name: truth.relevant.sum(axis=0) > 0 for name, truth in truths.items()}
    assert not right["cold among all"][~mask].any()
    assert not right["warm among all"][mask].any()
    assert right["cold and warm"][mask].any()
    assert right["cold and warm"][~mask].any()
    assert truths["warm among all"].candidates is None
    allowed = truths["warm among warm"].candidates
    assert allowed is not None
    assert not allowed.toarray()[:, mask].any()
    assert allowed.toarray()[:, ~mask].all()


def test_a_recipe_with_epochs_is_fitted_at_smaller_budgets_first() -> None:
    assert [n for n, _ in fit_ours.budgeted(Longer(), (8, 1, 2, 4))] == [1, 2, 4]
    assert [recipe.epochs for _, recipe in fit_ours.budgeted(Longer(), (2,))] == [2, 4]
    plain = Popularity()
    assert fit_ours.budgeted(plain, (1, 2)) == [(0, plain)]


def test_curves_and_views_of_our_fits_reach_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(split: Split) -> tuple[Split, Protocol]:
        return split, Protocol(slices=False, among=np.arange(len(split.data.items)) % 2 == 0)

    made = Benchmark(
        dataset="small",
        protocol="p",
        folder="nowhere",
        k=5,
        load=lambda folder: leave_last_out(data(), test=1),
        recipes=lambda: {"Longer": Longer()},
        metrics=("R", "N"),
        threads=1,
        budgets=(1, 2),
        views=(View("half", half),),
    )
    for module in (fit_ours, running):
        monkeypatch.setattr(module, "parts_of", lambda name: {"small": made})
    monkeypatch.setattr(running, "call", _in_process)
    found = running.run("B0", tmp_path, None, None)
    (row,) = found["rows"]
    assert set(row["metrics"]) == {"R@5", "N@5", "N@5 half"}
    assert [step["epochs"] for step in row["curve"]] == [1, 2, 4]
    assert row["curve"][-1]["metrics"] == {name: row["metrics"][name] for name in ("R@5", "N@5")}
    assert 0 < row["metrics"]["N@5"] < row["metrics"]["N@5 half"]
    kept = results.keep(found, tmp_path)
    assert [path.name for path in kept] == ["B0.json", "B0.md", "B0.png", "B0-curves.png"]
    assert kept[3].read_bytes()[:4] == b"\x89PNG"
    assert "N@5 half" in kept[1].read_text("utf-8")
    assert json.loads(kept[0].read_text("utf-8"))["threads"] == 1


def test_a_recipe_fitted_by_itself_is_judged_with_what_early_stopping_saw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Told(Popularity):
        def fit(self, data: Dataset, *, run: Run = Run()) -> FittedPopularity:  # noqa: B008
            for epoch in (1, 2, 2):
                run.tracker(f"epoch {epoch}", {"loss": 1.0, "figure": epoch / 10})
            return super().fit(data, run=run)

    made = Benchmark(
        dataset="small", protocol="p", folder="nowhere", k=5, load=lambda folder: leave_last_out(data(), test=1),
        recipes=lambda: {"Told": Told()}, metrics=("N",), threads=1, watch=lambda split: split.train,
    )  # fmt: skip
    for module in (fit_ours, fit_whole, running):
        monkeypatch.setattr(module, "parts_of", lambda name: {"small": made})

    def read(artifact: Artifact) -> FittedPopularity:
        return replace(FittedPopularity.from_artifact(artifact), recipe=Told())

    monkeypatch.setattr(fit_ours, "FITTED", {"popular": read})
    monkeypatch.setattr(running, "call", _in_process)
    fit_whole.main("B0", "Told", str(tmp_path), str(tmp_path / "fitted"))
    monkeypatch.setenv("REGARD_FITTED", str(tmp_path / "fitted"))
    found = running.run("B0", tmp_path, None, None)
    (row,) = found["rows"]
    assert [(epoch, figure) for epoch, _, figure in row["watched"]] == [(1, 0.1), (2, 0.2)]
    assert 0 < row["watched"][0][1] <= row["watched"][1][1] <= row["fit_seconds"]
    assert row["metrics"]["N@5"] > 0
    assert [path.name for path in results.keep(found, tmp_path)][-1] == "B0-curves.png"


def test_a_fit_that_was_broken_off_counts_the_seconds_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock = tmp_path / "B0.jsonl", iter([10.0, 105.0])
    monkeypatch.setattr(fit_whole, "now", lambda: next(clock))
    fit_whole.Watching(path, 0.0, began=0.0)("epoch 1", {"figure": 0.1})
    again = fit_whole.Watching(path, fit_whole.Watching.at(path).spent, began=100.0)
    again("epoch 2", {"figure": 0.2})
    assert again.seen() == [[1, 10.0, 0.1], [2, 15.0, 0.2]]


def test_where_nothing_was_fitted_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Benchmark(
        dataset="small", protocol="p", folder="nowhere", k=5, load=lambda folder: leave_last_out(data(), test=1),
        recipes=lambda: {"Longer": Longer()}, metrics=("N",), threads=1,
    )  # fmt: skip
    monkeypatch.setattr(running, "parts_of", lambda name: {"small": made})
    monkeypatch.setattr(running, "call", lambda *_: "out of memory")
    with pytest.raises(SystemExit, match=r"nothing to judge\. regard Longer: out of memory"):
        running.run("B0", tmp_path, None, None)


def _in_process(who: str, command: list[str], seed: int, threads: int, clock: str) -> str:
    fit_ours.main(*(text.replace("{seed}", str(seed)) for text in command[3:]))
    return ""


def test_lists_of_each_view_and_step_are_read_as_written(tmp_path: Path) -> None:
    rows = np.arange(12).reshape(2, 3, 2)
    np.savez(
        tmp_path / "out.npz",
        **{"rows": rows[1], "scores": rows[1] * 1.0, "rows half": rows[0, :2], "scores half": rows[0, :2] * 1.0},
        curve_seconds=[1.0, 2.5],
        curve_epochs=[1, 3],
        curve_rows=rows,
        curve_scores=rows * 1.0,
        fit_seconds=2.5,
        peak_mb=9.0,
    )
    people = {"": np.arange(3), "half": np.arange(2), "other": np.arange(2)}
    listed, cost = read_lists("it", tmp_path / "out.npz", people)
    assert set(listed) == {"", "half"}
    assert listed["half"].rows.tolist() == [[0, 1], [2, 3]]
    assert cost == {"fit_seconds": 2.5, "peak_mb": 9.0}
    steps = read_curve("it", tmp_path / "out.npz", np.arange(3))
    assert [(seconds, epochs, own.rows[0, 0]) for seconds, epochs, own in steps] == [(1.0, 1, 0), (2.5, 3, 6)]


def test_time_to_equal_is_the_cheapest_fit_that_gets_there() -> None:
    def row(system: str, *steps: tuple[float, float]) -> dict[str, object]:
        curve = [{"seconds": s, "epochs": n, "metrics": {"N@10": q}} for n, (s, q) in enumerate(steps)]
        last = {"fit_seconds": steps[-1][0], "metrics": {"N@10": steps[-1][1]}}
        return {"system": system, "model": system, "seed": 0, "curve": curve if len(steps) > 1 else [], **last}

    peer = row("peer", (10, 0.1), (20, 0.18), (40, 0.17))
    good, weak = row("regard", (3, 0.12), (8, 0.175), (20, 0.19)), row("regard", (1, 0.1))
    found = curves.time_to_equal([good, weak, peer], "N@10")
    assert [(f["peer_seconds"], f["our_seconds"], f["ratio"]) for f in found] == [(20, 8, 0.4), (20, None, None)]
    assert curves.sentences(found)[1].endswith("not reached.")


@pytest.mark.data
@pytest.mark.parametrize(
    ("made", "start"), [(b4.PARTS["Beauty"], "59f0f222927e3bb3"), (b5.PARTS["Sports"], "af6a97d37dbb5c49")]
)
def test_the_splits_of_b4_and_b5_are_these(made: Benchmark, start: str, real_data: Callable[[str], Path]) -> None:
    assert made.load(real_data(made.folder)).sha256.startswith(start)


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "read", "start"),
    [
        ("amazon-beauty-5core", b4.products, "6e7a67ebf175c877"),
        ("lastfm-2k-multimodal", b7.artists, "a724c19465675b1e"),
    ],
)
def test_the_cold_items_are_these(
    folder: str, read: Callable[[Path], Dataset], start: str, real_data: Callable[[str], Path]
) -> None:
    split = cold.cold_and_warm(read(real_data(folder)), b7.SHARE, b7.MANY, b7.SEED)
    assert split.sha256.startswith(start)
