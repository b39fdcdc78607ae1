import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates, Scored
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.request import Query
from regard.measurement import splits
from regard.measurement.bootstrap import Resampling, interval, two_sided_p
from regard.measurement.evaluate import evaluate
from regard.measurement.evaluate_predictions import evaluate_labels, evaluate_ratings
from regard.measurement.report import Report
from regard.measurement.truth import Protocol


@dataclass(frozen=True)
class Fixed:
    """One score per person and item, (U, I)."""

    scores: Scores

    def retrieve(self, query: Query, k: int) -> Candidates:
        rows = np.argsort(-self.scores[query.user], kind="stable")[:k]
        return Candidates.of("fixed", rows, self.scores[query.user][rows])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]

    def score(self, query: Query, candidates: Candidates) -> Scored:
        return Scored(self.scores[query.user][candidates.rows], np.zeros(len(candidates)))


def world(seed: int = 0) -> tuple[splits.Split, dict[str, Fixed]]:
    """Forty people who like what `good` scores high; `poor` is noise."""
    rng = np.random.default_rng(seed)
    taste = rng.random((40, 30))
    rows = [(u, i, 1 + 4 * taste[u, i], t) for u in range(40) for t, i in enumerate(np.argsort(-taste[u])[:8])]
    items = pl.DataFrame(
        {"id": [str(i) for i in range(30)], "tags": [["a"] if i % 2 else ["b", "c"] for i in range(30)]}
    )
    users = pl.DataFrame({"id": [str(u) for u in range(40)]})
    frame = pl.DataFrame(
        {
            "user": [str(r[0]) for r in rows],
            "item": [str(r[1]) for r in rows],
            "value": [r[2] for r in rows],
            "time": [float(r[3]) for r in rows],
        }
    )
    data = Dataset.from_frame(frame, items=items, users=users, weights=())
    return splits.leave_last_out(data, test=2), {"good": Fixed(taste), "poor": Fixed(rng.random((40, 30)))}


@pytest.fixture(scope="module")
def report() -> Report:
    split, models = world()
    return evaluate(models, split, 5)


def test_intervals_hold_the_mean_and_comparisons_find_the_better_model(report: Report) -> None:
    for measure in report.measures:
        if measure.low is not None and measure.high is not None and np.isfinite(measure.value):
            assert measure.low - 1e-12 <= measure.value <= measure.high + 1e-12
    leading = next(c for c in report.comparisons if c.metric == "N@5")
    assert (leading.model, leading.baseline) == ("poor", "good")
    assert leading.high < 0
    assert leading.p < 0.05


def test_json_holds_every_figure_and_no_nan(report: Report) -> None:
    found = json.loads(report.to_json(), parse_constant=lambda name: pytest.fail(name))
    assert found["sha256"] == report.sha256
    assert len(found["measures"]) == len(report.measures)
    assert report.metrics()[0]["model"] == "good"
    assert set(report.metrics()[0]["metrics"]) == set(report.labels)


def test_text_and_terminal_tables_name_split_hash_and_models(report: Report) -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(report)
    for text in (str(report), console.export_text()):
        assert report.sha256[:12] in re.sub(r"\s", "", text)
        assert "good" in text
        assert "ties counted against us" in " ".join(text.split())
        assert "by slice" in text
        assert all(part in text for part in report.slices)


def test_all_list_metrics_appear_where_items_have_tags(report: Report) -> None:
    assert {"diversity", "novelty", "serendipity", "calibration", "popularity lift", "coverage", "gini"} <= set(
        report.labels
    )


def test_page_is_one_file_with_plots_and_escaped_names(tmp_path: Path) -> None:
    split, models = world()
    report = evaluate({"<good>": models["good"], "poor": models["poor"]}, split, 5)
    page = report.to_html(tmp_path / "report.html").read_text("utf-8")
    assert page.count("<svg") == 4
    assert "&lt;good&gt;" in page
    assert "<good>" not in page
    assert not re.findall(r'(?:src|href)="https?:', page)
    assert report.sha256 in page


def test_page_without_matplotlib_says_what_to_install(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(Unavailable, match=r"pip install 'regard\[demo\]'"):
        report.to_html(tmp_path / "report.html")


def test_a_named_baseline_must_be_there() -> None:
    split, models = world()
    named = evaluate(models, split, 5, protocol=Protocol(baseline="poor"))
    assert {c.baseline for c in named.comparisons} == {"poor"}
    with pytest.raises(InvalidInput, match="baseline"):
        evaluate(models, split, 5, protocol=Protocol(baseline="nobody"))


def test_resampled_means_equal_plain_draws() -> None:
    values = np.array([[1.0, np.nan], [2.0, 4.0], [6.0, 5.0]])
    found = Resampling(50, seed=3).means(values)
    drawn = np.random.default_rng(3).integers(0, 3, (50, 3))
    np.testing.assert_allclose(found[:, 0], values[drawn, 0].mean(axis=1))
    for row, people in zip(found[:, 1], drawn, strict=True):
        own = values[people, 1]
        assert row == pytest.approx(np.nanmean(own)) if np.isfinite(own).any() else np.isnan(row)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(300):
        low, high = interval(Resampling(300, trial).means(rng.exponential(1.0, (100, 1))))
        covered += bool(low[0] <= 1.0 <= high[0])
    assert 0.90 <= covered / 300 <= 0.98


def test_p_is_never_zero_and_at_most_one() -> None:
    assert two_sided_p(np.ones(99)) == pytest.approx(2 / 100)
    assert two_sided_p(np.zeros(99)) == 1.0


def test_ratings_by_hand() -> None:
    frame = pl.DataFrame(
        {
            "user": ["u", "u", "u", "v", "v"],
            "item": ["a", "b", "c", "a", "b"],
            "value": [5, 3, 1, 2, 4],
            "time": [0, 1, 1, 0, 1],
        }
    )
    data = Dataset.from_frame(frame)
    split = splits.given(data, data.events.time == 1)
    # u: b 3 against 4, c 1 against 4; v: b 4 against 4: errors -1, -3, 0
    report = evaluate_ratings({"four": Fixed(np.full((2, 3), 4.0)), "two": Fixed(np.full((2, 3), 2.0))}, split)
    assert report.value("four", "MAE") == pytest.approx(4 / 3)
    assert report.value("four", "RMSE") == pytest.approx(np.sqrt(10 / 3))
    assert report.value("two", "MSE") == pytest.approx((1 + 1 + 4) / 3)
    assert {c.baseline for c in report.comparisons} == {"two"}


def test_labels_get_intervals_and_a_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    chances = {"good": np.clip(0.5 + 0.3 * (labels - 0.5) + 0.2 * rng.normal(size=400), 0, 1), "coin": rng.random(400)}
    report = evaluate_labels(chances, labels)
    assert report.value("good", "AUC") > 0.7 > report.value("coin", "AUC")
    assert next(c for c in report.comparisons if c.metric == "AUC").high < 0
    assert "<svg" in report.to_html(tmp_path / "labels.html").read_text("utf-8")
