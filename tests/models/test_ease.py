"""EASE against values worked out by hand, and its anchor on MovieLens-100K."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.weights import EventWeight, Weighting
from regard.models.ease import EASE, LOCAL_EASE, FittedEASE
from tests.contracts.subjects import dataset

PAIR = dataset([0, 0, 1], [0, 1, 0], 2, 2)  # X = [[1, 1], [1, 0]], so X'X = [[2, 1], [1, 1]]


def weights(recipe: EASE) -> list[float]:
    """B_01 and B_10; for A = [[a, g], [g, c]] they are g / a and g / c."""
    found = recipe.fit(PAIR).weights
    assert np.diag(found).tolist() == [0.0, 0.0]
    return [float(found[0, 1]), float(found[1, 0])]


def test_steck_2019_by_hand() -> None:
    assert weights(EASE(l2=1.0)) == pytest.approx([1 / 3, 1 / 2])  # A = [[2 + 1, 1], [1, 1 + 1]]


def test_dropout_adds_to_each_items_ridge() -> None:
    assert weights(EASE(l2=1.0, dropout=0.5)) == pytest.approx([1 / 5, 1 / 3])  # p / (1 - p) = 1: A = [[5, 1], [1, 3]]


def test_popularity_normalisation_scales_there_and_back() -> None:
    # n = (2 ** -.5, 1); A = [[1 + 1, 2 ** -.5], [2 ** -.5, 1 + 1]]; B_01 = n_0 / n_1 * 2 ** -.5 / 2 = 1 / 4
    assert weights(EASE(l2=1.0, popularity=1.0)) == pytest.approx([1 / 4, 1 / 2])


def test_local_counts_fade_with_the_distance_of_two_events() -> None:
    near = 0.5 + 0.5 * np.exp(-1 / 2)  # person 0 met the items one event apart; reach 2
    assert weights(EASE(l2=1.0, local=0.5, reach=2.0)) == pytest.approx([near / 3, near / 2])


def test_a_local_model_of_wide_reach_is_the_plain_one() -> None:
    plain, wide = EASE(l2=1.0).fit(PAIR), EASE(l2=1.0, local=1.0, reach=1e9).fit(PAIR)
    np.testing.assert_allclose(wide.weights, plain.weights, rtol=1e-5)


def test_shared_tags_are_shared_people() -> None:
    data = dataset([0, 0, 1], [0, 1, 0], 2, 3)  # counts (2, 1, 0), at least 1: mean 4 / 3
    data = replace(data, item_attributes=pa.table({"tags": [["war"], [], ["war"]]}))
    found = EASE(l2=1.0, content=4.0).fit(data).weights
    # C_00 = C_22 = C_02 = 1; A_02 = 4 * (2 * 1) ** .25 / (4 / 3) ** .5, A_00 = 2 + 1 + 4 * 2 ** .5 / (4 / 3) ** .5,
    # A_22 = 1 + 4 / (4 / 3) ** .5, A_01 = 1, A_11 = 2
    unit = 4 / (4 / 3) ** 0.5
    a = np.array([[3 + unit * 2**0.5, 1, unit * 2**0.25], [1, 2, 0], [unit * 2**0.25, 0, 1 + unit]])
    p = np.linalg.inv(a)
    expected = -p / np.diag(p)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert found[0, 2] > 0.2  # nobody met item 2, and yet it follows from item 0


def test_content_may_be_vectors_and_meets_the_local_counts() -> None:
    data = dataset([0, 0, 1], [0, 1, 0], 2, 3).with_vectors("v", np.array([[1, 0], [-1, 0], [1, 0]], np.float32))
    assert EASE(l2=1.0, local=0.5, content=1.0, content_by="v").fit(data).weights[0, 2] > 0.1
    assert EASE(l2=1.0, local=0.5).fit(data).weights[0, 2] == 0


def test_items_that_few_people_met_may_be_left_out() -> None:
    data = dataset([0, 0, 1, 2], [2, 0, 2, 1], 3, 3)  # people per item: 1, 1, 2
    found = EASE(l2=1.0, at_least=2).fit(data).weights
    assert not found.any()  # item 2 alone is left, and no item follows from itself
    everything = EASE(l2=1.0, local=0.5, at_least=1).fit(data)
    np.testing.assert_array_equal(everything.weights, EASE(l2=1.0, local=0.5).fit(data).weights)
    data = dataset([0, 0, 0, 1, 1], [3, 1, 0, 3, 0], 2, 4)  # people per item: 2, 1, 0, 2
    for recipe in (EASE(l2=1.0), LOCAL_EASE):
        found = replace(recipe, at_least=2).fit(data).weights
        alone = recipe.fit(dataset([0, 0, 1, 1], [1, 0, 1, 0], 2, 2))
        if not recipe.local:  # places in a history are counted over all items
            np.testing.assert_allclose(found[np.ix_([0, 3], [0, 3])], alone.weights, rtol=1e-5)
        assert not found[[1, 2]].any()
        assert not found[:, [1, 2]].any()
        assert found[3, 0] > 0


def test_content_that_no_item_has_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"EASE\.content_by"):
        EASE(content=1.0, content_by="colour").fit(PAIR)


def test_a_larger_catalogue_than_allowed_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(InvalidInput, match=r"EASE\.max_bytes"):
        EASE(max_bytes=15).fit(PAIR)  # 4 * 2 * 2 = 16 bytes


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("l2", 0.0),
        ("dropout", 1.0),
        ("popularity", -0.1),
        ("local", 1.1),
        ("reach", 0.0),
        ("content", -1.0),
        ("at_least", -1),
    ],
)
def test_bounds(field: str, wrong: float) -> None:
    for value in (wrong, float("nan")):
        with pytest.raises(InvalidInput, match=rf"EASE\.{field}"):
            EASE(**{field: value})  # type: ignore[arg-type]


def movielens(folder: Path) -> tuple[Dataset, NDArray[np.int64]]:
    """MovieLens-100K without the pairs of ua.test, every rating positive; and those pairs as rows, (n, 2)."""
    names = ["user", "item", "rating", "timestamp"]
    read = [pl.read_csv(folder / f, separator="\t", has_header=False, new_columns=names) for f in ("u.data", "ua.test")]
    train = read[0].join(read[1], on=["user", "item"], how="anti", maintain_order="left")
    data = Dataset.from_frame(
        train, items=pl.DataFrame({"id": range(1, 1683)}), users=pl.DataFrame({"id": range(1, 944)})
    )
    return data.weighted([EventWeight("rating", 1.0)]), read[1].select("user", "item").to_numpy() - 1


def ranking(model: FittedEASE, data: Dataset, test: NDArray[np.int64]) -> tuple[float, float]:
    """N@10 and R@10, every item but the person's own ranked, ties against us; each person has 10 test items."""
    scores = model.scores(data.queries(np.arange(len(data.users)))).astype(np.float64)
    scores[data.events.user, data.events.item] = -np.inf
    gains, hits = [], []
    for user in range(len(data.users)):
        wanted = np.isin(np.arange(scores.shape[1]), test[test[:, 0] == user, 1])
        top = np.lexsort((wanted, -scores[user]))[:10]
        gains.append((wanted[top] / np.log2(np.arange(10) + 2)).sum() / (1 / np.log2(np.arange(10) + 2)).sum())
        hits.append(wanted[top].sum() / wanted.sum())
    return float(np.mean(gains)), float(np.mean(hits))


@pytest.mark.data
def test_the_anchor_on_movielens(real_data: Callable[[str], Path]) -> None:
    data, test = movielens(real_data("movielens-100k"))
    gain, recall = ranking(EASE(l2=300.0).fit(data), data, test)
    assert gain == pytest.approx(0.3160, abs=5e-5)
    assert recall == pytest.approx(0.2710, abs=5e-5)


@pytest.mark.data
def test_local_ease_beats_the_anchor(real_data: Callable[[str], Path]) -> None:
    data, test = movielens(real_data("movielens-100k"))
    graded = data.weighted([EventWeight("rating", 1 + 0.1 * (stars - 3), stars) for stars in (5, 4, 3, 2, 1)])
    gain, recall = ranking(replace(LOCAL_EASE, weighting=Weighting(binary=False)).fit(graded), graded, test)
    assert gain == pytest.approx(0.3291, abs=5e-4)
    assert recall == pytest.approx(0.2806, abs=5e-4)
