"""What every recipe keeps to: same seed, same fit; artifacts bit for bit; an obvious answer; hard data."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.data.artifacts import load, save
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.run import Run
from tests.contracts.subjects import N_ITEMS, PERSONAL, RECIPES, UNORDERED, ask, communities, dataset, fitted, missing

QUERIES = [ask(0, 2, 4), ask(1, 1, 5, user=3), ask(0, 1), ask(), ask(user=5), ask(99, 3)]


def same(left: Any, right: Any) -> None:
    """Two models give the same bytes."""
    for one, other in zip(left.retrieve_many(QUERIES, N_ITEMS), right.retrieve_many(QUERIES, N_ITEMS), strict=True):
        assert one.rows.tobytes() == other.rows.tobytes()
        assert one.scores.tobytes() == other.scores.tobytes()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_frozen_data(name: str) -> None:
    recipe = RECIPES[name].recipe
    with pytest.raises(FrozenInstanceError):
        setattr(recipe, fields(recipe)[0].name, 1)
    assert hash(recipe) == hash(type(recipe)(**{f.name: getattr(recipe, f.name) for f in fields(recipe)}))


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_fits_the_same(name: str) -> None:
    recipe = RECIPES[name].recipe
    same(recipe.fit(communities(), run=Run(seed=3)), recipe.fit(communities(), run=Run(seed=3)))


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("name", RECIPES)
def test_an_artifact_loads_to_the_same_outputs(name: str, mmap: bool, tmp_path: Path) -> None:
    save(fitted(name).artifact(), tmp_path / "model")
    again = RECIPES[name].read(load(tmp_path / "model", mmap=mmap))
    assert again.recipe == RECIPES[name].recipe
    same(fitted(name), again)


@pytest.mark.parametrize("name", UNORDERED)
def test_the_obvious_item_comes_first(name: str) -> None:
    data, model = communities(), fitted(name)
    for user in range(len(data.users)):
        query = data.query(user)
        unseen = [row for row in model.retrieve(query, N_ITEMS).rows if row not in query.history.rows]
        assert unseen[0] == missing(user), f"person {user}"


@pytest.mark.parametrize("name", PERSONAL)
def test_a_person_unknown_to_the_fit_is_served_by_history(name: str) -> None:
    found = fitted(name).retrieve(ask(1, 3, 5, 7), N_ITEMS).rows
    assert next(row for row in found if row not in (1, 3, 5, 7)) in (9, 11)


HARD: dict[str, Dataset] = {
    "one item": dataset([0, 1], [0, 0], 2, 1),
    "one event": dataset([0], [0], 3, 4),
    "everybody has everything": dataset([u for u in range(4) for _ in range(5)], [*range(5)] * 4, 4, 5),
    "duplicates": dataset([0, 0, 0, 1, 1], [1, 1, 1, 1, 2], 2, 3),
    "people and items without events": dataset([1, 1, 4], [1, 3, 3], 6, 6),
}


@pytest.mark.parametrize("data", list(HARD.values()), ids=list(HARD))
@pytest.mark.parametrize("name", RECIPES)
def test_hard_data_give_finite_answers(name: str, data: Dataset) -> None:
    model = RECIPES[name].recipe.fit(data)
    everything = Candidates.of("x", np.arange(len(data.items) + 2), np.zeros(len(data.items) + 2))
    for query in [*data.queries(np.arange(len(data.users))), ask(), ask(0, 0, 10**6), ask(user=10**6)]:
        assert len(model.retrieve(query, 100)) <= len(data.items)
        assert len(model.score(query, everything).mean) == len(everything)  # Scored checks that they are finite
        assert np.isfinite(model.contributions(query, 0).total)
