"""Lessons: which events become which labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from regard.domain.dataset import Dataset
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.models.actions import Action
from regard.models.facts import Facts
from regard.models.lessons import BESIDE, Lessons, Visited, lessons_of_events, lessons_of_visits, visits
from regard.models.logistic import Logistic
from regard.models.panel import Panel
from regard.models.popular import Popularity
from regard.models.ranker import Ranker
from regard.models.segment_popularity import SegmentPopularity

DAY = 86_400.0


def shop() -> Dataset:
    """Before day 10 persons 0 and 1 met items 0 and 1, person 2 the others; later three visits of 0 and one of 1."""
    user = np.array([0, 0, 1, 1, 2, 2, 2, 0, 0, 0, 0, 1])
    item = np.array([0, 1, 0, 1, 2, 3, 4, 2, 3, 2, 4, 2])
    day = np.array([0, 1, 0, 1, 0, 1, 2, 10, 10.1, 10.2, 11, 10])
    events = sorted_events(
        n_users=3,
        user=user,
        item=item,
        time=DAY * day,
        types=("view", "buy"),
        type=np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0], np.int16),
        value=np.array([1, 1, 1, 1, 1, 1, 1, 2, 1, 8, 4, 2], np.float32),
        context=pa.table({"device": ["desk"] * 8 + ["phone", "phone", "desk", "desk"]}),
    )
    return Dataset(Index("user", ["u", "v", "w"]), Index("item", list("abcde")), events, at=12 * DAY)


DATA = shop()
LATE = DATA.events.time >= 10 * DAY
REST, HELD = DATA.where(~LATE), DATA.where(LATE)
ACTIONS = (Action("view"), Action("buy"), Action("buy value", 0.0, 10.0))
FACTS = Facts.learn(DATA, 4).counted(REST)
PANEL = Panel({"popular": Popularity().fit(REST)}, 5)


def test_a_visit_is_a_person_a_context_and_a_day() -> None:
    assert visits(HELD.events).tolist() == [0, 1, 1, 2, 3]
    alike = replace(HELD, events=replace(HELD.events, context=None))
    assert visits(alike.events).tolist() == [0, 0, 0, 1, 2]
    assert visits(HELD.where(np.zeros(5, np.bool_)).events).tolist() == []


def test_what_was_proposed_is_judged_by_the_visit() -> None:
    found = lessons_of_visits(Visited(HELD, REST, np.arange(4)), FACTS, PANEL, ACTIONS)
    asked = found.examples
    assert asked.item.tolist() == [2, 3, 4] * 4  # of five items everybody else has met two
    assert asked.person.tolist() == [0] * 9 + [1] * 3
    assert (asked.at / DAY).tolist() == pytest.approx([10] * 3 + [10.1] * 3 + [11] * 3 + [10] * 3)
    assert found.labels[:, 0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]
    assert found.labels[:, 1].tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(found.labels[3:6, 2], [0.8, 0.1, np.nan], rtol=1e-6)
    assert asked.names[-2:] == ("popular", "popular, place")
    phone = FACTS.moments.words["device", "phone"]
    assert asked.context.toarray()[:, phone].tolist() == [0] * 3 + [1] * 3 + [0] * 6


def test_only_the_chosen_visits_are_asked() -> None:
    found = lessons_of_visits(Visited(HELD, REST, np.array([2])), FACTS, PANEL, ACTIONS)
    assert found.examples.at.tolist() == [11 * DAY] * 3
    assert len(lessons_of_visits(Visited(HELD, REST, np.empty(0, np.int64)), FACTS, PANEL, ()).examples) == 0


def test_each_event_is_an_example_with_what_sources_said_of_it() -> None:
    found = lessons_of_events(HELD, DATA, FACTS, PANEL, ACTIONS)
    assert found.examples.item.tolist() == HELD.events.item.tolist()
    assert found.labels[:, 1].tolist() == [0, 1, 1, 0, 0]
    assert found.examples.history[2].tolist() == [0, 1, 2, 3]  # not its own item at its own moment
    expected = PANEL.hear([DATA.query(0)], [np.array([2])])[0, 0]
    assert found.examples.columns[0, -2] == expected


def test_sources_hear_the_context_of_an_event_as_they_do_of_a_request() -> None:
    """The item that fits the device is liked, and only the source knows the device."""
    rng, n = np.random.default_rng(0), 600
    item, phone = rng.integers(0, 4, n), rng.random(n) < 0.5
    events = sorted_events(
        n_users=30,
        user=rng.integers(0, 30, n),
        item=item,
        time=60.0 * np.arange(n),
        types=("like",),
        weight=(item % 2 == phone).astype(np.float32),
        context=pa.table({"device": np.where(phone, "phone", "desk")}),
    )
    data = Dataset(Index("user", [f"u{u}" for u in range(30)]), Index("item", list("abcd")), events, at=60.0 * n)
    sources = (("segments", SegmentPopularity(at_least=5)),)
    model = Ranker(sources, Logistic(), examples="events", judges=0.0, share=0.5).fit(data)
    newest = np.arange(n) == np.argmax(events.time)  # before it lies all that its person did
    user, row = int(events.user[newest][0]), events.item[newest].astype(np.int64)
    here, there = ("phone", "desk") if phone[-1] else ("desk", "phone")
    query = data.where(~newest).query(user, at=60.0 * (n - 1), context={"device": here})
    asked = lessons_of_events(data.where(newest), data, model.facts, model.panel, ()).examples
    np.testing.assert_array_equal(asked.columns[:, -2:], model.panel.hear([query], [row]))
    chance = model.foreseen(query, row)[0, 0]
    assert model.chances(data.where(newest), data) == pytest.approx([chance], abs=0.01)  # facts know one event more
    assert abs(chance - model.foreseen(replace(query, context={"device": there}), row)[0, 0]) > 0.5


def test_thinning_keeps_what_happened() -> None:
    found = lessons_of_visits(Visited(HELD, REST, np.arange(4)), FACTS, PANEL, ACTIONS)
    many = Lessons(found.examples.take(np.repeat(np.arange(12), 100)), np.repeat(found.labels, 100, axis=0))
    one = np.zeros(1200, np.bool_)
    one[[0, *range(100, 300)]] = True  # one that happened and two hundred that did not
    kept = many.take(one).thinned(np.random.default_rng(0))
    assert (np.nan_to_num(kept.labels) > 0).any(axis=1).sum() == 1
    assert BESIDE / 2 < len(kept.labels) < BESIDE * 2
