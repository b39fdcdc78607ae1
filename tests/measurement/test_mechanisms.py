from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from regard.domain.errors import InvalidInput
from regard.measurement.mechanisms import OFF, Floats, Mechanisms, weekday_and_part

DRAWS = arrays.arrays(np.float32, (4, 6), elements=st.floats(0, 1, width=32, exclude_max=True))


def test_without_position_bias_every_slot_is_looked_at() -> None:
    assert OFF.examined(np.zeros((2, 5), np.bool_), np.full((2, 5), 0.999, np.float32)).all()


def test_examination_falls_with_the_slot() -> None:
    bias = replace(OFF, position="examination", eta=1.0)  # chances 1, 1/2, 1/3
    draws = np.array([[0.99, 0.49, 0.34], [0.99, 0.51, 0.33]], np.float32)
    assert bias.examined(np.zeros((2, 3), np.bool_), draws).tolist() == [[True, True, False], [True, False, True]]


def test_a_cascade_stops_for_good_and_sooner_after_a_click() -> None:
    bias = replace(OFF, position="cascade", patience=0.9, patience_after_click=0.2)
    draws = np.full((2, 3), 0.5, np.float32)
    clicks = np.array([[False, True, False], [True, False, False]])
    assert bias.examined(clicks, draws).tolist() == [[True, True, False], [True, False, False]]


@given(DRAWS, arrays.arrays(np.bool_, (4, 6)))
def test_a_cascade_looks_at_a_prefix(draws: Floats, clicks: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    seen = replace(OFF, position="cascade").examined(clicks, draws)
    assert seen[:, 0].all()
    assert (np.diff(seen.astype(int), axis=1) <= 0).all()


def test_choice_is_logistic_and_certain_without_noise() -> None:
    margin = np.array([-1.0, 0.0, 1.0], np.float32)
    assert replace(OFF, noise=0.0).chance(margin).tolist() == [0, 0, 1]
    expected = [1 / (1 + np.e**2), 0.5, 1 / (1 + np.e**-2)]  # 1 / (1 + exp(-margin / 0.5))
    np.testing.assert_allclose(replace(OFF, noise=0.5).chance(margin), expected, rtol=1e-6)


@given(st.floats(0, 1000), st.floats(0.1, 100))
def test_satiation_halves_with_each_half_life(days: float, half_life: float) -> None:
    kept = replace(OFF, recovery=half_life).satiation_kept(np.array([days, days + half_life]) * 86_400)
    np.testing.assert_allclose(kept[1], kept[0] / 2, rtol=1e-4, atol=1e-30)


def test_without_recovery_satiation_stays() -> None:
    assert replace(OFF, recovery=None).satiation_kept(np.array([1e9])).tolist() == [1.0]


def test_weekday_and_day_part_are_the_calendars() -> None:
    moments = [datetime(2026, 11, 22, 5, 59, tzinfo=UTC), datetime(2024, 2, 29, 18, tzinfo=UTC)]  # Sunday, Thursday
    weekday, part = weekday_and_part(np.array([moment.timestamp() for moment in moments]))
    assert (weekday.tolist(), part.tolist()) == ([6, 3], [0, 3])


@pytest.mark.parametrize(
    "wrong",
    [{"mood": -0.1}, {"noise": -1.0}, {"patience": 1.1}, {"recovery": 0.0}, {"mood_days": 0.0}, {"position": "random"}],
)
def test_a_strength_outside_its_bounds_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"Mechanisms.{next(iter(wrong))}"):
        Mechanisms(**wrong)
