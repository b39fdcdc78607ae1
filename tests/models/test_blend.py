"""Blend: never worse than its best source on the cut, linear, exactly explained, and blind to the test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.artifacts import load, save
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.request import Query
from regard.domain.run import Run
from regard.models.blend import Blend, FittedBlend, held_out
from regard.models.blend_weights import Pool, best_weights
from regard.models.ease import EASE, FittedEASE
from regard.models.popular import FittedPopularity, Popularity

READERS = {"ease": FittedEASE.from_artifact, "popular": FittedPopularity.from_artifact}
RECIPE = Blend((("taste", EASE(l2=5.0)), ("popular", Popularity())), share=0.2, cut="random")


def _town(seed: int = 0, users: int = 60, items: int = 30) -> Dataset:
    """Two tastes; within each the first items are met more often."""
    rng = np.random.default_rng(seed)
    chance = 0.6 / (1 + np.arange(items) / 10)
    met = [
        (u, i)
        for u in range(users)
        for i in range(items)
        if rng.random() < chance[i] * (1.0 if u % 2 == i % 2 else 0.3)
    ]
    frame = {"user": [f"u{u}" for u, _ in met], "item": [f"i{i}" for _, i in met], "time": np.arange(len(met)) * 1.0}
    return Dataset.from_frame(pl.DataFrame(frame))


def test_on_the_cut_it_is_never_worse_than_the_best_source() -> None:
    told: dict[str, dict[str, float]] = {}
    model = RECIPE.fit(_town(), run=Run(tracker=lambda step, figures: told.update({step: dict(figures)})))
    assert model.worth[-1] >= model.worth[:-1].max()
    assert abs(model.weights.sum() - 1) < 1e-9
    assert (model.weights >= 0).all()
    assert told["Blend.weights"] == dict(zip(("taste", "popular"), model.weights, strict=True))
    assert set(told["Blend.nDCG@10"]) == {"taste", "popular", "blend"}


def test_the_score_is_the_weighted_sum_and_so_are_its_reasons() -> None:
    data = _town()
    model = RECIPE.fit(data)
    query = data.query("u3")
    parts = [
        amount * source.scores([query])[0] for amount, source in zip(model.amounts, model.sources.values(), strict=True)
    ]
    scores = model.scores([query])[0]
    assert np.allclose(scores, np.sum(parts, axis=0), atol=1e-5)
    for row in range(0, model.n_items, 5):
        why = model.contributions(query, row)
        assert abs(why.total - scores[row]) < 1e-5
        assert abs(sum(one.total for one in model.by_source(query, row).values()) - why.total) < 1e-9
        assert len(np.unique(why.rows)) == len(why.rows)


def test_the_sources_are_fitted_again_on_everything() -> None:
    data = _town()
    assert np.array_equal(RECIPE.fit(data).sources["taste"].weights, EASE(l2=5.0).fit(data).weights)


def test_given_validation_data_decide() -> None:
    data = _town()
    held = held_out(data, 0.2, np.random.default_rng(5))
    train, validation = data.where(~held), data.where(held)
    one = RECIPE.fit(train, run=Run(validation=validation))
    assert np.array_equal(one.sources["taste"].weights, EASE(l2=5.0).fit(train).weights)
    with pytest.raises(InvalidInput, match="same people"):
        RECIPE.fit(data, run=Run(validation=_town(users=5)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.05, 0.9), st.booleans())
def test_a_cut_takes_a_share_of_each_person_and_whole_pairs(seed: int, share: float, newest: bool) -> None:
    data = _town(seed, users=8, items=12)
    held = held_out(data, share, None if newest else np.random.default_rng(seed))
    for user in range(len(data.users)):
        mine = held[data.events.offsets[user] : data.events.offsets[user + 1]]
        assert mine.sum() == (max(1, int(share * len(mine))) if len(mine) > 1 else 0)
        if newest:
            assert (np.diff(mine.astype(int)) >= 0).all()  # events are oldest first


def test_repeated_pairs_leave_together() -> None:
    frame = pl.DataFrame({"user": ["u"] * 4, "item": ["a", "b", "c", "a"], "time": [1.0, 2.0, 3.0, 4.0]})
    assert held_out(Dataset.from_frame(frame), 0.3, None).tolist() == [True, False, False, True]


def test_ndcg_of_a_pool_by_hand() -> None:
    # one person, three items; source 0 likes item 0, source 1 likes item 2; item 2 was held out, and one more
    scores = np.array([[[3.0, 2.0, 1.0]], [[1.0, 2.0, 3.0]]])
    pool = Pool(scores, np.ones((1, 3), bool), np.array([[False, False, True]]), np.array([2]), np.ones(2))
    ideal = 1 + 1 / np.log2(3)
    assert abs(pool.ndcg(np.array([1.0, 0.0]), 10) - (1 / np.log2(4)) / ideal) < 1e-12  # at place 3
    assert abs(pool.ndcg(np.array([0.0, 1.0]), 10) - 1 / ideal) < 1e-12  # at place 1
    assert abs(pool.ndcg(np.array([0.5, 0.5]), 10) - (1 / np.log2(4)) / ideal) < 1e-12  # all equal: behind
    weights, worth = best_weights(pool, np.random.default_rng(0), 10)
    assert weights[1] > 0.5
    assert np.isclose(worth[-1], 1 / ideal)


def test_a_useless_source_gets_nothing_that_hurts() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.random((50, 40)) < 0.1
    wanted[:, 0] = True
    scores = np.stack([wanted + 0.1 * rng.random((50, 40)), rng.random((50, 40))])
    pool = Pool(scores, np.ones((50, 40), bool), wanted, wanted.sum(1), np.ones(2))
    _, worth = best_weights(pool, rng, 10)
    assert worth[0] == worth[2] == 1.0


def test_same_seed_same_blend_and_the_artifact_too(tmp_path: Path) -> None:
    data = _town()
    model = RECIPE.fit(data, run=Run(seed=4))
    again = RECIPE.fit(data, run=Run(seed=4))
    assert np.array_equal(model.weights, again.weights)
    save(model.artifact(), tmp_path / "m")
    read = FittedBlend.from_artifact(load(tmp_path / "m"), READERS)
    assert read.recipe == model.recipe
    with pytest.raises(NotFound, match="popular"):
        FittedBlend.from_artifact(load(tmp_path / "m"), {"ease": FittedEASE.from_artifact})
    assert np.array_equal(read.scores([data.query("u1"), Query(at=0)]), model.scores([data.query("u1"), Query(at=0)]))


def test_nobody_to_learn_from_means_all_alike() -> None:
    data = Dataset.from_frame(pl.DataFrame({"user": ["u", "v"], "item": ["a", "b"]}))
    assert RECIPE.fit(data).weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"sources": ()}, "sources"),
        ({"share": 1.0}, "share"),
        ({"cut": "old"}, "newest"),
        ({"at": 0}, "at"),
        ({"people": 0}, "p"),
    ],
)
def test_bounds(bad: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Blend(**{"sources": RECIPE.sources, **bad})  # type: ignore[arg-type]


def test_a_stranger_gets_an_order_from_the_source_that_knows_no_history() -> None:
    data = _town()
    model = Blend((("taste", EASE(l2=5.0)), ("popular", Popularity())), cut="random").fit(data)
    assert (model.weights > 0).all()
    proposed = model.retrieve(Query(at=0.0), 5)
    assert proposed.rows.tolist() == model.sources["popular"].retrieve(Query(at=0.0), 5).rows.tolist()


def test_sources_that_nothing_tells_apart_weigh_alike() -> None:
    pool = Pool(np.ones((2, 3, 4)), np.ones((3, 4), bool), np.zeros((3, 4), bool), np.ones(3, np.int64), np.ones(2))
    weights, worth = best_weights(pool, np.random.default_rng(0), 2)
    assert weights.tolist() == [0.5, 0.5]
    assert worth.tolist() == [0, 0, 0]
