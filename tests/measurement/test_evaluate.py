import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given as random
from hypothesis import settings
from hypothesis import strategies as st

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.domain.weights import EventWeight
from regard.measurement import evaluate as evaluating
from regard.measurement import splits
from regard.measurement.evaluate import evaluate
from regard.measurement.sampled import sampled_candidates
from regard.measurement.splits import Split
from regard.measurement.truth import Protocol, truth_of

Pair = tuple[int, int]
World = tuple[list[Pair], list[Pair], Scores, int]
ALL_RIGHT = (EventWeight("rating", 1.0),)


@dataclass(frozen=True)
class Fixed:
    """A retriever with one score per person and item, (U, I); NaN is not proposed."""

    scores: Scores

    def retrieve(self, query: Query, k: int) -> Candidates:
        own = self.scores[query.user]
        rows = np.argsort(-own, kind="stable")  # NaN last
        rows = rows[~np.isnan(own[rows])][:k]
        return Candidates.of("fixed", rows, own[rows])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]


def split_of(
    train: Sequence[Pair], test: Sequence[Any], n_users: int, n_items: int, weights: Sequence[EventWeight] = ALL_RIGHT
) -> Split:
    """A given split over users 0..U-1 and items 0..I-1, rows in that order; test triples may carry a value."""
    items = pl.DataFrame({"id": [str(i) for i in range(n_items)]})
    users = pl.DataFrame({"id": [str(u) for u in range(n_users)]})
    rows = [(*pair, 5.0)[:3] for pair in (*train, *test)]
    times = [1.0] * len(train) + [2.0] * len(test)
    frame = pl.DataFrame(
        {
            "user": [str(r[0]) for r in rows],
            "item": [str(r[1]) for r in rows],
            "value": [float(r[2]) for r in rows],
            "time": times,
        }
    )
    data = Dataset.from_frame(frame, items=items, users=users, weights=weights)
    return splits.given(data, data.events.time == 2.0)


def slow(scores: Scores, train: list[Pair], test: list[Pair], k: int) -> tuple[float, float]:
    """nDCG and recall by plain loops over the full ranking: a relevant item stands after all that tie with it."""
    ndcg: list[float] = []
    recall: list[float] = []
    for user in range(len(scores)):
        seen = {i for u, i in train if u == user}
        right = {i for u, i in test if u == user} - seen
        if not right:
            continue
        others = [i for i in range(scores.shape[1]) if i not in seen and not np.isnan(scores[user, i])]
        ranked = sorted(others, key=lambda i: (-scores[user, i], i in right))
        gains = [1 / np.log2(place + 2) for place, i in enumerate(ranked[:k]) if i in right]
        ideal = sum(1 / np.log2(place + 2) for place in range(min(k, len(right))))
        ndcg.append(sum(gains) / ideal)
        recall.append(len(gains) / len(right))
    return float(np.mean(ndcg)), float(np.mean(recall))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    n_users, n_items = draw(st.integers(1, 5)), draw(st.integers(2, 12))
    pairs = st.lists(st.tuples(st.integers(0, n_users - 1), st.integers(0, n_items - 1)), min_size=1, max_size=25)
    train, test = draw(pairs), draw(pairs)
    levels = draw(st.sampled_from([2, 4, 1000]))  # few levels: many ties
    seed = draw(st.integers(0, 9999))
    scores = np.random.default_rng(seed).integers(0, levels, (n_users, n_items)).astype(float)
    scores[np.random.default_rng(seed + 1).random(scores.shape) < draw(st.sampled_from([0, 0.3]))] = np.nan
    return train, test, scores, draw(st.integers(1, 6))


@settings(max_examples=150, deadline=None)
@random(worlds())
def test_equals_an_independent_slow_computation(world: World) -> None:
    train, test, scores, k = world
    split = split_of(train, test, *scores.shape)
    if not set(test) - set(train):
        with pytest.raises(InvalidInput, match="somebody"):
            evaluate({"m": Fixed(scores)}, split, k)
        return
    report = evaluate({"m": Fixed(scores)}, split, k, protocol=Protocol(resamples=10))
    ndcg, recall = slow(scores, train, test, k)
    # Where a full answer ends in a tie, the relevant items in it are misses: never better than the exact figure.
    full_depth = 2 * k >= scores.shape[1]
    sure = full_depth or len(np.unique(scores)) > 4
    assert report.value("m", f"N@{k}") == (pytest.approx(ndcg, abs=1e-12) if sure else _AtMost(ndcg))
    assert report.value("m", f"R@{k}") == (pytest.approx(recall, abs=1e-12) if sure else _AtMost(recall))


@dataclass(frozen=True)
class _AtMost:
    bound: float

    def __eq__(self, value: object) -> bool:
        return isinstance(value, float) and value <= self.bound + 1e-12


def test_a_model_that_scores_everything_equal_gets_nothing() -> None:
    split = split_of([(0, 0)], [(0, 5)], 1, 20)
    assert evaluate({"flat": Fixed(np.ones((1, 20)))}, split, 3).value("flat", "HR@3") == 0


def test_a_tie_at_the_end_of_a_full_answer_is_a_miss_and_a_distinct_score_is_not() -> None:
    scores = np.array([[9.0, 8, 7, 7, 7, 7, 7, 7, 7, 7]])
    split = split_of([(0, 9)], [(0, 1), (0, 2)], 1, 10)
    report = evaluate({"m": Fixed(scores)}, split, 3)
    assert report.value("m", "R@3") == 1 / 2  # item 1 is sure; item 2 ties with five others


def test_seen_items_are_neither_ranked_nor_right_unless_asked() -> None:
    scores = np.array([[3.0, 2, 1]])
    split = split_of([(0, 0)], [(0, 0), (0, 1)], 1, 3)
    assert evaluate({"m": Fixed(scores)}, split, 1).value("m", "R@1") == 1
    again = evaluate({"m": Fixed(scores)}, split, 1, protocol=Protocol(exclude_seen=False))
    assert again.value("m", "R@1") == 1 / 2
    assert again.value("m", "P@1") == 1


def test_events_without_positive_weight_are_not_right() -> None:
    weights = (EventWeight("rating", 1.0, at_least=4), EventWeight("rating", 0.0))
    split = split_of([(0, 0)], [(0, 1, 2.0), (0, 2, 5.0)], 1, 3, weights)
    report = evaluate({"m": Fixed(np.array([[0.0, 2, 1]]))}, split, 1)
    assert report.value("m", "HR@1") == 0  # item 1 was disliked


def test_among_ranks_only_those_items() -> None:
    scores = np.array([[9.0, 8, 7, 6, 5]])
    split = split_of([(0, 0)], [(0, 4), (0, 2)], 1, 5)
    report = evaluate({"m": Fixed(scores)}, split, 1, protocol=Protocol(among=np.array([0, 0, 0, 1, 1], bool)))
    assert report.value("m", "R@1") == 0  # item 3 stands before item 4; item 2 is not asked about
    assert report.items == 2


def test_sampled_figures_must_be_asked_for_by_name_and_are_labelled() -> None:
    rng = np.random.default_rng(0)
    split = split_of([(0, 0)], [(0, 1)], 1, 200)
    model = {"m": Fixed(rng.random((1, 200)))}
    wrong: Any
    for wrong in (100, True, "100", "uniform", "uniform-0"):
        with pytest.raises(InvalidInput, match="sampled"):
            evaluate(model, split, 5, sampled=wrong)
    report = evaluate(model, split, 5, sampled="uniform-20")
    assert set(report.labels) >= {"N@5 (uniform-20)"}
    assert "SAMPLED" in str(report)


@pytest.mark.parametrize("name", ["uniform-10", "popular-10"])
def test_sampled_candidates_are_relevant_items_and_that_many_others(name: str) -> None:
    split = split_of([(0, 0), (0, 1), (1, 3)], [(0, 2), (1, 4)], 2, 40)
    truth = truth_of(split, Protocol())
    chosen = sampled_candidates(name, truth, np.arange(40.0), seed=0)
    assert np.diff(chosen.indptr).tolist() == [11, 11]
    assert chosen[0, 2]
    assert not chosen[0, 0]
    assert chosen.has_sorted_indices


def test_held_out_people_are_asked_with_their_older_events() -> None:
    data = Dataset.from_frame(
        pl.DataFrame(
            {"user": [f"u{n // 4}" for n in range(40)], "item": [f"i{n % 7}" for n in range(40)], "time": range(40)}
        )
    )
    split = splits.user_holdout(data, people=0.3, fold_in=0.5)
    asked: list[Query] = []

    class Listening(Fixed):
        def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
            asked.extend(queries)
            return super().retrieve_many(queries, k)

    evaluate({"m": Listening(np.ones((10, 7)))}, split, 2)
    assert asked
    assert all(len(query.history) == 2 for query in asked)
    assert all(query.history.times.max() < query.at for query in asked)


def test_batches_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    train = [(u, int(i)) for u in range(30) for i in rng.choice(50, rng.integers(0, 12), replace=False)]
    test = [(u, int(i)) for u in range(30) for i in rng.choice(50, 3, replace=False)]
    split, model = split_of(train, test, 30, 50), {"m": Fixed(rng.random((30, 50)))}
    whole = evaluate(model, split, 5)
    monkeypatch.setattr(evaluating, "BATCH", 40)
    assert evaluate(model, split, 5).to_json() == whole.to_json()


def test_slices_are_means_over_their_people() -> None:
    scores = np.tile(np.arange(10.0)[::-1], (3, 1))
    train = [(1, 1), (2, 1), (2, 2), (2, 3)]
    split = split_of(train, [(0, 0), (1, 9), (2, 0)], 3, 10)
    report = evaluate({"m": Fixed(scores)}, split, 1)
    assert report.value("m", "R@1", "cold") == 1  # person 0 has no history
    assert report.value("m", "R@1", "warm") == 1 / 2
    assert report.value("m", "R@1", "light") == 0
    assert report.value("m", "R@1", "heavy") == 1
    assert report.people == 3


def test_cold_and_warm_items_are_reported_apart() -> None:
    scores = np.tile(np.arange(6.0)[::-1], (2, 1))  # everybody is shown 0, 1, 2, ... less what they know
    split = split_of([(0, 0), (1, 1), (1, 2)], [(0, 1), (0, 5), (1, 0), (1, 3)], 2, 6)  # nobody met 3, 4, 5 in train
    report = evaluate({"m": Fixed(scores)}, split, 2)
    # Shown: person 0 gets 1 and 2, person 1 gets 0 and 3. Cold targets: 5 (missed) and 3 (hit); warm: 1 and 0 (hits).
    assert report.value("m", "R@2") == pytest.approx((1 / 2 + 2 / 2) / 2)
    assert report.value("m", "R@2", "cold items") == pytest.approx((0 + 1) / 2)
    assert report.value("m", "R@2", "warm items") == 1
    # One right item each: 1 / log2(place + 2). Person 0: missed; person 1: item 3 stands second.
    assert report.value("m", "N@2", "cold items") == pytest.approx((0 + 1 / np.log2(3)) / 2)
    assert {"cold items", "warm items"} <= set(report.slices)
    assert "cold items (2)" in str(report)
    assert {m["slice"] for m in json.loads(report.to_json())["measures"]} >= {"cold items", "warm items"}


def test_a_person_without_cold_targets_does_not_count_among_cold_items() -> None:
    scores = np.tile(np.arange(4.0)[::-1], (2, 1))
    split = split_of([(0, 0), (1, 1)], [(0, 1), (1, 3)], 2, 4)
    found = {m.slice: m for m in evaluate({"m": Fixed(scores)}, split, 1).measures if m.metric == "R@1"}
    assert (found["cold items"].value, found["cold items"].people) == (0, 1)  # person 1 is shown 0, not 3
    assert (found["warm items"].value, found["warm items"].people) == (1, 1)


def test_slices_of_items_without_targets_are_left_out() -> None:
    scores = np.tile(np.arange(4.0)[::-1], (2, 1))
    warm = evaluate({"m": Fixed(scores)}, split_of([(0, 0), (1, 1)], [(0, 1), (1, 0)], 2, 4), 1)  # item 2 stays unasked
    assert not {"cold items", "warm items"} & set(warm.slices)
    cold = evaluate({"m": Fixed(scores)}, split_of([(0, 0), (1, 1)], [(0, 2), (1, 3)], 2, 4), 1)
    assert "cold items" in cold.slices
    assert "warm items" not in cold.slices


def test_rules_refuse_unknown_names() -> None:
    split = split_of([(0, 0)], [(0, 1)], 1, 3)
    with pytest.raises(InvalidInput, match="names out of"):
        evaluate({"m": Fixed(np.ones((1, 3)))}, split, metrics=["NDCG"])
    with pytest.raises(InvalidInput, match="at least one model"):
        evaluate({}, split)


def test_a_model_that_proposes_foreign_rows_is_refused() -> None:
    split = split_of([(0, 0)], [(0, 1)], 1, 3)
    with pytest.raises(InvalidInput, match="item rows below 3"):
        evaluate({"m": Fixed(np.arange(5.0)[None])}, split)
