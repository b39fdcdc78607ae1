"""What every policy keeps to. A new policy adds one line to SUBJECTS."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.protocols import Policy
from regard.domain.request import Query
from regard.recommending.bandits import Thompson, UpperBound
from regard.recommending.beliefs import ByItem, Linear
from regard.recommending.budget import Budget, Within
from regard.recommending.policies import Boltzmann, Epsilon, Greedy
from regard.recommending.slots import fill_slots, replay
from tests.recommending.linear import person, scored, unsure

HEAD = Linear((), np.array([0.1, 0.8]), np.array([[0.3, 0.0], [0.1, 0.2]]))
TAUGHT = ByItem(shown=np.array([0.0, 5.0, 400.0]), error=np.array([0.0, 2.0, -0.4]), noise=2.0, stretch=3.0)

SUBJECTS: dict[str, Policy] = {
    "greedy": Greedy(),
    "boltzmann": Boltzmann(0.1),
    "boltzmann, hot": Boltzmann(10.0),
    "epsilon": Epsilon(0.1),
    "epsilon, never": Epsilon(0.0),
    "epsilon, always": Epsilon(1.0),
    "thompson": Thompson(),
    "thompson, few draws": Thompson(draws=3, floor=0.5, seed=7),
    "upper bound": UpperBound(),
    "within a budget": Within(Thompson(floor=0.3), Budget(0.2, 0.05)),
    "within none": Within(Boltzmann(10.0), Budget(0.0, 0.0)),
}
TAUGHT_SUBJECTS: dict[str, Policy] = {  # where what they believe decides beside the gains
    "thompson, taught": Thompson(TAUGHT, draws=32),
    "thompson, linear": Thompson(HEAD, floor=0.02),
    "upper bound, taught": UpperBound(TAUGHT, width=2.0, epsilon=0.1),
    "upper bound, linear": UpperBound(HEAD),
    "within a budget, taught": Within(Thompson(TAUGHT), Budget(0.3, 0.02), TAUGHT),
    "within a budget, linear": Within(Thompson(HEAD), Budget(1.0, 0.1), HEAD),
}
GAINS = st.lists(st.floats(-1e3, 1e3) | st.just(-np.inf), min_size=1, max_size=30).filter(lambda g: max(g) > -np.inf)


def _chances(subject: Policy, gains: list[float]) -> np.ndarray:
    return subject.probabilities(person(), scored(np.zeros(len(gains))), np.array(gains))


@pytest.fixture(params=list(SUBJECTS.values()), ids=list(SUBJECTS), scope="module")
def subject(request: pytest.FixtureRequest) -> Policy:
    return request.param  # type: ignore[no-any-return]


def _asked(at: float) -> Query:
    return person(at=at, k=4)


@pytest.fixture(
    params=list((SUBJECTS | TAUGHT_SUBJECTS).values()), ids=list(SUBJECTS | TAUGHT_SUBJECTS), scope="module"
)
def any_subject(request: pytest.FixtureRequest) -> Policy:
    return request.param  # type: ignore[no-any-return]


@given(gains=GAINS, spread=st.floats(0, 10), at=st.floats(0, 2e9))
def test_with_any_spread_chances_sum_to_one_and_pins_are_certain(
    any_subject: Policy, gains: list[float], spread: float, at: float
) -> None:
    candidates = unsure(np.linspace(-1, 1, len(gains)), np.full(len(gains), spread))
    chances = any_subject.probabilities(_asked(at), candidates, np.array(gains))
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert (chances[np.isneginf(gains)] == 0).all()
    gains[-1] = np.inf
    assert any_subject.probabilities(_asked(at), candidates, np.array(gains))[-1] == 1.0


@given(scores=st.lists(st.integers(-50, 50), min_size=1, max_size=12), seed=st.integers(0, 99), at=st.floats(0, 2e9))
def test_what_was_drawn_replays_to_the_same_chances(
    any_subject: Policy, scores: list[int], seed: int, at: float
) -> None:
    candidates, query = unsure(scores, np.linspace(0, 9, len(scores))), _asked(at)
    slots = fill_slots(query, candidates, {}, any_subject, np.random.default_rng(seed))
    again = replay(query, candidates, {}, any_subject, np.array([slot.row for slot in slots]))
    np.testing.assert_array_equal(again, [slot.propensity for slot in slots])


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
