"""Trees on examples whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logit

from regard.data.artifacts import load, save
from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.measurement.metrics.predictions import auc
from regard.models.examples import Examples
from regard.models.trees import FittedTrees, Trees

RECIPE = Trees(rounds=30, leaves=4, rate=0.2, at_least=20)
NAMES = ("source", "source, place", "other")


def words(rng: np.random.Generator, n: int, width: int) -> sparse.csr_array:
    return sparse.csr_array((rng.random((n, width)) < 0.3).astype(np.float32))


@cache
def lessons(n: int = 4_000) -> tuple[Examples, np.ndarray]:
    """The first action follows a source's score, the second an item's second word, the third is the fourth column."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(n, 3)).astype(np.float32)
    columns[rng.random(n) < 0.3, :2] = np.nan
    people, items, context = (words(rng, n, width) for width in (2, 4, 3))
    person = rng.integers(0, 200, n)
    nothing = np.empty((n, 0), np.int64)
    item = np.zeros(n, np.int64)
    found = Examples(person, item, np.zeros(n), people, items, context, columns, NAMES, nothing, nothing)
    first = rng.random(n) < np.where(np.isnan(columns[:, 0]), 0.1, 1 / (1 + np.exp(-2 * columns[:, 0])))
    second = rng.random(n) < np.where(items.toarray()[:, 1] > 0, 0.8, 0.2)
    return found, np.stack([first, second, 3 * columns[:, 2] + 1], axis=1).astype(np.float32)


@cache
def fitted() -> FittedTrees:
    examples, labels = lessons()
    return RECIPE.fit(examples, labels, {})


def test_each_action_is_learned_from_what_drives_it() -> None:
    examples, labels = lessons()
    found = fitted().chances(examples)
    assert auc(labels[:, 0], found[:, 0]) > 0.8
    assert auc(labels[:, 1], found[:, 1]) > 0.75
    assert np.corrcoef(labels[:, 2], found[:, 2])[0, 1] > 0.95
    assert ((found[:, :2] > 0) & (found[:, :2] < 1)).all()


def test_parts_sum_to_the_log_odds_and_name_the_driver() -> None:
    examples, _ = lessons()
    few = examples.take(np.arange(50))
    for action, driver in ((0, 0), (1, 3 + 2 + 1), (2, 2)):
        parts = fitted().parts(few, action)
        assert parts.shape == (50, 3 + 2 + 4 + 3 + 1)
        said = fitted().chances(few)[:, action]
        np.testing.assert_allclose(parts.sum(axis=1), said if action == 2 else logit(said), atol=1e-6)
        assert np.argmax(np.abs(parts[:, :-1]).mean(axis=0)) in ((0, 1) if action == 0 else (driver,))


def test_a_source_s_word_is_never_turned_round() -> None:
    examples, labels = lessons()
    against = RECIPE.fit(examples, 1 - labels[:, :1], {})  # the better the source's score, the worse
    one = examples.take(np.array([0]))
    asked = one.take(np.zeros(50, np.int64))
    columns = np.tile(one.columns, (50, 1))
    columns[:, 0] = np.linspace(-3, 3, 50)
    for model, steps in ((fitted(), True), (against, False)):
        found = model.chances(replace(asked, columns=columns))[:, 0]
        assert (np.diff(found) >= 0).all()
        assert (found[-1] > found[0]) == steps


def test_each_example_is_judged_by_itself() -> None:
    examples, _ = lessons()
    together = fitted().chances(examples.take(np.arange(40)))
    for place in range(40):
        assert fitted().chances(examples.take(np.array([place]))).tobytes() == together[place].tobytes()


def test_unknown_labels_teach_nothing() -> None:
    examples, labels = lessons()
    some = np.arange(len(labels)) % 3 == 0
    holes = np.where(some[:, None], np.nan, labels).astype(np.float32)
    turned = RECIPE.fit(examples, holes[:, :1], {}, run=Run(seed=4))
    again = RECIPE.fit(examples, holes[:, :1], {}, run=Run(seed=4))
    assert turned.chances(examples).tobytes() == again.chances(examples).tobytes()
    assert auc(labels[some, 0], turned.chances(examples)[some, 0]) > 0.75


def test_nothing_to_learn() -> None:
    examples, labels = lessons()
    model = RECIPE.fit(examples, labels[:, :0], {})
    assert model.chances(examples).shape == (len(labels), 0)


@pytest.mark.parametrize("mmap", [False, True])
def test_the_artifact_is_bytes_and_loads_to_the_same(mmap: bool, tmp_path: Path) -> None:
    save(fitted().artifact(), tmp_path / "trees")
    again = FittedTrees.from_artifact(load(tmp_path / "trees", mmap=mmap))
    examples, _ = lessons()
    assert again.recipe == RECIPE
    assert again.chances(examples).tobytes() == fitted().chances(examples).tobytes()
    assert bytes(again.texts[0]).startswith(b"tree")


@pytest.mark.parametrize("field", ["rounds", "leaves", "rate", "at_least", "penalty", "columns", "patience", "watched"])
def test_bounds(field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Trees\.{field}"):
        Trees(**{field: -1})


def test_the_newest_people_are_those_who_came_last() -> None:
    examples, _ = lessons()
    few = examples.take(np.arange(6))
    person, at = np.array([3, 3, 4, 4, 5, 5]), np.array([1.0, 99, 5, 6, 2, 3])
    asked = replace(few, person=person, at=at)  # person 3 came first, whatever they did later
    assert asked.of_newcomers(0.34).tolist() == [False, False, True, True, False, False]
    assert not asked.of_newcomers(0.1).any()
