"""Trackers: what TensorBoard and MLflow read back is what was told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from regard.domain.errors import Unavailable
from regard.learning import trackers
from regard.learning.trackers import Series, both

TOLD = (
    ("epoch 1", {"loss": 2.0, "figure": 0.1}),
    ("epoch 2", {"loss": 1.5, "figure": 0.25}),
    ("Blend.nDCG@10", {"ease": 0.5}),
    ("epoch 1", {"loss": 3.0}),  # another fit of the same run
)


def test_tensorboard_reads_what_was_told(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `deep`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = trackers.tensorboard(tmp_path / "events", lambda: 1.7e9)
    for step, figures in TOLD:
        tracker(step, figures)
    read = EventAccumulator(str(tmp_path / "events")).Reload()
    assert set(read.Tags()["scalars"]) == {
        "epoch/loss",
        "epoch/figure",
        "Blend.nDCG@10/ease",
        "epoch.2/loss",
    }
    assert [(e.step, e.value) for e in read.Scalars("epoch/loss")] == [(1, 2.0), (2, 1.5)]
    assert [(e.step, e.value) for e in read.Scalars("epoch/figure")] == [(1, pytest.approx(0.1)), (2, 0.25)]
    assert read.Scalars("epoch.2/loss")[0].value == 3.0
    assert read.Scalars("epoch/loss")[0].wall_time == 1.7e9


def test_mlflow_keeps_what_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = pytest.importorskip("mlflow.tracking", reason="needs the extra `mlflow`")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a store in files: no database to prepare in a test
    store = (tmp_path / "runs").as_uri()
    for name in ("first", "second"):
        tracker = trackers.mlflow(store, "regard", name)
        for step, figures in TOLD:
            tracker(step, figures)
    client = tracking.MlflowClient(tracking_uri=store)
    runs = client.search_runs([client.get_experiment_by_name("regard").experiment_id])
    assert {run.info.run_name for run in runs} == {"first", "second"}
    number = runs[0].info.run_id
    assert [(m.step, m.value) for m in client.get_metric_history(number, "epoch/loss")] == [(1, 2.0), (2, 1.5)]
    assert runs[0].data.metrics["Blend.nDCG_10/ease"] == 0.5  # a name that MLflow allows
    assert runs[0].data.metrics["epoch.2/loss"] == 3.0


def test_a_store_that_cannot_be_is_an_error_in_words(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs the extra `mlflow`")
    with pytest.raises(Unavailable, match="a store at"):
        trackers.mlflow("nosuch://store", "regard", "fit")


def test_each_of_several_trackers_hears_all() -> None:
    heard: list[tuple[int, str]] = []
    tracker = both(lambda step, _: heard.append((0, step)), lambda step, _: heard.append((1, step)))
    tracker("epoch 1", {})
    tracker("epoch 2", {})
    assert heard == [(0, "epoch 1"), (1, "epoch 1"), (0, "epoch 2"), (1, "epoch 2")]


def test_a_series_that_starts_again_gets_its_own_name() -> None:
    series = Series()
    steps = ("trial 0: epoch 1", "trial 0", "trial 1: epoch 1", "trial 1", "epoch 4", "epoch 5", "epoch 5")
    assert [series.place(step) for step in steps] == [
        ("trial 0: epoch", 1),
        ("trial", 0),
        ("trial 1: epoch", 1),
        ("trial", 1),
        ("epoch", 4),  # resumed in the middle
        ("epoch", 5),
        ("epoch.2", 5),
    ]


@pytest.mark.parametrize(("package", "extra"), [("tensorboard", "deep"), ("mlflow", "mlflow")])
def test_a_missing_package_is_named_with_the_fix(
    package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    asked = {
        "tensorboard": lambda: trackers.tensorboard(tmp_path, lambda: 0.0),
        "mlflow": lambda: trackers.mlflow("sqlite:///x.db", "regard", "fit"),
    }
    with pytest.raises(Unavailable, match=rf"pip install 'regard\[{extra}\]'"):
        asked[package]()
    assert list(tmp_path.iterdir()) == []
