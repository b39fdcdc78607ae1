"""Interests: planted tastes come back as groups, with weights that sum to 1 and evidence that is what was met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.models.interests import grouped
from tests.contracts.subjects import ask
from tests.models.test_behaviour import SMALL, histories


def test_two_directions_are_two_interests_and_what_speaks_against_weighs_nothing() -> None:
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    first, second = grouped(np.array([7, 8, 9]), vectors, np.array([0.2, 0.6, -0.1]), 0.5)
    assert first.rows.tolist() == [8, 7]
    assert first.weight == pytest.approx(1.0)
    assert (second.rows.tolist(), second.weight, second.amounts.tolist()) == ([9], 0.0, [-0.1])


def test_a_cosine_out_of_bounds_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"interests\.alike.*cosine"):
        grouped(np.arange(2), np.eye(2), np.ones(2), 1.5)


@given(st.integers(0, 6), st.integers(0, 1_000), st.floats(-1, 1))
def test_each_item_lies_in_one_interest(h: int, seed: int, alike: float) -> None:
    rng = np.random.default_rng(seed)
    found = grouped(np.arange(h), rng.normal(size=(h, 3)), rng.normal(size=h), alike)
    assert sorted(int(row) for interest in found for row in interest.rows) == list(range(h))
    assert sum(interest.weight for interest in found) == pytest.approx(float(h > 0))
    assert [i.weight for i in found] == sorted((i.weight for i in found), reverse=True)


@pytest.mark.deep
def test_a_person_of_two_tastes_has_these_interests() -> None:
    """Sixty people, half of them among items 0..9, half among 10..19; one person met three of one, one of the other."""
    rng = np.random.default_rng(0)
    data = histories([(rng.permutation(10)[:6] + 10 * (user % 2)).tolist() for user in range(60)], 20)
    model = replace(SMALL, body="gru", epochs=12).fit(data)
    found = model.interests(ask(1, 2, 15, 3), alike=0.0)
    assert {frozenset(interest.rows.tolist()) for interest in found} == {frozenset({1, 2, 3}), frozenset({15})}
    assert model.interests(ask()) == ()
