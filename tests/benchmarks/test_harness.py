import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import results
from benchmarks.cold import among_cold
from benchmarks.exchange import Listed, lists_of, write_train
from benchmarks.measuring import measured
from benchmarks.protocols import b1, b7, b12
from regard.domain.candidates import Candidates
from regard.domain.request import Query
from regard.measurement.evaluate import evaluate
from regard.measurement.truth import Protocol, truth_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of MovieLens-100K: 30 people, 40 films in two tastes, the last two ratings as test."""
    folder = tmp_path_factory.mktemp("movielens")
    rng = np.random.default_rng(0)
    lines, test = [], []
    for user in range(30):
        own = rng.permutation(20)[:12] + 20 * (user % 2)
        rows = [f"{user + 1}\t{item + 1}\t{rng.integers(1, 6)}\t{1000 + time}" for time, item in enumerate(own)]
        lines += rows
        test += rows[-2:]
    (folder / "u.data").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "ua.test").write_text("\n".join(test) + "\n", "utf-8")
    return folder


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "REGARD_DATA"}
    called = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(called, cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True)


def test_json_is_one_object_with_the_promised_fields(small: Path) -> None:
    done = command("B1", "--only", "regard", "--data", str(small), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"id", "dataset", "protocol", "split_sha256", "machine", "rows"} <= set(found)
    assert found["split_sha256"] == b1.load(small).sha256
    for row in found["rows"]:
        assert {"system", "model", "metrics", "fit_seconds", "peak_mb", "seed"} <= set(row)
        assert row["system"] == "regard"
        assert set(row["metrics"]) == {"N@10", "R@10"}
        assert row["metrics"]["R@10"] > 2 / 28  # better than by chance: two tastes are easy to tell apart
        assert row["fit_seconds"] > 0
        assert row["peak_mb"] > 20


def test_data_may_also_be_the_folder_above(small: Path, tmp_path: Path) -> None:
    (tmp_path / "movielens-100k").symlink_to(small)
    assert b1.PARTS["MovieLens-100K"].where(tmp_path) == tmp_path / "movielens-100k"
    assert b1.PARTS["MovieLens-100K"].where(small) == small


@pytest.mark.parametrize("arguments", [["B1"], ["B1", "--json"], ["B1", "--data", "/nowhere"]])
def test_without_data_one_clear_word_is_all(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("No data")
    assert len(done.stderr.splitlines()) == 1


def test_data_in_another_layout_is_named(tmp_path: Path) -> None:
    done = command("B1", "--data", str(tmp_path), "--json")
    assert done.returncode == 2
    assert "u.data" in done.stderr


class ByRow:
    """Every item, highest row first."""

    def __init__(self, n_items: int) -> None:
        self.n_items = n_items

    def retrieve(self, query: Query, k: int) -> Candidates:
        rows = np.arange(self.n_items)[::-1][:k]
        return Candidates.of("by row", rows, rows.astype(float))

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]


def test_lists_through_the_exchange_are_judged_as_the_model_itself(small: Path) -> None:
    split = b1.load(small)
    model = ByRow(len(split.data.items))
    truth = truth_of(split, Protocol())
    rows, scores = lists_of(model, split.known, {"": truth}, 30)[""]
    listed = Listed("listed", rows, scores, truth.users)
    report = evaluate({"itself": model, "listed": listed}, split, 10, metrics=["N", "R"])
    assert report.value("itself", "N@10") == report.value("listed", "N@10") > 0


def test_lists_hold_only_what_may_be_ranked(small: Path) -> None:
    split = b1.load(small)
    among = np.arange(len(split.data.items)) % 2 == 0
    truth = truth_of(split, Protocol(among=among))
    rows, _ = lists_of(ByRow(len(among)), split.known, {"": truth}, 30)[""]
    for user, own in zip(truth.users, rows, strict=True):
        shown = own[own >= 0]
        assert among[shown].all()
        assert not np.isin(shown, split.known.history(int(user)).rows).any()


def test_lists_of_many_judgings_are_those_of_each_alone(small: Path) -> None:
    split = b1.load(small)
    among = np.arange(len(split.data.items)) % 2 == 0
    truths = {"all": truth_of(split, Protocol()), "even": truth_of(split, Protocol(among=among, exclude_seen=False))}
    model = ByRow(len(among))
    together = lists_of(model, split.known, truths, 8)
    for view, truth in truths.items():
        assert np.array_equal(together[view][0], lists_of(model, split.known, {view: truth}, 8)[view][0])
        assert (together[view][0] >= 0).all()
    assert not np.array_equal(together["all"][0], together["even"][0])


def test_films_of_one_seed_are_cold_and_their_day_of_release_is_read(tmp_path: Path) -> None:
    rows = [
        f"{n}|Film {n} (1995)|01-Jan-1995||u|" + "|".join("01"[n % 19 == g] for g in range(19)) for n in range(1, 31)
    ]
    (tmp_path / "u.item").write_text("\n".join(rows) + "\n", "latin-1")
    ratings = [f"{user}\t{item}\t4\t{1000 + item}" for user in range(1, 26) for item in range(1, 31)]
    (tmp_path / "u.data").write_text("\n".join(ratings) + "\n", "utf-8")
    split = b7.load(tmp_path)
    cold = np.unique(split.test.events.item)
    assert len(cold) == 6
    assert not np.isin(split.train.events.item, cold).any()
    assert split.data.item_column("released") == ["01-Jan-1995"] * 30
    among = among_cold(split).among
    assert among is not None
    assert np.flatnonzero(among).tolist() == cold.tolist()


def test_where_repeats_count_peers_get_every_event(small: Path, tmp_path: Path) -> None:
    split = b1.load(small)
    for again in (False, True):
        write_train(tmp_path / "train.npz", split, np.arange(3), 30, again)
        with np.load(tmp_path / "train.npz") as found:
            assert bool(found["again"]) is again
            assert len(found["user"]) == len(split.train.events)


def test_a_fit_is_timed_by_its_shortest_run() -> None:
    calls: list[int] = []

    def fit() -> int:
        calls.append(1)
        return len(calls)

    fitted, seconds, peak = measured(fit, 3)
    assert fitted == 3
    assert seconds >= 0
    assert peak > 1


def test_results_are_kept_as_json_table_and_plot(tmp_path: Path) -> None:
    row = {"dataset": "D", "metrics": {"N@10": 0.25}, "intervals": {"N@10": [0.2, 0.3]}, "fit_seconds": 0.5}
    row |= {"peak_mb": 80.0, "seed": 0, "split_sha256": "abc"}
    rows = [
        {**row, "system": "regard", "model": "Ours"},
        {**row, "system": "peer", "model": "Theirs", "fit_seconds": 2},
    ]
    left_out = [{"dataset": "D", "system": "other", "model": "M", "why": "broken"}]
    found = {"id": "B0", "dataset": "D", "protocol": "p", "machine": "m", "threads": 1}
    found |= {"rows": rows, "left_out": left_out}
    kept = results.keep(found, tmp_path)
    assert [path.name for path in kept] == ["B0.json", "B0.md", "B0.png"]
    assert json.loads(kept[0].read_text("utf-8")) == found
    table = kept[1].read_text("utf-8")
    assert "| **regard** | Ours | .2500 (.200-.300) | 0.5 | 80 | 0 |" in table
    assert "other M (broken)" in table
    assert kept[2].read_bytes()[:4] == b"\x89PNG"


def test_shop_lines_without_a_customer_or_sale_do_not_count(tmp_path: Path) -> None:
    import polars as pl

    lines = {
        "InvoiceNo": ["1", "1", "C2", "3", "4"],
        "StockCode": ["a", "b", "a", "c", "d"],
        "Description": ["A", None, "A", "C", "D"],
        "Quantity": [1, 2, 1, -1, 1],
        "InvoiceDate": ["12/1/10 8:26"] * 5,
        "UnitPrice": [2.5, 1.0, 2.5, 1.0, 1.0],
        "CustomerID": [7, 7, 7, 7, None],
        "Country": ["X"] * 5,
    }
    pl.DataFrame(lines).write_parquet(tmp_path / "online_retail.parquet")
    data = b12.retail(tmp_path)
    assert sorted(data.items[i] for i in data.events.item) == ["a", "b"]


@pytest.mark.data
def test_b1_gives_the_published_figures_of_ease() -> None:
    from regard.models.ease import EASE

    split = b1.load(Path(os.environ["REGARD_DATA"]) / "movielens-100k")
    report = evaluate({"ease": EASE(l2=300.0).fit(split.train)}, split, 10, metrics=["N", "R"])
    assert round(report.value("ease", "N@10"), 4) == 0.3160
    assert round(report.value("ease", "R@10"), 4) == 0.2710
