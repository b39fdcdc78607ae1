from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.measurement.comings import Comings
from regard.measurement.environment import Visiting, Visits, environment, vector_environment
from regard.measurement.mechanisms import OFF
from regard.measurement.population import TownItems
from regard.measurement.simulator import TownRecipe

ITEMS = TownItems.invented(50, topics=4)
VISITS = Visits(TownRecipe(people=40), ITEMS, together=8, k=3, visits=5)


def slates(seed: int = 0, n: int = 8) -> Any:
    return np.random.default_rng(seed).integers(0, 50, (n, 3))


def test_a_person_is_observed_by_what_they_clicked() -> None:
    calm = replace(VISITS, town=TownRecipe(people=40, mechanisms=replace(OFF, noise=0.0), threshold=-1e6))
    run = Visiting(calm)
    first = run.reset(0)
    assert first.shape == (8, 2 * 4 + 1 + 4)
    assert not first[:, :9].any()
    shown = slates()
    step = run.step(shown)  # everything is clicked
    topics = ITEMS.topics[shown]
    assert step.reward.tolist() == [3.0] * 8
    np.testing.assert_allclose(step.observation[:, :4], topics.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(step.observation[:, 4:8], topics.sum(axis=1), atol=1e-6)
    assert (step.observation[:, 8] == 1.0).all()
    assert (step.observation[:, 9:].sum(axis=1) == 1.0).all()
    second = slates(1)
    lately = 0.8 * topics.sum(axis=1) + ITEMS.topics[second].sum(axis=1)
    np.testing.assert_allclose(run.step(second).observation[:, 4:8], lately, atol=1e-6)


def test_episodes_end_after_their_visits_and_others_take_the_place() -> None:
    run = Visiting(VISITS)
    run.reset(3)
    people = run.users.copy()
    steps = [run.step(slates(n)) for n in range(5)]
    assert not any(step.over.any() for step in steps[:-1])
    assert steps[-1].over.all()
    assert not set(run.users) & set(people)
    assert not steps[-1].observation[:, :9].any()  # the next person's


def test_who_has_had_enough_leaves() -> None:
    gone = Visiting(replace(VISITS, town=TownRecipe(people=40, comings=Comings(churn=1.0), threshold=1e6)))
    gone.reset(0)
    left = [gone.step(slates(n)).left for n in range(4)]
    assert np.mean(left) > 0.4  # nothing pleases: contentment .5, .4, ..., so a half leaves at once, then more
    assert not any(step.over.any() for step in [gone.step(slates(9))])


def test_one_seed_is_one_run() -> None:
    runs = [Visiting(VISITS) for _ in range(2)]
    starts = [run.reset(7) for run in runs]
    assert (starts[0] == starts[1]).all()
    assert (runs[0].step(slates()).reward == runs[1].step(slates()).reward).all()
    other = Visiting(VISITS)
    other.reset(8)
    assert (other.users != runs[0].users).any()


@pytest.mark.parametrize("wrong", [{"k": 0}, {"together": 41}, {"visits": 0}])
def test_bounds(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        replace(VISITS, **wrong)  # type: ignore[arg-type]


def test_gymnasium_finds_nothing_to_complain_of() -> None:
    pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    one = environment(VISITS)
    check_env(one, skip_render_check=True)
    first, _ = one.reset(seed=1)
    again, _ = one.reset(seed=1)
    assert (first == again).all()
    ends = [one.step(slates(n, 1)[0])[3] for n in range(5)]
    assert ends == [False] * 4 + [True]


def test_many_people_at_a_time_are_the_same_town() -> None:
    pytest.importorskip("gymnasium")
    many = vector_environment(VISITS)
    first, told = many.reset(seed=1)
    assert first.shape == many.observation_space.shape == (8, 13)
    found, reward, left, over, _ = many.step(many.action_space.sample())
    assert many.observation_space.contains(found)
    assert (reward.shape, left.shape, over.shape) == ((8,),) * 3
    assert len(set(told["user"])) == 8
