"""What every scorer keeps to: finite, blind to order, the same scores as its lists, and humble about new items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.artifacts import load, save
from regard.domain.candidates import Candidates
from regard.domain.protocols import Scorer
from regard.domain.records import Item
from regard.models.choice import Choice
from regard.models.content import ContentProfile
from regard.models.lately import Lately
from regard.models.long_term import FittedSlateQ, SlateQ, Value
from regard.models.outlook import Outlook
from regard.models.policy_gradient import FittedPolicyGradient, PolicyGradient
from regard.recommending.scorers import DotProduct, Sum
from regard.serving.tuned import TUNED
from tests.contracts.subjects import N_ITEMS, N_USERS, RECIPES, ask, communities, dataset, fitted

VECTORS = communities().vectors["content"]
DOT = DotProduct(ContentProfile(VECTORS), VECTORS, spread=0.1)
OUTLOOK = Outlook(DOT, Lately(VECTORS, (3.0,)), np.array([0.1, 0.0, 0.2]), np.array([2.0, 1.0, 0.5]))
ASSEMBLED: dict[str, Scorer] = {
    "dot": DOT,
    "sum": Sum({"dot": DOT, "ease": fitted("ease")}, {"dot": 0.3, "ease": 2.0}),
    "long term": FittedSlateQ(
        SlateQ(0.9), OUTLOOK, Choice(np.array([0.7, -0.3, 0.1, -1.0]), np.ones(N_ITEMS)), Value(np.linspace(-1, 1, 8))
    ),
    "policy gradient": FittedPolicyGradient(
        PolicyGradient(), OUTLOOK, np.array([1.3, -0.7, 0.2]), np.linspace(0, 1, N_ITEMS)
    ),
}
SUBJECTS = [*RECIPES, *ASSEMBLED]
INDUCTIVE = ["content knn", "content regression", "behaviour", "behaviour, towers"]
TUNED_NAMES = ["long term", "policy gradient"]

HISTORIES = st.lists(st.integers(0, N_ITEMS + 5), max_size=20)
ROWS = st.lists(st.integers(0, N_ITEMS + 5), unique=True, max_size=N_ITEMS)


def subject(name: str) -> Any:
    return ASSEMBLED[name] if name in ASSEMBLED else fitted(name)


def batch(rows: list[int]) -> Candidates:
    return Candidates.of("somebody", np.array(rows, np.int64), np.zeros(len(rows)))


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, user=st.integers(-1, N_USERS), rows=ROWS, seed=st.integers(0, 9))
def test_it_is_blind_to_order_and_to_company(
    name: str, history: list[int], user: int, rows: list[int], seed: int
) -> None:
    model, query = subject(name), ask(*history, user=user)
    scored = model.score(query, batch(rows))
    order = np.random.default_rng(seed).permutation(len(rows))
    again = model.score(query, batch([rows[place] for place in order]))
    assert again.mean.tolist() == scored.mean[order].tolist()
    assert again.spread.tolist() == scored.spread[order].tolist()
    for place, row in enumerate(rows[:2]):
        assert model.score(query, batch([row])).mean[0] == scored.mean[place]


@pytest.mark.parametrize("name", TUNED_NAMES)
def test_what_is_tuned_comes_back_from_its_folder_onto_any_scorer(name: str, tmp_path: Path) -> None:
    model, query, every = ASSEMBLED[name], ask(0, 2, 5, user=1), batch([*range(N_ITEMS + 2)])
    assert isinstance(model, FittedSlateQ | FittedPolicyGradient)
    save(model.artifact(), tmp_path / "tuned")
    again = TUNED[model.artifact().kind](load(tmp_path / "tuned"), DOT)
    assert again.recipe == model.recipe
    assert again.score(query, every).mean.tobytes() == model.score(query, every).mean.tobytes()
    other = again.over(fitted("ease")).score(query, every)
    assert other.mean.tolist() != model.score(query, every).mean.tolist()
    assert other.spread.tolist() == fitted("ease").score(query, every).spread.tolist()


@pytest.mark.parametrize("name", RECIPES)
def test_it_says_what_its_list_says(name: str) -> None:
    found = fitted(name).retrieve(ask(0, 2, 5, user=1), N_ITEMS)
    assert fitted(name).score(ask(0, 2, 5, user=1), found).mean.tolist() == found.scores.tolist()


@pytest.mark.parametrize("name", SUBJECTS)
def test_an_item_newer_than_the_model_is_least_sure_and_no_model_scores_it_higher(name: str) -> None:
    scored = subject(name).score(ask(0, 2, user=1), batch([*range(N_ITEMS), N_ITEMS + 3]))
    assert name in ASSEMBLED or scored.mean[-1] == scored.mean.min()
    assert scored.spread[-1] > scored.spread[:-1].max()


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_less_sure_than_an_item_that_nobody_has_met(name: str) -> None:
    e = communities().events
    model = RECIPES[name].recipe.fit(dataset(e.user.tolist(), e.item.tolist(), n_items=N_ITEMS + 1))
    for query in (ask(0, 2, user=1), ask()):
        spread = model.score(query, batch([*range(N_ITEMS + 1)])).spread
        assert spread[N_ITEMS] >= spread.max()


@pytest.mark.parametrize("name", INDUCTIVE)
def test_newer_items_are_scored_by_what_they_say_and_the_evidence_sums_to_it(name: str, tmp_path: Path) -> None:
    model, query = subject(name), ask(0, 2, 5, user=1)
    said = [Item("new", tags=("war",), creator="Mann"), Item("silent"), Item("odd", attributes={"year": "?"})]
    contents = {"content": np.concatenate([VECTORS[:1], np.zeros((2, VECTORS.shape[1]), np.float32)])}
    vectors, person = model.encode_items(said, contents), model.encode([query])[0]
    assert vectors.shape == (3, len(person))
    assert np.isfinite(vectors).all()
    assert model.encode_items([], {}).shape == (0, len(person))
    save(model.artifact(), tmp_path / "model")
    again = RECIPES[name].read(load(tmp_path / "model"))
    for place, vector in enumerate(vectors):
        own = {kind: held[place : place + 1] for kind, held in contents.items()}
        alone = model.encode_items(said[place : place + 1], own)
        np.testing.assert_allclose(alone[0], vector, atol=1e-5)
        assert again.encode_items(said[place : place + 1], own).tobytes() == alone.tobytes()
        assert model.evidence(query, vector).total == pytest.approx(float(vector @ person), abs=1e-5)
