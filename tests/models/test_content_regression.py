"""Content to factors: an item without events is ranked for the right people, exactly explained, and never peeked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from regard.data.artifacts import load, save
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.records import Item
from regard.domain.request import Query
from regard.models.content_features import ContentFeatures
from regard.models.content_regression import ContentRegression, FittedContentRegression
from regard.models.text import dataset_items

COLD = 18


def _town(seed: int = 0) -> Dataset:
    """40 people of two tastes; items 0..19 by turns "war" and "love"; 18 and 19 have no events."""
    rng = np.random.default_rng(seed)
    rows = [(u, i) for u in range(40) for i in range(COLD) if rng.random() < (0.7 if u % 2 == i % 2 else 0.05)]
    items = pl.DataFrame(
        {
            "id": [str(i) for i in range(20)],
            "tags": [["war" if i % 2 == 0 else "love"] for i in range(20)],
            "year": [1990.0 + i % 5 if i != 3 else None for i in range(20)],
        }
    )
    events = pl.DataFrame({"user": [f"u{u}" for u, _ in rows], "item": [str(i) for _, i in rows]})
    return Dataset.from_frame(events, items=items)


RECIPE = ContentRegression(factors=4, l2=1.0, vectors=None)


def test_items_without_events_go_to_the_right_people() -> None:
    data = _town()
    scores = RECIPE.fit(data).scores([data.query(f"u{u}") for u in range(40)])
    taste = np.arange(40) % 2
    assert (np.where(taste == 0, scores[:, 18] - scores[:, 19], scores[:, 19] - scores[:, 18]) > 0).mean() > 0.85


def test_contributions_sum_to_the_score() -> None:
    data = _town()
    model = RECIPE.fit(data)
    query = data.query("u1")
    scores = model.scores([query])[0]
    for row in (0, 1, 18, 19):
        assert abs(model.contributions(query, row).total - scores[row]) < 1e-6
    assert model.contributions(query, 19).kind == "content"
    assert model.contributions(query, 1).kind == "liked"


def test_a_new_item_has_the_vector_that_a_cold_one_had_at_fit() -> None:
    data = _town()
    model = RECIPE.fit(data)
    twin = replace(dataset_items(data)[19], id="twin")
    none = np.zeros((1, 0), np.float32)
    assert np.allclose(model.encode_items([twin], none)[0], model.item_vectors[19], atol=1e-6)
    grown = model.extended([twin], none)
    assert abs(np.diff(grown.scores([data.query("u1")])[0, 19:]))[0] < 1e-6


def test_content_of_items_without_events_teaches_nothing() -> None:
    data = _town()
    changed = data.item_attributes.to_pylist()
    changed[19] = {"tags": ["space"], "year": 5000.0}
    other = replace(data, item_attributes=type(data.item_attributes).from_pylist(changed))
    one, two = RECIPE.fit(data), RECIPE.fit(other)
    assert np.array_equal(one.item_vectors[:COLD], two.item_vectors[:COLD])


def test_content_counts_as_much_as_prior_people() -> None:
    data = _town()
    alone, content = (replace(RECIPE, prior=p).fit(data).item_vectors for p in (0.0, 1e9))
    n = RECIPE.fit(data).people[:, None]
    mixed = replace(RECIPE, prior=7.0).fit(data).item_vectors
    assert np.allclose(mixed[:COLD], (n * alone + 7 * content)[:COLD] / (n + 7)[:COLD], atol=1e-5)


def test_wide_content_takes_the_other_solve_with_the_same_answer() -> None:
    data = _town().with_vectors("use", np.random.default_rng(1).normal(size=(20, 64)).astype(np.float32))
    recipe = replace(RECIPE, vectors="use")
    wide = recipe.fit(data)
    left = wide.features.read(dataset_items(data), data.vectors["use"])[:COLD]
    left = left - left.mean(axis=0)
    square = left.T @ left + np.eye(left.shape[1])
    own = replace(recipe, prior=0.0).fit(data).item_vectors[:COLD].astype(np.float64)
    assert np.allclose(np.linalg.solve(square, left.T @ (own - own.mean(axis=0))), wide.ridge.map, atol=1e-4)


def test_missing_numbers_stand_in_the_middle() -> None:
    items = [Item(str(n), tags=("t",), attributes={"year": float(n)}) for n in range(9)]
    none = np.zeros((9, 0), np.float32)
    features = ContentFeatures.learn(items, none, None, ("year", "absent"))
    assert features.numbers == ("year",)
    read = features.read([Item("x"), Item("y", attributes={"year": 4.0})], none[:2])
    assert np.array_equal(read[0, 1:], read[1, 1:])


def test_the_same_seed_fits_the_same_and_the_artifact_too(tmp_path: Path) -> None:
    data = _town()
    model = RECIPE.fit(data)
    assert np.array_equal(model.item_vectors, RECIPE.fit(data).item_vectors)
    save(model.artifact(), tmp_path / "m")
    again = FittedContentRegression.from_artifact(load(tmp_path / "m"))
    query, new = data.query("u1"), [Item("n", tags=("war",))]
    assert again.recipe == model.recipe
    assert np.array_equal(again.scores([query]), model.scores([query]))
    none = np.zeros((1, 0), np.float32)
    assert np.array_equal(again.encode_items(new, none), model.encode_items(new, none))


def test_nobody_known_means_nothing_to_say() -> None:
    model = RECIPE.fit(_town())
    assert len(model.retrieve(Query(at=0), 5)) == 0


@pytest.mark.parametrize("bad", [{"factors": 0}, {"l2": 0.0}, {"prior": -1.0}, {"exponent": 2.0}])
def test_bounds(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        replace(RECIPE, **bad)  # type: ignore[arg-type]


def test_nothing_to_learn_from() -> None:
    with pytest.raises(InvalidInput, match="encode_dataset"):
        ContentRegression().fit(_town())
    bare = Dataset.from_frame(pl.DataFrame({"user": ["u", "v"], "item": ["a", "b"]}))
    with pytest.raises(InvalidInput, match="year"):
        RECIPE.fit(bare)
