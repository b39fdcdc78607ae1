"""Appending: a state after one event at a time says what reading all events at once says; who cannot says so."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.artifacts import load, save
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.domain.request import History, Query
from regard.models.behaviour import Behaviour, Body, FittedBehaviour
from regard.models.person_tower import NO_GRAPH

pytestmark = pytest.mark.deep

REMEMBER: tuple[tuple[Body, int], ...] = (("gru", 1), ("gru", 2), ("lstm", 2), ("convolution", 5))
ITEMS, WINDOW, AT = 12, 30, 1e9
TYPES = ("buy", "hum", "view")  # of requests; nobody hummed in train
SMALL = Behaviour(width=8, window=WINDOW, dropout=0.0, epochs=3, batch=4, rate=0.05, timed=True)


@cache
def town() -> Dataset:
    """Random walks with actions, stars, gaps, devices and countries."""
    rng = np.random.default_rng(3)
    people, n = 12, 25
    events = sorted_events(
        n_users=people,
        user=np.repeat(np.arange(people), n),
        item=rng.integers(0, ITEMS, people * n),
        time=np.cumsum(10 ** rng.uniform(-1, 7, people * n)),
        types=("buy", "view"),
        type=rng.integers(0, 2, people * n).astype(np.int16),
        value=rng.integers(1, 6, people * n).astype(np.float32),
        context=pa.table({"device": rng.choice(["phone", "desk"], people * n)}),
    )
    users = pa.table({"country": rng.choice(["de", "fr"], people)})
    names = Index("user", [f"u{n}" for n in range(people)]), Index("item", [f"i{n}" for n in range(ITEMS)])
    return Dataset(*names, events, users, at=float(events.time.max()))


@cache
def learned(body: Body, blocks: int = 1) -> FittedBehaviour:
    return replace(SMALL, body=body, blocks=blocks).fit(town())


def random_past(seed: int, n: int) -> History:
    """Gaps from none to months, known and unknown actions and items, events that count nothing."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(np.where(rng.random(n) < 0.2, 0.0, 10 ** rng.uniform(-1, 7, n)))
    weights = np.where(rng.random(n) < 0.15, rng.choice([0.0, -1.0], n), 1.0)
    rows = np.where(rng.random(n) < 0.1, rng.choice([-1, ITEMS, 99], n), rng.integers(0, ITEMS, n))
    return History(rows, weights, times, rng.integers(-1, 3, n), rng.normal(3, 2, n).astype(np.float32), TYPES)


def part(past: History, first: int, end: int) -> History:
    place = np.arange(len(past))
    return past.where((place >= first) & (place < end))


def asked(past: History, **more: Any) -> Query:
    return Query(at=AT, history=past, attributes={"country": "de"}, context={"device": "phone"}, **more)


def wide(model: FittedBehaviour, window: int) -> FittedBehaviour:
    """The same model, reading more places one by one."""
    return replace(model, tower=replace(model.tower, reading=replace(model.tower.reading, window=window)))


@pytest.mark.parametrize(("body", "blocks"), REMEMBER)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60), data=st.data())
def test_one_at_a_time_says_what_all_at_once_say(
    body: Body, blocks: int, seed: int, n: int, data: st.DataObject
) -> None:
    """Beyond the window, too: there all at once is a window that stays where `begin` put it."""
    begun = data.draw(st.integers(0, n))
    model, past = learned(body, blocks), random_past(seed, n)
    state = model.begin(part(past, 0, begun))
    first, reads = state, len(model.tower.known(part(past, begun, n)))
    for place in range(begun, n):
        state = model.append(state, part(past, place, place + 1))
    whole = wide(model, WINDOW + reads).encode([asked(past)])[0]
    nobody = asked(History())  # its own history is not read
    np.testing.assert_allclose(model.vector(state, nobody), whole, atol=1e-5)
    at_once = model.append(first, part(past, begun, n))
    np.testing.assert_allclose(model.vector(at_once, nobody), whole, atol=1e-5)
    assert at_once.events == state.events == first.events + reads
    if len(model.tower.known(past)) < WINDOW:
        np.testing.assert_allclose(model.vector(state, nobody), model.encode([asked(past)])[0], atol=1e-5)


@pytest.mark.parametrize(("body", "blocks"), REMEMBER)
def test_every_event_who_and_where_count_and_a_state_stays_as_it_is(body: Body, blocks: int) -> None:
    model, past = learned(body, blocks), random_past(1, 20)
    begun = model.begin(past)
    before = model.vector(begun, asked(History()))

    def after(row: int, weight: float = 1.0, **more: Any) -> Any:
        one = History(np.array([row]), np.array([weight]), past.times[-1:] + 60.0, np.array([2]), types=TYPES)
        return model.vector(model.append(begun, replace(one, **more)), asked(History()))

    assert np.abs(after(3) - before).max() > 1e-3
    assert np.abs(after(3) - after(4)).max() > 1e-3
    assert np.abs(after(3) - after(3, actions=np.array([0]))).max() > 1e-4
    assert np.abs(after(3) - after(3, values=np.array([5.0]))).max() > 1e-4
    assert np.abs(after(3) - after(3, times=past.times[-1:] + 9e6)).max() > 1e-4
    elsewhere = replace(asked(History()), context={"device": "desk"})
    assert np.abs(model.vector(begun, elsewhere) - before).max() > 1e-4
    np.testing.assert_array_equal(model.vector(begun, asked(History())), before)  # states change nothing behind them
    np.testing.assert_array_equal(after(99), after(3, weight=0.0))  # read neither, heard both


def test_a_state_goes_on_after_the_disk_and_over_new_items(tmp_path: Path) -> None:
    model, past = learned("gru", 2), random_past(2, 20)
    save(model.artifact(), tmp_path / "model")
    again = FittedBehaviour.from_artifact(load(tmp_path / "model"))
    assert asdict(again.begin(past)).keys() == asdict(model.begin(past)).keys()
    state = replace(model.begin(past), memory=np.array(model.begin(past).memory.tolist(), np.float32))
    event = History(np.array([ITEMS]), np.ones(1), past.times[-1:])
    here, there = (one.vector(one.append(state, event), asked(History())) for one in (model, again))
    np.testing.assert_array_equal(here, there)


def test_a_body_that_would_have_to_remember_everything_says_so() -> None:
    for body in ("transformer", "hstu"):
        model = replace(SMALL, body=body, epochs=1).fit(town())
        assert "step" not in model.artifact().arrays
        with pytest.raises(InvalidInput, match=rf"gru, lstm, convolution.*{body}.*encode"):
            model.begin(History())
    fitted = learned("gru")
    old = replace(fitted, tower=replace(fitted.tower, step=NO_GRAPH, fuse=NO_GRAPH))  # of a release of before
    old = FittedBehaviour.from_artifact(old.artifact())
    with pytest.raises(InvalidInput, match=r"FittedBehaviour\.begin"):
        old.begin(History())
    np.testing.assert_array_equal(old.encode([asked(random_past(4, 9))]), fitted.encode([asked(random_past(4, 9))]))


def test_an_event_before_the_newest_and_the_state_of_another_body_are_refused() -> None:
    model, past = learned("gru"), random_past(5, 9)
    late = History(np.array([1]), np.ones(1), past.times[-1:] - 1)
    with pytest.raises(InvalidInput, match="Begin with all of them"):
        model.append(model.begin(past), late)
    with pytest.raises(InvalidInput, match=r"PersonState\.memory"):
        learned("lstm", 2).append(model.begin(past), past)


def test_how_long_ago_the_event_before_the_window_was_counts() -> None:
    model = wide(learned("gru"), 3)

    def after(before: float) -> list[Any]:
        past = History(np.arange(4), np.ones(4), np.array([before, 1e6, 1e6, 1e6]))
        return [model.encode([asked(past)])[0], model.vector(model.begin(past), asked(History()))]

    for long, short in zip(after(0.0), after(1e6 - 60.0), strict=True):
        assert np.abs(long - short).max() > 1e-4
