from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY
from regard.measurement.comings import Comings
from regard.measurement.mechanisms import OFF
from regard.measurement.population import TownItems
from regard.measurement.simulator import Town, TownRecipe

ITEMS = TownItems.invented(200, topics=8)
START = 20_000 * DAY
ALL = np.arange(400)
SLATES = np.random.default_rng(1).integers(0, 200, (400, 10))


def town(comings: Comings = Comings(), **recipe: Any) -> Town:  # noqa: B008
    return TownRecipe(people=400, mechanisms=replace(OFF, **recipe), comings=comings, threshold=0.0).build(ITEMS)


@pytest.mark.parametrize("switch", ["newcomers", "churn", "providers", "delay"])
def test_a_switch_leaves_the_luck_of_the_others(switch: str) -> None:
    usual, other = town(), town(Comings(opens=START, **{switch: 0.5}))
    first, second = (place.answer(ALL, SLATES, START) for place in (usual, other))
    assert (first.utility == second.utility).all()
    same = other.presence.offered(SLATES, np.full(400, START))
    assert (first.clicked[same] == second.clicked[same]).all()


def test_new_items_come_within_their_time_and_nobody_clicks_on_them_before() -> None:
    place = town(Comings(newcomers=0.4, opens=START, over=10.0))
    days = [int(place.presence.on_offer(START + day * DAY).sum()) for day in range(11)]
    assert 100 < days[0] < 140  # 120 and four deviations of 200 coins: 28
    assert (np.diff(days) >= 0).all()
    assert abs(days[5] - (days[0] + 200) / 2) < 18
    assert days[10] == 200
    late = ~place.presence.on_offer(START)
    answers = place.answer(ALL, SLATES, START)
    assert not answers.clicked[late[SLATES]].any()
    assert not answers.examined[late[SLATES]].any()
    assert place.answer(ALL, SLATES, START + 11 * DAY).clicked[late[SLATES]].any()
    visits = town(place.recipe.comings).visit(300, START, START + 1.0)
    assert not late[[ITEMS.ids.index(item) for item in visits["item"]]].any()


def test_people_whom_nothing_pleases_leave_sooner_and_for_good() -> None:
    place = town(Comings(churn=0.1))
    loved = np.argsort(-place.utility(ALL, None, START), axis=1)[:, :10]
    hated = np.argsort(place.utility(ALL, None, START), axis=1)[:, :10]
    slates = np.where((ALL < 200)[:, None], loved, hated)
    left = []
    for day in range(20):
        place.answer(ALL[place.presence.here], slates[place.presence.here], START + day * DAY)
        left.append(~place.presence.here)
    gone = left[-1]
    assert gone[:200].mean() < 0.2 < 0.6 < gone[200:].mean()
    assert all((before <= after).all() for before, after in pairwise(left))
    assert not place.answer(ALL[gone], loved[gone], START + 30 * DAY).examined.any()


def test_creators_give_up_where_nobody_clicks_and_take_their_items_away() -> None:
    place = town(Comings(providers=0.5, enough=5.0), noise=0.0)
    favoured = np.flatnonzero(ITEMS.creators < 20)
    place.answer(ALL, np.random.default_rng(0).choice(favoured, (400, 10)), START)
    leaving = place.presence.season()
    creators = set(ITEMS.creators[leaving])
    assert not creators & set(range(20))  # some hundred clicks each
    others = set(ITEMS.creators) - set(range(20))
    assert 0.2 * len(others) < len(creators) < 0.8 * len(others)
    assert set(np.flatnonzero(np.isin(ITEMS.creators, list(creators)))) == set(leaving)
    assert not place.answer(ALL[:1], leaving[None, :10], START + DAY).clicked.any()
    assert set(place.presence.season()).isdisjoint(leaving)


def test_praise_comes_late_and_clicks_do_not() -> None:
    place = town(Comings(delay=2.0))
    answers = place.answer(ALL, SLATES, START)
    log = place.events(answers)
    assert (log.filter(type="click")["time"] == START).all()
    waited = (log.filter(type="like")["time"].to_numpy() - START) / DAY
    assert waited.min() > 0
    assert waited.mean() == pytest.approx(2.0, abs=4 * 2.0 / np.sqrt(len(waited)))
    assert (town().events(town().answer(ALL, SLATES, START))["time"] == START).all()


@pytest.mark.parametrize("wrong", [{"newcomers": 1.5}, {"churn": -0.1}, {"over": 0.0}, {"delay": -1.0}])
def test_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=f"Comings.{next(iter(wrong))}"):
        Comings(**wrong)
