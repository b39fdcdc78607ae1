"""Team-draft interleaving: by hand, what always holds, and who wins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput
from regard.feedback.interleaving import FIRST, NOBODY, SECOND, Interleaved, Preference, preference, team_draft


def _drafted(first: list[int], second: list[int], k: int, seed: int) -> tuple[list[int], list[int]]:
    told = team_draft(np.array([first]), np.array([second]), k, np.random.default_rng(seed))
    return told.rows[0].tolist(), told.team[0].tolist()


def test_every_list_of_a_small_draft_by_hand() -> None:
    # [1, 2, 3] and [2, 3, 1]: whoever starts, the other follows; then a coin again
    seen = {tuple(_drafted([1, 2, 3], [2, 3, 1], 3, seed)[0]) for seed in range(40)}
    # first starts: 1, then second takes 2, then 3 is left. second starts: 2, then 1, then 3
    assert seen == {(1, 2, 3), (2, 1, 3)}
    starts = [_drafted([1, 2, 3], [2, 3, 1], 3, seed)[1][0] for seed in range(400)]
    assert 160 < starts.count(FIRST) < 240


def test_who_runs_out_leaves_the_rest_to_the_other() -> None:
    for seed in range(5):
        rows, team = _drafted([1, -1, -1], [5, 6, 7], 4, seed)
        assert sorted(rows) == [1, 5, 6, 7]
        assert team.count(FIRST) == 1
        rows, team = _drafted([1, -1], [1, -1], 3, seed)
        assert rows == [1, -1, -1]
        assert team[1:] == [NOBODY, NOBODY]


rankings = st.permutations(range(8))


@given(rankings, rankings, st.integers(1, 8), st.integers(0, 999))
def test_what_holds_of_every_draft(first: list[int], second: list[int], k: int, seed: int) -> None:
    rows, team = _drafted(first, second, k, seed)
    assert len(set(rows)) == k  # nothing twice, nothing missing while there is some
    for slot in range(k):
        assert abs(team[: slot + 1].count(FIRST) - team[: slot + 1].count(SECOND)) <= 1
        ranking = first if team[slot] == FIRST else second
        assert rows[slot] == next(row for row in ranking if row not in rows[:slot])  # a captain takes their best
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    if agreed == 8:
        assert rows == list(first[:k])


def test_credit_by_hand() -> None:
    told = Interleaved(np.array([[4, 5, 6], [7, 8, -1]]), np.array([[FIRST, SECOND, FIRST], [SECOND, FIRST, NOBODY]]))
    clicked = np.array([[True, True, True], [True, False, True]])
    assert told.credit(clicked).tolist() == [1.0, -1.0]  # 2 - 1; the empty slot counts for nobody


def test_preference_by_hand() -> None:
    # per person: 3, 0, 1 and 0; mean 1, spread sqrt 2, error sqrt(2 / 4)
    found = preference(np.array([1.0, 2, 0, 1, 0]), np.array([9, 9, 3, 4, 5]))
    assert (found.people, found.difference) == (4, 1.0)
    half = 3.18245 * math.sqrt(0.5)  # t of .975 with 3 degrees of freedom
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half), abs=1e-5)
    assert found.p == pytest.approx(0.2522, abs=1e-4)  # 2 P(t_3 > 1 / sqrt(.5))
    assert str(found) == "4 people prefer neither (p 0.25)"
    assert preference(np.ones(3), np.array([1, 1, 1])).p == 1.0  # one person proves nothing


def _visited(first: Rows, second: Rows, appeal: Scores, rng: np.random.Generator) -> Preference:
    """One experiment: slot p is looked at with chance 1 / (1 + p), what is seen is clicked by its appeal."""
    told = team_draft(first, second, 5, rng)
    looked = rng.random(told.rows.shape) < 1 / (1 + np.arange(5))
    clicked = looked & (rng.random(told.rows.shape) < appeal[told.rows])
    return preference(told.credit(np.asarray(clicked)), np.arange(len(first)))


def test_a_ranker_does_not_beat_itself_and_a_better_one_wins() -> None:
    rng = np.random.default_rng(6)
    appeal = np.linspace(0.4, 0.05, 20)
    good, poor = np.tile(np.arange(20), (300, 1)), np.tile(rng.permutation(20), (300, 1))
    alarms = sum(_visited(good, good, appeal, rng).p < 0.05 for _ in range(200))
    assert 2 <= alarms <= 19  # 10 expected, spread 3.1
    told = [_visited(good, poor, appeal, rng) for _ in range(60)]
    assert sum(one.difference > 0 for one in told) >= 58
    assert sum(one.p < 0.05 and one.low > 0 for one in told) > 40


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 1 slot"):
        team_draft(np.array([[1]]), np.array([[1]]), 0, np.random.default_rng(0))
    with pytest.raises(InvalidInput, match=r"team_draft\.second"):
        team_draft(np.array([[1]]), np.array([1]), 1, np.random.default_rng(0))
