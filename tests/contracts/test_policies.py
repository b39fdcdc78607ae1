"""What every policy keeps to. A new policy adds one line to SUBJECTS."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.protocols import Policy
from regard.recommending.policies import Boltzmann, Epsilon, Greedy
from tests.recommending.linear import person, scored

SUBJECTS: dict[str, Policy] = {
    "greedy": Greedy(),
    "boltzmann": Boltzmann(0.1),
    "boltzmann, hot": Boltzmann(10.0),
    "epsilon": Epsilon(0.1),
    "epsilon, never": Epsilon(0.0),
    "epsilon, always": Epsilon(1.0),
}
GAINS = st.lists(st.floats(-1e3, 1e3) | st.just(-np.inf), min_size=1, max_size=30).filter(lambda g: max(g) > -np.inf)


def _chances(subject: Policy, gains: list[float]) -> np.ndarray:
    return subject.probabilities(person(), scored(np.zeros(len(gains))), np.array(gains))


@pytest.fixture(params=list(SUBJECTS.values()), ids=list(SUBJECTS), scope="module")
def subject(request: pytest.FixtureRequest) -> Policy:
    return request.param  # type: ignore[no-any-return]


@given(gains=GAINS)
def test_chances_sum_to_one_and_the_forbidden_get_none(subject: Policy, gains: list[float]) -> None:
    chances = _chances(subject, gains)
    assert chances.shape == (len(gains),)
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert (chances[np.isneginf(gains)] == 0).all()


@given(gains=GAINS, place=st.integers(0, 29))
def test_a_pin_is_certain(subject: Policy, gains: list[float], place: int) -> None:
    gains[place % len(gains)] = np.inf
    chances = _chances(subject, gains)
    assert chances[place % len(gains)] == 1.0
    assert chances.sum() == 1.0


@given(gains=GAINS)
def test_more_gain_never_means_less_chance(subject: Policy, gains: list[float]) -> None:
    chances = _chances(subject, gains)
    best = np.argmax(gains)
    assert (chances[best] >= chances - 1e-12).all()


@given(gains=st.lists(st.integers(-100, 100), min_size=1, max_size=20), shift=st.integers(-1000, 1000))
def test_only_differences_of_gains_count(subject: Policy, gains: list[int], shift: int) -> None:
    moved = _chances(subject, [float(g + shift) for g in gains])
    np.testing.assert_allclose(moved, _chances(subject, [float(g) for g in gains]), atol=1e-12)
