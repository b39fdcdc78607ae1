"""Content to factors: an item without events is ranked for the right people, exactly explained, and never peeked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.artifacts import load, save
from regard.data.item_records import record
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.records import Item, Value
from regard.domain.request import Query
from regard.models.content_kernel import ContentKernel
from regard.models.content_regression import ContentRegression, FittedContentRegression

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
    twin = replace(record(data, 19), id="twin")
    vector = model.encode_items([twin], {})[0]
    assert np.allclose(vector, model.item_vectors[19], atol=1e-6)
    query = data.query("u1")
    assert model.evidence(query, vector).total == pytest.approx(model.scores([query])[0, 19], abs=1e-6)


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


def test_the_kernel_by_hand() -> None:
    items = [
        Item("a", tags=("x", "y"), attributes={"year": 1990.0, "released": "1990-01-01"}),
        Item("b", tags=("x",), attributes={"year": 1980.0, "released": "02-Jan-1990"}),
        Item("c", tags=("y",)),
    ]
    text = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    kernel = ContentKernel.learn(items, None, (("year", 10.0), ("absent", 1.0)), (("released", 1.0),), 2.0)
    assert kernel.numbers == (("year", 10.0),)
    read = kernel.read(items, text)
    alike = kernel.likeness(read, read)
    # labels x, y are equally telling: cos(a, b) = 1 / sqrt 2; ten years: e^-1; one day: e^-1; cos(text) = 0: 2 / 2^4
    assert np.isclose(alike[0, 1], np.exp(-1) / 2**0.5 + np.exp(-1) + 2 / 16)
    # c says neither year (the middle, 1985, stands in), date nor text
    assert np.isclose(alike[0, 2], np.exp(-0.5) / 2**0.5)
    assert np.allclose(alike, alike.T)
    assert np.isclose(alike[0, 0], 1 + 1 + 2)


@pytest.mark.parametrize("said", ["1996-01-22", "22-Jan-1996", "1996/01/22", "22.01.1996", "1996-01-22T00:00:00"])
def test_dates_are_days(said: str) -> None:
    items = [Item("a", attributes={"released": said}), Item("b", valid_from=86_400.0 * 9_517)]  # 1996-01-22
    kernel = ContentKernel.learn(items, None, (), (("released", 1.0), ("valid_from", 1.0)), 0.0)
    assert kernel.read(items, np.zeros((2, 0), np.float32)).near[[0, 1], [0, 1]].tolist() == [9517.0, 9517.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999))
def test_the_kernel_is_positive_semi_definite(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = [
        Item(str(n), tags=tuple(rng.choice(list("abcd"), rng.integers(0, 4))), attributes=_some(rng)) for n in range(12)
    ]
    kernel = ContentKernel.learn(items, None, (("year", 5.0),), (("released", 50.0),), 1.0)
    text = rng.normal(size=(12, 3)) * (rng.random((12, 1)) < 0.7)
    read = kernel.read(items, text.astype(np.float32))
    assert np.linalg.eigvalsh(kernel.likeness(read, read)).min() > -1e-5


def _some(rng: np.random.Generator) -> dict[str, Value]:
    held: dict[str, Value] = {
        "year": float(rng.integers(1950, 2000)),
        "released": f"199{rng.integers(10)}-03-0{rng.integers(1, 10)}",
    }
    return {name: value for name, value in held.items() if rng.random() < 0.7}


def test_ridge_solves_its_equation() -> None:
    data = _town()
    ridge = RECIPE.fit(data).ridge
    own = replace(RECIPE, prior=0.0).fit(data).item_vectors[:COLD].astype(np.float64)
    square = ridge.kernel.likeness(ridge.known, ridge.known) + RECIPE.l2 * np.eye(COLD)
    assert np.allclose(square @ ridge.weights, own - own.mean(axis=0), atol=1e-5)


def test_few_anchors_are_those_with_the_most_people() -> None:
    data = _town()
    model = replace(RECIPE, anchors=5).fit(data)
    assert len(model.ridge.weights) == 5
    assert np.isfinite(model.item_vectors).all()


def test_the_same_seed_fits_the_same_and_the_artifact_too(tmp_path: Path) -> None:
    data = _town()
    model = RECIPE.fit(data)
    assert np.array_equal(model.item_vectors, RECIPE.fit(data).item_vectors)
    save(model.artifact(), tmp_path / "m")
    again = FittedContentRegression.from_artifact(load(tmp_path / "m"))
    query, new = data.query("u1"), [Item("n", tags=("war",))]
    assert again.recipe == model.recipe
    assert np.array_equal(again.scores([query]), model.scores([query]))
    assert np.array_equal(again.encode_items(new, {}), model.encode_items(new, {}))


def test_nobody_known_means_nothing_to_say() -> None:
    model = RECIPE.fit(_town())
    assert len(model.retrieve(Query(at=0), 5)) == 0


@pytest.mark.parametrize(
    "bad", [{"factors": 0}, {"l2": 0.0}, {"prior": -1.0}, {"exponent": 2.0}, {"anchors": 0}, {"text": -1.0}]
)
def test_bounds(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        replace(RECIPE, **bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="numbers"):
        replace(RECIPE, numbers=(("year", 0.0),))


def test_nothing_to_learn_from() -> None:
    with pytest.raises(InvalidInput, match="encode_dataset"):
        ContentRegression().fit(_town())
    bare = Dataset.from_frame(pl.DataFrame({"user": ["u", "v"], "item": ["a", "b"]}))
    with pytest.raises(InvalidInput, match="year"):
        RECIPE.fit(bare)
