"""The best k of many scores, and the places of events in a history."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.events import sorted_events
from regard.domain.weights import Weighting
from regard.models.ease import EASE
from regard.models.scoring import best, places_of, recipe_from
from tests.contracts.subjects import dataset


@given(scores=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), max_size=30), k=st.integers(0, 35))
def test_best_is_the_head_of_a_full_sort_with_ties_by_row(scores: list[float], k: int) -> None:
    numbers = np.array(scores, np.float32)
    assert best(numbers, k).tolist() == np.lexsort((np.arange(len(numbers)), -numbers))[:k].tolist()


def test_places_count_from_one_and_are_shared_by_events_of_one_moment() -> None:
    data = dataset([0, 0, 0, 1], [2, 0, 2, 1], 2, 3)  # person 0: item 2, item 0, item 2 again: its newest place is 3
    assert places_of(data).toarray().tolist() == [[2.0, 0.0, 3.0], [0.0, 1.0, 0.0]]
    events = sorted_events(
        n_users=1, user=np.zeros(3, int), item=np.arange(3), time=np.array([5.0, 5.0, 9.0]), types=("view",)
    )
    together = dataset([0, 0, 0], [0, 1, 2], 1, 3)
    together = type(together)(together.users, together.items, events)
    assert places_of(together).toarray().tolist() == [[1.0, 1.0, 3.0]]


def test_places_have_the_pattern_of_the_matrix() -> None:
    data = dataset([0, 0, 1, 1, 1], [1, 1, 0, 2, 1], 2, 3)
    assert places_of(data).indices.tolist() == data.matrix().indices.tolist()


def test_a_recipe_comes_back_from_plain_values() -> None:
    recipe = EASE(l2=3.0, weighting=Weighting(half_life=7.0))
    stored = {"l2": 3.0, "weighting": {"half_life": 7.0, "recency": 1.0, "repeats": "max", "binary": True}}
    assert recipe_from(EASE, stored) == recipe
