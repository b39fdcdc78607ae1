"""What every retriever keeps to: at most k, unique, best first, singles equal batches, for any history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.subjects import N_ITEMS, N_USERS, PERSONAL, RECIPES, ask, fitted

HISTORIES = st.lists(st.integers(0, N_ITEMS + 5), max_size=20)  # repeats, and items newer than the model
PEOPLE = st.integers(-1, N_USERS + 3)
SIZES = st.integers(1, N_ITEMS + 5)


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, user=PEOPLE, k=SIZES)
def test_at_most_k_known_unique_rows_best_first(name: str, history: list[int], user: int, k: int) -> None:
    found = fitted(name).retrieve(ask(*history, user=user), k)
    assert len(found) <= min(k, N_ITEMS)
    assert len(set(found.rows.tolist())) == len(found)
    assert ((found.rows >= 0) & (found.rows < N_ITEMS)).all()
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=20, deadline=None)
@given(asked=st.lists(st.tuples(HISTORIES, PEOPLE), max_size=6), k=SIZES)
def test_batches_equal_singles(name: str, asked: list[tuple[list[int], int]], k: int) -> None:
    model, queries = fitted(name), [ask(*history, user=user) for history, user in asked]
    together = model.retrieve_many(queries, k)
    assert len(together) == len(queries)
    for query, found in zip(queries, together, strict=True):
        alone = model.retrieve(query, k)
        assert alone.rows.tolist() == found.rows.tolist()
        assert alone.scores.tolist() == found.scores.tolist()


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=20, deadline=None)
@given(history=HISTORIES, k=SIZES)
def test_a_shorter_list_is_the_head_of_a_longer_one(name: str, history: list[int], k: int) -> None:
    longest = fitted(name).retrieve(ask(*history), N_ITEMS).rows.tolist()
    assert fitted(name).retrieve(ask(*history), k).rows.tolist() == longest[:k]


@pytest.mark.parametrize("name", RECIPES)
def test_without_history_only_the_impersonal_speak(name: str) -> None:
    for query in (ask(), ask(N_ITEMS, N_ITEMS + 1), ask(0, 2, weight=0.0)):
        assert (len(fitted(name).retrieve(query, 5)) == 0) == (name in PERSONAL)


@pytest.mark.parametrize("name", RECIPES)
def test_a_source_has_a_name(name: str) -> None:
    assert fitted(name).retrieve(ask(0, 2), 3).sources == (fitted(name).name,)
