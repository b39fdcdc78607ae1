"""What every explainer keeps to: amounts of the person's own items that sum to the score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.candidates import Candidates
from tests.contracts.subjects import ADDITIVE, N_ITEMS, N_USERS, RECIPES, ask, fitted

HISTORIES = st.lists(st.integers(0, N_ITEMS + 5), max_size=20)
ROUNDING = 1e-6  # the model's scores are float32: relative to the sum of the sizes of all amounts


@pytest.mark.parametrize("name", ADDITIVE)
@settings(max_examples=50, deadline=None)
@given(history=HISTORIES, user=st.integers(-1, N_USERS), row=st.integers(0, N_ITEMS + 5))
def test_amounts_sum_to_the_score(name: str, history: list[int], user: int, row: int) -> None:
    model, query = fitted(name), ask(*history, user=user)
    evidence = model.contributions(query, row)
    score = model.score(query, Candidates.of("x", np.array([row]), np.zeros(1))).mean[0]
    size = np.abs(evidence.amounts).sum() + sum(abs(amount) for amount in evidence.other.values())
    assert abs(evidence.total - score) <= ROUNDING * size + 1e-12


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=20, deadline=None)
@given(history=HISTORIES, row=st.integers(0, N_ITEMS - 1))
def test_evidence_is_the_persons_own_and_each_item_once(name: str, history: list[int], row: int) -> None:
    evidence = fitted(name).contributions(ask(*history), row)
    assert set(evidence.rows.tolist()) <= set(history)
    assert len(set(evidence.rows.tolist())) == len(evidence.rows)
    assert np.isfinite(evidence.amounts).all()
    assert evidence.kind


@pytest.mark.parametrize("name", ADDITIVE)
def test_the_cause_lies_in_the_own_community(name: str) -> None:
    evidence = fitted(name).contributions(ask(0, 2, 4, 7), 6)
    if len(evidence.rows):
        assert evidence.rows[np.argmax(evidence.amounts)] in (0, 2, 4)
    else:
        assert evidence.other
