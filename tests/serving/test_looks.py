"""A source that is searched says what it says when all its items are scored."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.candidates import Candidates
from regard.domain.errors import Unavailable
from regard.domain.request import Query
from regard.models.content import ContentKNN, FittedContentKNN
from regard.models.scoring import FactorScores
from regard.recommending.retrievers import Masks, NearestNeighbours
from regard.serving import sources
from regard.serving.looks import Products
from regard.serving.sources import AtWork
from tests.contracts.subjects import N_ITEMS, RECIPES, ask, fitted

DEEP = importlib.util.find_spec("torch") is not None
NAMES = [
    name for name, subject in RECIPES.items() if (DEEP or not subject.deep) and isinstance(fitted(name), FactorScores)
]
ASKED = [ask(0, 2, user=3), ask(1, 1, 5), ask(4, user=7), ask(3, 9), ask(11, 2, 6)]
QUERIES = [*ASKED, *(replace(one, allowed=np.arange(N_ITEMS) % 3 != 1) for one in ASKED)]  # some let not all through


@pytest.mark.parametrize("name", NAMES)
def test_a_search_proposes_and_scores_as_all_scores_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(name)
    whole = AtWork(model, name, np.inf)
    assert AtWork.of(model, name, np.inf).near is None  # so few items are scored all
    monkeypatch.setattr(sources, "SEARCHED", 1)
    searched = AtWork.of(model, name, np.inf)
    assert searched.near is not None
    for k in (1, 3, model.n_items):
        for one, other in zip(whole.retrieve_many(QUERIES, k), searched.retrieve_many(QUERIES, k), strict=True):
            assert np.allclose(one.scores[: len(other)], other.scores, atol=1e-5)
            assert not one.scores[len(other) :].any()  # where nothing is said, nobody is proposed
        for query, found in zip(QUERIES, searched.retrieve_many(QUERIES, k), strict=True):
            assert query.lets(found.rows).all()
    rows = np.arange(model.n_items)
    for query in QUERIES:
        assert searched.at(query, rows) == pytest.approx(whole.at(query, rows), abs=1e-5)


class Unasked:
    """An encoder that nobody asks."""

    def encode(self, entities: Sequence[Query]) -> NDArray[np.float32]:
        raise AssertionError


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_what_comes_beside_the_products_moves_items_to_where_the_sum_is(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    items, people = rng.normal(size=(400, 6)).astype(np.float32), rng.normal(size=(5, 6)).astype(np.float32)
    people[4] = 0
    beside = rng.random((5, 400)) * 3 * (rng.random((5, 400)) < share)
    look = Products(NearestNeighbours(Unasked(), items), people, sparse.csr_array(beside))
    sums = people @ items.T + beside
    for place, found in enumerate(look.best(30)):
        true = np.argsort(-sums[place], kind="stable")[:30]
        true = true if people[place].any() else true[sums[place, true] > 0]
        assert found.rows.tolist() == true.tolist()
        assert found.scores == pytest.approx(sums[place, true], abs=1e-5)
        assert look.at(place, true) == pytest.approx(sums[place, true], abs=1e-5)


def test_many_and_one_are_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SEARCHED", 1)
    rng = np.random.default_rng(0)
    labels = rng.random((2_000, 40)) * (rng.random((2_000, 40)) < 0.005)
    items = np.concatenate([rng.normal(size=(2_000, 400)), 20 * labels], axis=1).astype(np.float32)
    source = AtWork.of(FittedContentKNN(ContentKNN(), items), "content", np.inf)
    assert source.near is not None
    assert source.near.items.shape == (2_000, 400)
    queries = [ask(*rng.choice(2_000, 9, replace=False).tolist()) for _ in range(12)]
    many, rows = source.retrieve_many(queries, 70), np.arange(0, 2_000, 7)
    scores = [source.at(query, rows).tobytes() for query in queries]
    for query, found, said in zip(queries, many, scores, strict=True):
        alone = source.retrieve(query, 70)
        assert alone.rows.tolist() == found.rows.tolist()
        assert alone.scores.tobytes() == found.scores.tobytes()
        assert source.at(query, rows).tobytes() == said


@pytest.mark.parametrize("seed", range(40))
def test_equal_sums_come_by_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items, people = (rng.integers(-2, 3, (n, 4)).astype(np.float32) for n in (300, 6))
    beside = sparse.csr_array(rng.integers(1, 4, (6, 300)) * (rng.random((6, 300)) < rng.random()) * 1.0)
    look = Products(NearestNeighbours(Unasked(), items), people, beside)
    sums = people @ items.T + beside.toarray()
    for k in (1, 10, 80):
        for place, found in enumerate(look.best(k)):
            alone = Products(look.near, people[[place]], sparse.csr_array(beside[[place]])).best(k)[0]
            assert alone.rows.tolist() == found.rows.tolist()
            if people[place].any():
                assert found.rows.tolist() == np.argsort(-sums[place], kind="stable")[:k].tolist()


class Failing:
    """A search that breaks."""

    def nearest(self, vectors: NDArray[np.float32], k: int, masks: Masks = None) -> list[Candidates]:
        raise RuntimeError("no memory")


def test_a_search_that_fails_is_left_out() -> None:
    source = AtWork(fitted("als"), "als", np.inf, Failing())  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="no memory"):
        source.retrieve(QUERIES[0], 3)
    assert source.at(QUERIES[0], np.arange(3)).tolist() == [0, 0, 0]
