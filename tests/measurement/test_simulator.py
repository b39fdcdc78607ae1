from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY
from regard.measurement.mechanisms import OFF, Floats, Mechanisms
from regard.measurement.population import TownItems
from regard.measurement.simulator import Town, TownRecipe

ITEMS = TownItems.invented(200, topics=8)
START = 20_000 * DAY  # 2024-10-04, a Friday, at midnight
ALL = np.arange(400)
RANDOM_SLATES = np.random.default_rng(1).integers(0, 200, (400, 10))


def town(mechanisms: Mechanisms = OFF, **recipe: Any) -> Town:
    return TownRecipe(people=400, mechanisms=mechanisms, **recipe).build(ITEMS)


def consumed(place: Town, user: int, item: int, at: float) -> None:
    """Let one person consume one item for certain: it stands alone, and everything is clicked."""
    answers = place.answer(np.array([user]), np.array([[item]]), at)
    assert answers.clicked.all()


def eager(**mechanisms: Any) -> Town:
    """A town in which everybody clicks on everything."""
    return town(replace(OFF, noise=0.0, **mechanisms), threshold=-1e6)


def test_one_seed_is_one_town() -> None:
    first, second, other = town(Mechanisms()), town(Mechanisms()), town(Mechanisms(), seed=1)
    answers = [place.answer(ALL, RANDOM_SLATES, START).clicked for place in (first, second, other)]
    assert (answers[0] == answers[1]).all()
    assert (answers[0] != answers[2]).any()
    assert first.visit(500, START, START + DAY).equals(second.visit(500, START, START + DAY))


def test_clicks_come_as_often_as_their_true_chances_say() -> None:
    place = town()
    chances = place.chances(ALL, RANDOM_SLATES, START)
    clicked = place.answer(ALL, RANDOM_SLATES, START).clicked
    error = np.sqrt((chances * (1 - chances)).sum()) / chances.size
    assert abs(clicked.mean() - chances.mean()) < 4 * error
    high = chances > 0.5
    assert clicked[high].mean() > 5 * clicked[~high].mean()


def test_all_items_are_valued_as_the_same_rows_are() -> None:
    place = town(Mechanisms())
    place.answer(ALL, RANDOM_SLATES, START)
    rows = np.broadcast_to(np.arange(200), (400, 200))
    everything = place.utility(ALL, None, START + DAY)
    np.testing.assert_allclose(everything, place.utility(ALL, rows, START + DAY), atol=1e-4)


def test_taste_is_of_about_unit_spread() -> None:
    values = town().utility(ALL, None, START)
    assert abs(values.mean()) < 0.3
    assert 0.8 < values.std() < 1.5


@pytest.mark.parametrize("position", ["examination", "cascade"])
def test_position_bias_only_takes_clicks_away(position: Any) -> None:
    slates = np.repeat(RANDOM_SLATES[:, :1], 10, axis=1)  # the same item in every slot
    flat = town(threshold=0.0).answer(ALL, slates, START).clicked
    biased = town(replace(OFF, position=position), threshold=0.0).answer(ALL, slates, START)
    assert abs(flat[:, :5].mean() - flat[:, 5:].mean()) < 0.04  # off: flat; 2,000 coins each, 4 sigma are 0.04
    assert biased.clicked[:, :3].mean() > 1.5 * biased.clicked[:, 7:].mean()
    assert (biased.clicked == (flat & biased.examined)).all()


def test_satiation_takes_a_topics_share_and_recovers_by_half_lives() -> None:
    place = eager(satiation=0.5, recovery=4.0)
    before = place.utility(ALL[:1], None, START)[0]
    consumed(place, 0, 7, START)
    shared = ITEMS.topics @ ITEMS.topics[7]  # how much of item 7's topics each item has
    for days, left in ((0, 1.0), (4, 0.5), (12, 0.125)):
        lost = before - place.utility(ALL[:1], None, START + days * DAY)[0]
        np.testing.assert_allclose(lost, 0.5 * left * shared, atol=1e-5)
    assert (place.utility(ALL[1:2], None, START) == eager().utility(ALL[1:2], None, START)).all()  # nobody else


def test_without_recovery_a_topic_stays_tired() -> None:
    place = eager(satiation=0.5, recovery=None)
    consumed(place, 0, 7, START)
    soon, late = (place.utility(ALL[:1], None, START + days * DAY) for days in (0, 1000))
    np.testing.assert_allclose(soon, late, atol=1e-6)


def test_repeating_a_topic_lowers_clicks_and_a_pause_brings_them_back() -> None:
    def clicks(satiation: float) -> list[float]:
        place = town(replace(OFF, satiation=satiation, recovery=2.0), threshold=0.0)
        topic = np.flatnonzero(ITEMS.topics[:, 0] > 0)[:5]
        slates = np.broadcast_to(topic, (400, 5))
        days = (0.0, 0.1, 0.2, 0.3, 60.0)
        return [float(place.answer(ALL, slates, START + day * DAY).clicked.mean()) for day in days]

    tired, fresh = clicks(1.0), clicks(0.0)
    assert tired[0] == fresh[0]
    assert tired[3] < 0.7 * tired[0]
    assert tired[4] > 0.9 * tired[0]
    assert min(fresh) > 0.9 * max(fresh)


def test_novelty_counts_against_the_consumed_item_only() -> None:
    place = eager(novelty=3.0)
    before = place.utility(ALL[:2], None, START)
    consumed(place, 0, 7, START)
    lost = before - place.utility(ALL[:2], None, START + 100 * DAY)
    expected = np.zeros((2, 200))
    expected[0, 7] = 3.0
    np.testing.assert_allclose(lost, expected, atol=1e-5)


def test_context_shifts_taste_with_the_calendar() -> None:
    moments = [
        START,
        START + 7 * DAY,
        START + DAY,
        START + DAY / 2,
    ]  # the same hour next week, next day, that afternoon
    on, off = town(replace(OFF, context=1.0)), town()
    now, next_week, next_day, afternoon = (on.utility(ALL, None, at) for at in moments)
    assert (now == next_week).all()
    for other in (next_day, afternoon):
        assert 0.3 < np.std(now - other) < 3.0
    assert all((off.utility(ALL, None, at) == off.utility(ALL, None, START)).all() for at in moments)


def moods(place: Town, hours: float, steps: int = 40) -> Floats:
    found = []
    for step in range(steps):
        place.arrive(ALL, START + step * hours * 3600)
        found.append(place.mood(ALL, START + step * hours * 3600))
    return np.stack(found)


def test_mood_wanders_with_its_time_constant() -> None:
    seen = moods(town(replace(OFF, mood=1.0, mood_days=0.5)), hours=6)
    following = np.mean(seen[1:] * seen[:-1])
    assert abs(following - np.exp(-0.25 / 0.5)) < 0.03  # e^(-dt / tau)
    assert abs(seen.std() - 1) < 0.03


def test_mood_shifts_taste_only_where_it_is_on() -> None:
    on, off = town(replace(OFF, mood=1.0)), town()
    spread = []
    for place in (on, off):
        place.arrive(ALL, START)
        first = place.utility(ALL, None, START)
        place.arrive(ALL, START + 10 * DAY)
        spread.append(float(np.std(place.utility(ALL, None, START + 10 * DAY) - first)))
    assert spread[0] > 0.5
    assert spread[1] == 0


def test_utility_ahead_is_the_expectation_over_moods() -> None:
    place = town(replace(OFF, mood=1.0, mood_days=1.0))
    place.arrive(ALL, START)
    now, tomorrow, some_day = (place.mood(ALL, START + days * DAY) for days in (0, 1, 1000))
    np.testing.assert_allclose(tomorrow, now / np.e, rtol=1e-5)
    np.testing.assert_allclose(
        place.utility(ALL, None, START + 1000 * DAY), town().utility(ALL, None, START), atol=1e-5
    )
    assert np.abs(some_day).max() < 1e-6


@pytest.mark.parametrize("switch", ["context", "mood", "satiation", "novelty", "noise", "position"])
def test_a_switch_leaves_the_luck_of_the_others(switch: str) -> None:
    strong: dict[str, Any] = {switch: "cascade" if switch == "position" else 2.0}
    usual = replace(OFF, position="examination")
    places = [town(usual), town(replace(usual, **strong))]
    for place in places:
        place.answer(ALL, RANDOM_SLATES, START)
    looked = [place.answer(ALL, RANDOM_SLATES, START + DAY) for place in places]
    assert (looked[0].shown.mood == looked[1].shown.mood).all()
    assert (places[0].truth.taste == places[1].truth.taste).all()
    if switch != "position":
        assert (looked[0].examined == looked[1].examined).all()
        assert (looked[0].clicked != looked[1].clicked).any()


def test_the_log_holds_what_was_clicked_and_nothing_of_empty_slots() -> None:
    place = town(Mechanisms(), threshold=0.5)
    slates = RANDOM_SLATES.copy()
    slates[:, 4] = -1
    answers = place.answer(ALL, slates, START)
    place.answer(ALL, slates, START + DAY)
    log = place.events(answers)
    assert not answers.examined[:, 4].any()
    assert log.filter(type="click").height == answers.clicked.sum() > 100
    assert log.filter(type="like").height == answers.liked.sum() > 0
    assert log.filter(type="rating").height == (~np.isnan(answers.ratings)).sum() > 0
    for event in log.sample(20, seed=0).to_dicts():
        row = int(event["slate"])  # the first call's slates are numbered from 0
        assert place.people[row] == event["user"]
        assert ITEMS.ids[slates[row, event["position"]]] == event["item"]
    assert set(place.events(place.answer(ALL[:3], slates[:3], START))["slate"].cast(int)) <= {800, 801, 802}


@pytest.mark.parametrize("wrong", [{"people": 0}, {"width": 0}, {"content": 1.5}, {"rates": -0.1}])
def test_a_recipe_outside_its_bounds_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"TownRecipe.{next(iter(wrong))}"):
        TownRecipe(**wrong)


def test_slates_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidInput, match="slates"):
        town().answer(ALL, RANDOM_SLATES[:3], START)
