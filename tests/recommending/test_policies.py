import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.recommending.policies import Boltzmann, Epsilon, Greedy
from tests.recommending.linear import person, scored

GAINS = np.array([1.0, 2.0, -np.inf, 2.0])


def _chances(policy: Greedy | Boltzmann | Epsilon, gains: np.ndarray = GAINS) -> list[float]:
    return list(policy.probabilities(person(), scored(np.zeros(len(gains))), gains))


def test_greedy_takes_the_first_of_equals() -> None:
    assert _chances(Greedy()) == [0.0, 1.0, 0.0, 0.0]


def test_boltzmann_by_hand() -> None:
    # temperature .5: exp(-2), 1, 0, 1 = .135335, 1, 0, 1; sum 2.135335
    assert _chances(Boltzmann(0.5)) == pytest.approx([0.063379, 0.468311, 0.0, 0.468311], abs=1e-6)


def test_boltzmann_survives_any_size_of_gain() -> None:
    assert _chances(Boltzmann(1e-6), np.array([1e9, -1e9, 1e9 - 1])) == [1.0, 0.0, 0.0]


def test_epsilon_by_hand() -> None:
    # .3 over three allowed ones: .1 each; .7 more for the first of the best
    assert _chances(Epsilon(0.3)) == pytest.approx([0.1, 0.8, 0.0, 0.1])


@pytest.mark.parametrize("make", [lambda: Boltzmann(0.0), lambda: Boltzmann(np.inf), lambda: Epsilon(1.1)])
def test_hyper_parameters_have_bounds(make: object) -> None:
    with pytest.raises(InvalidInput):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("policy", [Greedy(), Boltzmann(), Epsilon()])
def test_of_two_pins_the_first_is_certain(policy: Greedy | Boltzmann | Epsilon) -> None:
    assert _chances(policy, np.array([0.0, np.inf, np.inf])) == [0.0, 1.0, 0.0]
