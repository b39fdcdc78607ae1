"""Nearest neighbours equal the full sort, at every size of batch, k and growth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.int8 import Int8
from regard.domain.arrays import Rows, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.models.als import ImplicitALS
from regard.recommending import retrievers
from regard.recommending.indexes import Int8Scan, pin_threads
from regard.recommending.retrievers import Listed, NearestNeighbours


@dataclass(frozen=True, eq=False)
class Table:
    """Encoder[Query]: the row named by the query's user."""

    vectors: Vectors

    def encode(self, entities: Sequence[Query]) -> Vectors:
        return np.stack([self.vectors[query.user] for query in entities])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    pin_threads(1)


def _vectors(n: int, d: int, seed: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(max(1, n // 50), d))[rng.integers(max(1, n // 50), size=n)] + rng.normal(size=(n, d))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _truth(items: Vectors, query: Vectors, k: int) -> Rows:
    scores = np.array([(item * query).sum(dtype=np.float64) for item in items])
    return np.lexsort((np.arange(len(items)), -scores))[:k]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 400), st.integers(0, 99))
def test_exact_is_the_full_sort(n: int, k: int, seed: int) -> None:
    items, people = _vectors(n, 8, seed), _vectors(5, 8, seed + 1)
    near = NearestNeighbours(Table(people), items)
    queries = [Query(at=0, user=user) for user in range(5)]  # enough for one product; each alone is a scan
    for user, found in enumerate(near.retrieve_many(queries, k)):
        assert found.rows.tolist() == _truth(items, people[user], k).tolist()
        assert np.allclose(found.scores, items[found.rows] @ people[user], atol=1e-6)
        single = near.retrieve(queries[user], k)
        assert np.array_equal(single.rows, found.rows)
        assert np.array_equal(single.scores, found.scores)


@pytest.mark.parametrize(("n", "d", "large"), [(300, 8, 0), (9_500, 8, 0), (9_500, 300, 0), (9_500, 300, 10**9)])
@pytest.mark.parametrize("index", ["exact", "ivf", "hnsw"])
def test_a_mask_leaves_the_best_of_what_it_allows(
    n: int, d: int, large: int, index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few are compared by name, many are searched, and what is newer than the index or the mask counts too."""
    monkeypatch.setattr(retrievers, "FEW", 500)
    monkeypatch.setattr(retrievers, "LARGE", large)
    monkeypatch.setattr(retrievers, "CELLS", 3 * n)
    rng = np.random.default_rng(n + d)
    items, people = _vectors(n, d), _vectors(6, d, 1)
    near = NearestNeighbours(Table(people), items[: n - 40], index).extended(items)
    for share, k in product((0.0, 0.02, 0.5, 0.99), (1, 20, n)):
        masks = [None, *(rng.random(n - own) < share for own in (0, 0, 10, -5))]
        for few in (masks[1:3], masks):  # one by one, and by one product
            for mask, vector, found in zip(few, people, near.nearest(people[: len(few)], k, few), strict=False):
                if mask is None:
                    continue
                rows = np.flatnonzero(mask[:n])
                scores = retrievers.dots(items[rows], vector)
                assert found.rows.tolist() == rows[np.lexsort((rows, -scores))[:k]].tolist()
                assert found.scores.tolist() == np.sort(scores.astype(np.float64))[::-1][:k].tolist()


def test_equal_scores_come_in_the_order_of_rows_even_across_the_border() -> None:
    items = np.zeros((500, 4), np.float32)
    items[:, 0] = 1
    items[7] = [2, 0, 0, 0]
    near = NearestNeighbours(Table(np.eye(4, dtype=np.float32)), items)
    assert near.retrieve(Query(at=0, user=0), 5).rows.tolist() == [7, 0, 1, 2, 3]


def test_a_deeper_search_that_orders_ties_otherwise_repeats_nothing() -> None:
    vectors = np.random.default_rng(0).random((40, 8)).astype(np.float32)[np.arange(4_000) % 40]  # as topics of items
    source = NearestNeighbours(Table(vectors), vectors)
    for user in range(40):
        found = source.retrieve(Query(0.0, user=user), 170).rows
        assert found.tolist() == np.lexsort((np.arange(4_000), -(vectors @ vectors[user])))[:170].tolist()


def test_what_one_byte_cannot_tell_apart_costs_no_place() -> None:
    items = np.ones((100, 2), np.float32)
    items[:, 0] += np.arange(100)[::-1] * 1e-5  # all of one step of 1/127
    near = NearestNeighbours(Table(np.array([[1, 0]], np.float32)), items)
    assert near.retrieve(Query(at=0, user=0), 10).rows.tolist() == list(range(10))


def test_one_huge_row_costs_no_place_of_the_others() -> None:
    items, people = _vectors(3_000, 16), _vectors(5, 16, 3)
    items[1_234] = 1e4 * people[0]  # the steps of its columns are wider than all other rows
    near = NearestNeighbours(Table(people), items)
    for user in range(5):
        found = near.retrieve(Query(at=0, user=user), 20).rows.tolist()
        assert found == _truth(items, people[user], 20).tolist()


@pytest.mark.parametrize("width", [1, 3, 16, 24, 50, 64, 256])
def test_the_scan_is_the_product_of_the_rounded_vectors(width: int) -> None:
    items, people = _vectors(300, width), _vectors(4, width, 2)
    short = Int8.of(items, per="column")
    folded = people * short.scale
    step = np.abs(folded).max(axis=1, keepdims=True) / 127
    expected = step * (np.rint(folded / step) @ short.values.T.astype(np.float64))
    scores, rows = Int8Scan.of(items).search(people, 300)
    assert np.allclose(scores, np.take_along_axis(expected, rows, axis=1), atol=1e-5)
    assert np.abs(scores - np.take_along_axis(people @ items.T, rows, axis=1)).max() < 0.03
    assert np.allclose(Int8Scan.of(items).products(people), people @ short.decoded().T, atol=1e-5)


@pytest.mark.parametrize("large", [0, 10**9])
@pytest.mark.parametrize("noise", [0.02, 1.0])
def test_a_scan_of_the_principal_columns_costs_no_place(
    noise: float, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrievers, "LARGE", large)
    basis = _vectors(40, 600, 4)
    items, people = (_vectors(n, 40, n) @ basis + noise * _vectors(n, 600, n + 1) for n in (3_000, 8))
    near = NearestNeighbours(Table(people), items)
    assert Int8Scan.of(items).index.d == 128
    for user in range(8):
        found = near.retrieve(Query(at=0, user=user), 30)
        assert found.rows.tolist() == _truth(items, people[user], 30).tolist()
        assert found.scores == pytest.approx(items[found.rows] @ people[user], abs=1e-5)
    assert [one.rows.tolist() for one in near.retrieve_many([Query(at=0, user=user) for user in range(8)], 30)] == [
        _truth(items, people[user], 30).tolist() for user in range(8)
    ]


def _kept(items: Vectors, people: Vectors, k: int = 10) -> tuple[float, float]:
    """Of int8: overlap@k with float32, and the change of nDCG@k where the best k of float32 are what is right."""
    near = NearestNeighbours(Table(people), items)
    found = near.retrieve_many([Query(at=0, user=user) for user in range(len(people))], k)
    discount = 1 / np.log2(np.arange(2, k + 2))
    hits = np.array([np.isin(f.rows, _truth(items, q, k)) for f, q in zip(found, people, strict=True)])
    return float(hits.mean()), 1 - float((hits @ discount / discount.sum()).mean())


def test_int8_keeps_lists_of_structured_vectors_of_uneven_length() -> None:
    rng = np.random.default_rng(0)
    items = _vectors(5_000, 32) * rng.lognormal(0, 0.5, (5_000, 1)).astype(np.float32)
    overlap, lost = _kept(items, _vectors(100, 32, 1))
    assert overlap >= 0.98
    assert lost <= 0.003


@pytest.mark.data
def test_int8_keeps_the_lists_of_movielens(real_data: Callable[[str], Path]) -> None:
    names = ["user", "item", "rating", "time"]
    events = pl.read_csv(real_data("movielens-100k") / "u.data", separator="\t", has_header=False, new_columns=names)
    data = Dataset.from_frame(events)
    model = ImplicitALS(iterations=3).fit(data)
    people = model.encode(data.queries(np.arange(300)))
    overlap, lost = _kept(model.item_vectors, people[people.any(axis=1)])
    assert overlap >= 0.98
    assert lost <= 0.003


@pytest.mark.parametrize(("index", "recall"), [("exact", 1.0), ("ivf", 0.95), ("hnsw", 0.95)])
def test_recall_against_the_full_sort(index: str, recall: float) -> None:
    items, people = _vectors(6_000, 24), _vectors(40, 24, 5)
    near = NearestNeighbours(Table(people), items, index)  # type: ignore[arg-type]
    found = near.retrieve_many([Query(at=0, user=user) for user in range(40)], 50)
    hits = [np.isin(_truth(items, people[user], 50), found[user].rows).mean() for user in range(40)]
    assert np.mean(hits) >= recall


@pytest.mark.parametrize("index", ["exact", "ivf", "hnsw"])
def test_new_rows_are_found_at_once_and_the_old_object_stays(index: str) -> None:
    items, people = _vectors(2_000, 16), _vectors(1, 16, 9)
    old = NearestNeighbours(Table(people), items, index)  # type: ignore[arg-type]
    new = old.extended(np.concatenate([items, people]))
    query = Query(at=0, user=0)
    assert new.retrieve(query, 3).rows[0] == 2_000
    assert 2_000 not in old.retrieve(query, 2_000).rows
    grown = new.extended(np.concatenate([items, people, _vectors(5_000, 16, 3)]))  # beyond the tail: a new index
    assert grown.retrieve(query, 3).rows[0] == 2_000


def test_nothing_to_say() -> None:
    near = NearestNeighbours(Table(np.zeros((1, 4), np.float32)), _vectors(10, 4))
    assert len(near.retrieve(Query(at=0, user=0), 5)) == 0
    empty = NearestNeighbours(Table(np.ones((1, 4), np.float32)), np.empty((0, 4), np.float32))
    assert len(empty.retrieve(Query(at=0, user=0), 5)) == 0
    assert near.retrieve_many([], 5) == []


def test_a_written_list() -> None:
    listed = Listed(np.array([5, 3, 9]))
    assert listed.retrieve(Query(at=0), 2).rows.tolist() == [5, 3]
    assert [len(found) for found in listed.retrieve_many([Query(at=0)] * 2, 9)] == [3, 3]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"index": "flat"}, "hnsw"), ({"effort": 0}, "at least 1"), ({"items": np.full((2, 2), np.nan)}, "finite")],
)
def test_bounds(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        NearestNeighbours(**{"encoder": Table(_vectors(1, 2)), "items": _vectors(3, 2), **fields})  # type: ignore[arg-type]


def test_fewer_rows_is_no_growth() -> None:
    near = NearestNeighbours(Table(_vectors(1, 2)), _vectors(3, 2))
    with pytest.raises(InvalidInput, match="at least 3"):
        near.extended(_vectors(2, 2))
