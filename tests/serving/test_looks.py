"""A source that is searched says what it says when all its items are scored."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.request import Query
from regard.models.scoring import FactorScores
from regard.recommending.retrievers import NearestNeighbours
from regard.serving import sources
from regard.serving.looks import Products
from regard.serving.sources import AtWork
from tests.contracts.subjects import RECIPES, ask, fitted

DEEP = importlib.util.find_spec("torch") is not None
NAMES = [
    name for name, subject in RECIPES.items() if (DEEP or not subject.deep) and isinstance(fitted(name), FactorScores)
]
QUERIES = [ask(0, 2, user=3), ask(1, 1, 5), ask(4, user=7), ask(3, 9), ask(11, 2, 6)]


@pytest.mark.parametrize("name", NAMES)
def test_a_search_proposes_and_scores_as_all_scores_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(name)
    whole = AtWork(model, name, np.inf)
    assert AtWork.of(model, name, np.inf).near is None  # so few items are scored all
    monkeypatch.setattr(sources, "SEARCHED", 0)
    searched = AtWork.of(model, name, np.inf)
    assert searched.near is not None
    for k in (1, 3, model.n_items):
        for one, other in zip(whole.retrieve_many(QUERIES, k), searched.retrieve_many(QUERIES, k), strict=True):
            assert np.allclose(one.scores[: len(other)], other.scores, atol=1e-5)
            assert not one.scores[len(other) :].any()  # where nothing is said, nobody is proposed
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
