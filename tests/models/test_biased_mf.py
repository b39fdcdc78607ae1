"""BiasedMF: planted ratings come back, strangers get the item's average, real ratings are met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.request import UNKNOWN
from regard.models.biased_mf import BiasedMF
from tests.contracts.subjects import ask, communities

RNG = np.random.default_rng(5)
TRUTH = (
    3.0
    + RNG.normal(0, 0.4, (60, 1))
    + RNG.normal(0, 0.4, 40)
    + np.outer(RNG.normal(0, 0.7, 60), RNG.normal(0, 0.7, 40))
)
USERS, ITEMS = np.nonzero(RNG.random(TRUTH.shape) < 0.6)


def ratings(users: np.ndarray, items: np.ndarray, values: np.ndarray) -> Dataset:
    frame = pl.DataFrame({"user": users, "item": items, "rating": values, "time": np.arange(len(users))})
    return Dataset.from_frame(
        frame, users=pl.DataFrame({"id": range(int(users.max()) + 1)}), items=pl.DataFrame({"id": range(40)})
    )


PLANTED = ratings(USERS, ITEMS, TRUTH[USERS, ITEMS])


def test_planted_ratings_come_back_on_pairs_never_seen() -> None:
    model = BiasedMF(factors=2, l2=0.01, l2_bias=0.1, iterations=30).fit(PLANTED)
    hidden = np.ones_like(TRUTH, bool)
    hidden[USERS, ITEMS] = False
    users, items = np.nonzero(hidden)
    errors = model.predict(users, items) - TRUTH[users, items]
    assert np.sqrt((errors**2).mean()) < 0.1  # biases alone leave .5
    assert np.sqrt(((TRUTH[users, items] - TRUTH.mean()) ** 2).mean()) > 0.6


def test_a_stranger_gets_mean_plus_item() -> None:
    model = BiasedMF().fit(PLANTED)
    expected = model.scale[0] + model.item_factors[:, -1]
    rows = np.arange(40)
    assert model.predict(np.full(40, UNKNOWN), rows) == pytest.approx(np.clip(expected, *model.scale[1:]))
    assert model.scores([ask(1, 2)])[0].tolist() == pytest.approx(expected.tolist())  # met, but not rated
    assert model.contributions(ask(1, 2), 3).other["person"] == 0.0


def test_predictions_stay_within_the_ratings_seen() -> None:
    model = BiasedMF(factors=8, l2=0.001, l2_bias=0.01).fit(PLANTED)
    users, items = np.nonzero(np.ones_like(TRUTH))
    found = model.predict(users, items)
    assert found.min() >= PLANTED.events.value.min()
    assert found.max() <= PLANTED.events.value.max()


def test_the_last_rating_of_a_pair_counts() -> None:
    again = ratings(np.append(USERS, 0), np.append(ITEMS, ITEMS[0]), np.append(TRUTH[USERS, ITEMS], 9.0))
    once = TRUTH[USERS, ITEMS].copy()
    once[0] = 9.0
    users, items = np.zeros(40, np.int64), np.arange(40)
    left, right = (BiasedMF(factors=2).fit(data) for data in (again, ratings(USERS, ITEMS, once)))
    assert left.predict(users, items) == pytest.approx(right.predict(users, items))


def test_its_two_encoders_make_the_scores() -> None:
    model = BiasedMF(factors=3).fit(PLANTED)
    queries = [ask(user=4), ask(), ask(user=10**6)]
    np.testing.assert_allclose(model.encode(queries) @ model.item_vectors.T, model.scores(queries), atol=1e-5)


def test_low_ratings_teach_although_they_weigh_nothing_elsewhere() -> None:
    data = communities()  # ratings of 5 only; an event of value 1 has weight 0 by default
    low = replace(data, events=replace(data.events, value=np.where(data.events.item == 0, 1.0, 5.0).astype(np.float32)))
    scores = BiasedMF(factors=1).fit(low).scores([ask()])[0]
    assert scores.argmin() == 0


def test_data_without_ratings_are_refused() -> None:
    views = Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["a"]}))
    with pytest.raises(InvalidInput, match=r"BiasedMF\.event"):
        BiasedMF().fit(views)


@pytest.mark.parametrize("wrong", [{"factors": 0}, {"l2": 0.0}, {"l2_bias": 0.0}, {"iterations": 0}])
def test_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=f"BiasedMF.{next(iter(wrong))}"):
        BiasedMF(**wrong)  # type: ignore[arg-type]


@pytest.mark.data
def test_movielens_u1(real_data: Callable[[str], Path]) -> None:
    folder, names = real_data("movielens-100k"), ["user", "item", "rating", "timestamp"]
    read = [pl.read_csv(folder / f, separator="\t", has_header=False, new_columns=names) for f in ("u.data", "u1.test")]
    train = read[0].join(read[1], on=["user", "item"], how="anti", maintain_order="left")
    data = Dataset.from_frame(train)
    users, items = (getattr(data, f"{kind}s").rows(read[1][kind].cast(pl.String)) for kind in ("user", "item"))
    errors = BiasedMF().fit(data).predict(users, items) - read[1]["rating"].to_numpy()
    assert np.sqrt((errors**2).mean()) < 0.935
    assert np.abs(errors).mean() < 0.74
