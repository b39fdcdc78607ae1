import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.domain.protocols import Policy
from regard.recommending.bandits import Thompson
from regard.recommending.beliefs import ByItem
from regard.recommending.budget import Budget, Within
from regard.recommending.policies import Boltzmann, Epsilon
from tests.recommending.linear import person, unsure

SHARES = st.floats(0, 1)


@given(
    gains=st.lists(st.floats(-1, 2), min_size=1, max_size=20),
    slots=SHARES,
    clicks=SHARES,
    policy=st.sampled_from([Boltzmann(5.0), Epsilon(1.0), Thompson(floor=0.5)]),
)
def test_no_policy_spends_more_than_the_budget(gains: list[float], slots: float, clicks: float, policy: Policy) -> None:
    found = np.array(gains)
    candidates = unsure(found, np.full(len(found), 0.5))
    chances = Within(policy, Budget(slots, clicks)).probabilities(person(), candidates, found)
    assert 1 - chances[np.argmax(found)] <= slots + 1e-9
    assert found.max() - chances @ found <= clicks + 1e-9


def test_the_smaller_allowance_decides() -> None:
    gains, candidates = np.array([1.0, 0.5, 0.0]), unsure(np.zeros(3), np.zeros(3))

    def chances(slots: float, clicks: float) -> list[float]:
        return list(Within(Epsilon(1.0), Budget(slots, clicks)).probabilities(person(), candidates, gains))

    # a third each: 2/3 of the slots elsewhere, (0 + .5 + 1) / 3 = .5 given up
    assert chances(1.0, 1.0) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert chances(0.2, 1.0) == pytest.approx([0.8, 0.1, 0.1])  # .2 / (2/3) = .3 of the policy
    assert chances(1.0, 0.05) == pytest.approx([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])  # .05 / .5 = .1 of it


def test_what_was_learned_costs_nothing() -> None:
    gains, candidates = np.array([1.0, 0.9]), unsure([1.0, 0.0], np.array([0.5, 0.5]))
    taught = ByItem(shown=np.array([1e6, 1e6]), error=np.array([0.0, 0.3]))
    nothing = Budget(0.0, 0.0)
    assert Within(Thompson(taught), nothing).probabilities(person(), candidates, gains).tolist() == [1.0, 0.0]
    assert Within(Thompson(taught), nothing, taught).probabilities(person(), candidates, gains).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("name", ["slots", "clicks"])
def test_shares_have_bounds(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"Budget.{name}"):
        Budget(**{name: 1.1})
