"""The search for weights: never worse than a source, and own weights only where others confirm them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regard.models.pooling import Pool
from regard.models.weight_search import floored, own_weights, search
from tests.models.test_pooling import by_hand


def pooled(people: int, knows: tuple[float, float], seed: int = 0) -> Pool:
    """People with 40 items each; two sources say noise, and `knows` more of what is wanted."""
    rng = np.random.default_rng(seed)
    wanted: NDArray[np.bool_] = rng.random((people, 40)) < 0.1
    wanted[:, 0] = True
    scores = np.array([share * wanted + rng.normal(size=wanted.shape) for share in knows])
    return by_hand(scores.tolist(), wanted.tolist(), wanted.sum(axis=1).tolist())


def test_two_that_know_a_part_know_more_together() -> None:
    pool = pooled(200, (1.5, 1.5))
    weights = search(pool, 10, np.random.default_rng(0))
    assert abs(weights.sum() - 1) < 1e-12
    assert pool.ndcg(weights, 10) > 1.1 * max(pool.ndcg(source, 10) for source in np.eye(2))


def test_a_useless_source_gets_nothing_that_hurts() -> None:
    pool = pooled(50, (50.0, 0.0))
    weights = search(pool, 10, np.random.default_rng(0))
    assert pool.ndcg(weights, 10) == 1.0
    least = floored(pool, np.array([1.0, 0.0]), 10, 1.0)
    assert np.allclose(least, np.array([1.0, 0.01]) / 1.01)
    assert floored(pool, np.array([1.0, 0.0]), 10, 1.1).tolist() == [1.0, 0.0]  # not to be had


def test_sources_that_nothing_tells_apart_weigh_alike() -> None:
    pool = by_hand([[[1.0] * 4] * 3] * 2, [[False] * 4] * 3, [1] * 3)
    assert search(pool, 2, np.random.default_rng(0)).tolist() == [0.5, 0.5]


def test_a_segment_that_differs_gets_its_own_weights() -> None:
    everybody, rng = np.array([0.9, 0.1]), np.random.default_rng(0)
    own = own_weights(pooled(120, (0.3, 2.0)), everybody, 10, rng)
    assert own[1] > 0.6


def test_few_people_and_people_like_the_others_get_the_weights_of_all() -> None:
    everybody, rng = np.array([0.5, 0.5]), np.random.default_rng(0)
    assert own_weights(pooled(19, (0.0, 2.0)), everybody, 10, rng) is everybody
    kept = [own_weights(pooled(120, (1.0, 1.0), seed), everybody, 10, rng) is everybody for seed in range(10)]
    assert sum(kept) >= 9
