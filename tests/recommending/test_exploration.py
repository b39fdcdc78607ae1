import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.recommending.bandits import Thompson, UpperBound
from regard.recommending.beliefs import ByItem
from regard.recommending.budget import Budget, Within
from regard.recommending.exploration import Exploration
from regard.recommending.policies import Boltzmann, Epsilon, Greedy
from regard.recommending.recommender import Recommender
from tests.recommending.linear import Linear, person

MODEL = Linear(np.zeros((6, 6)), prior=np.array([5.0, 4.0, 3.0, 0.0, 0.0, 0.0]))
BELIEF = ByItem(shown=np.array([500.0, 500.0, 500.0, 0.0, 30.0, 200.0]))


@pytest.mark.parametrize(
    ("kind", "inside"),
    [("epsilon", Epsilon), ("boltzmann", Boltzmann), ("thompson", Thompson), ("upper_bound", UpperBound)],
)
def test_every_kind_stands_within_its_budget(kind: str, inside: type) -> None:
    policy = Exploration(kind=kind, slots=0.2, clicks=0.03).policy(BELIEF)  # type: ignore[arg-type]
    assert isinstance(policy, Within)
    assert isinstance(policy.policy, inside)
    assert policy.budget == Budget(0.2, 0.03)
    assert policy.belief is (BELIEF if kind in ("thompson", "upper_bound") else None)


def test_none_is_greedy_and_brings_no_newcomers() -> None:
    corridor = Recommender({"linear": MODEL}, MODEL)
    plain = Exploration(kind="none").applied(corridor, BELIEF)
    assert isinstance(plain.policy, Greedy)
    assert list(plain.retrievers) == ["linear"]


def test_newcomers_are_proposed_beside_the_others() -> None:
    corridor = Exploration(enough=100.0).applied(Recommender({"linear": MODEL}, MODEL, breadth=1), BELIEF)
    found = corridor.candidates(person(k=1))
    assert found.rows.tolist() == [0, 1, 3, 4]  # the two best, and those with fewer than 100 impressions
    assert found.proposers([2]) == [("least shown",)]
    assert list(Exploration(enough=0.0).applied(corridor, BELIEF).retrievers) == ["linear", "least shown"]


@pytest.mark.parametrize("wrong", [{"slots": 2.0}, {"enough": -1.0}, {"draws": 0}, {"kind": "luck"}, {"stretch": 0.0}])
def test_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Exploration(**wrong)  # type: ignore[arg-type]
