"""Pooling: what a source would show is in the pool, and nDCG over it is nDCG over all items."""

from __future__ import annotations

import numpy as np
import pytest

from regard.domain.run import Run
from regard.measurement.metrics.ranking import ndcg
from regard.models.cutting import Asked, parted
from regard.models.pooling import Pool, pools
from tests.models.planted import ITEMS, Seen, Seer, town

PARTS = parted(town(3, people=60), 0.3, "random", Run())
SOURCES: list[Seen] = [Seer(town(3, people=60), 1.0, 0.5, seed=seed).fit(PARTS[0]) for seed in (1, 2)]
ASKED = Asked.of(*PARTS, people=60, rng=np.random.default_rng(0))


def by_hand(scores: list[list[list[float]]], wanted: list[list[bool]], counts: list[int]) -> Pool:
    """A pool of people with as many items each."""
    told, right = np.array(scores), np.array(wanted)
    rows = np.tile(np.arange(right.shape[1]), (len(right), 1))
    return Pool(rows, told, right, np.array(counts), np.arange(len(right)), np.ones(len(told)))


def test_ndcg_by_hand() -> None:
    # one person, three items; source 0 likes item 0, source 1 likes item 2; item 2 was held out, and one more
    pool = by_hand([[[3, 2, 1]], [[1, 2, 3]]], [[False, False, True]], [2])
    ideal = 1 + 1 / np.log2(3)
    assert abs(pool.ndcg(np.array([1.0, 0.0]), 10) - (1 / np.log2(4)) / ideal) < 1e-12  # at place 3
    assert abs(pool.ndcg(np.array([0.0, 1.0]), 10) - 1 / ideal) < 1e-12  # at place 1
    assert abs(pool.ndcg(np.array([0.5, 0.5]), 10) - (1 / np.log2(4)) / ideal) < 1e-12  # all equal: behind
    assert pool.ndcg(np.array([0.5, 0.5]), 2) == 0.0
    assert pool.gains(np.array([[0.0, 1.0]]), 10).tolist() == pool.gains(np.array([0.0, 1.0]), 10).tolist()


def test_wanted_items_with_equal_scores_take_places_of_their_own() -> None:
    pool = by_hand([[[0, 0, 0, -1]]], [[True, True, False, False]], [2])
    assert abs(pool.ndcg(np.ones(1), 10) - (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3))) < 1e-12


@pytest.mark.parametrize("kind", ["all", "late"])
def test_it_is_ndcg_over_every_item_that_was_not_met(kind: str) -> None:
    late = np.arange(ITEMS) >= 50
    mask = late if kind == "late" else np.ones(ITEMS, bool)
    pool = pools(SOURCES, ASKED, 10, {"all": None, "late": late})[kind]
    blend = np.array([0.3, 0.7])
    for weights in (np.array([1.0, 0.0]), np.array([0.0, 1.0]), blend):
        full = np.tensordot(weights, np.array([source.scores(ASKED.queries) for source in SOURCES], np.float64), 1)
        expected = []
        for scores, target, met in zip(full, ASKED.targets, ASKED.met, strict=True):
            wanted = np.isin(np.arange(ITEMS), target) & mask
            if wanted.any():
                scores[met] = scores[~mask] = -np.inf
                hits = wanted[np.argsort(-scores)[:10]]
                expected.append(float(ndcg(hits[None], np.array([wanted.sum()]))[0]))
        found = pool.gains(weights, 10)
        # a blend's list may hold items that no source alone would pool: then the pool's figure is the higher one
        assert np.allclose(found, expected) if weights is not blend else (found >= np.array(expected) - 1e-12).all()


def test_a_pool_knows_whom_and_what_it_holds() -> None:
    pool = Pool.of(SOURCES, ASKED, 5)
    assert pool.who.tolist() == list(range(len(ASKED)))
    for person, rows in enumerate(pool.rows):
        held = rows[rows >= 0]
        assert not set(held.tolist()) & set(ASKED.met[person].tolist())
        assert set(ASKED.targets[person].tolist()) == set(rows[pool.wanted[person]].tolist())
        said = SOURCES[0].scores([ASKED.queries[person]])[0, held]
        assert np.allclose(pool.scores[0, person, : len(held)], said)
    some = pool.where(pool.who < 4)
    assert (len(some), some.scores.shape[1]) == (4, 4)
    assert np.allclose(pool.over(np.array([2.0, 4.0])).scores[1], pool.scores[1] / 4)


def test_a_pool_of_nobody() -> None:
    nobody = Pool.of(SOURCES, ASKED.where(np.zeros(len(ASKED), bool)), 5)
    assert (len(nobody), nobody.ndcg(np.ones(2) / 2, 10)) == (0, 0.0)
