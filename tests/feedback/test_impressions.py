"""Impressions: each event with the slot that it answers, and none with another's."""

from __future__ import annotations

from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data.impression_log import Impression, ImpressionLog
from regard.data.postgres import Store
from regard.data.shown import done_events, lists_since, set_worths, shown_slots, worths
from regard.domain.errors import InvalidInput
from regard.domain.records import Event, Item, User
from regard.domain.worths import DEFAULT_WORTHS, Worth
from regard.feedback.impressions import join
from tests.feedback.logs import HOUR, done, shown

LISTS = shown(("a", 1000.0, 7, [3, 4, 5]), ("b", 5000.0, 7, [4, 6]), ("c", 5000.0, -1, [3]))


def test_an_event_that_names_its_list_belongs_to_its_slot() -> None:
    joined = join(
        LISTS, done((7, 4, "click", 1, 1030.0, "a"), (7, 4, "buy", 1, 9000.0, "a"), (9, 3, "click", 1, 5001.0, "c"))
    )
    found = joined.actions.select("slot", "type", "delay").rows()
    assert found == [(1, "click", 30.0), (1, "buy", 8000.0), (5, "click", 1.0)]  # row 5: a list for nobody known
    assert not any(joined.left.values())


def test_what_names_no_list_belongs_to_the_last_slot_of_that_person_and_item() -> None:
    events = done(
        (7, 4, "buy", 1, 6000.0, ""),
        (7, 4, "buy", 1, 2000.0, ""),
        (7, 9, "buy", 1, 6000.0, ""),
        (8, 4, "buy", 1, 6000.0, ""),
    )
    joined = join(LISTS, events, reach=HOUR)
    assert joined.actions.select("slot", "delay").rows() == [(1, 1000.0), (3, 1000.0)]
    assert joined.left["came by themselves"] == 2
    assert join(LISTS, events, reach=999.0).left["came by themselves"] == 4
    assert join(LISTS, events, reach=0).left["came by themselves"] == 4


def test_what_joins_nothing_is_counted_by_reason() -> None:
    joined = join(
        LISTS,
        done(
            (7, 4, "click", 1, 1030.0, "zzz"),
            (7, 6, "click", 1, 1030.0, "a"),
            (8, 4, "click", 1, 1030.0, "a"),
            (7, 4, "click", 1, 990.0, "a"),
            (7, 5, "click", 1, 997.0, "a"),  # a clock that is three seconds behind
        ),
    )
    assert joined.actions.select("slot", "delay").rows() == [(2, 0.0)]
    assert {reason: n for reason, n in joined.left.items() if n} == {
        "unknown list": 1,
        "not on that list": 1,
        "another person": 1,
        "before it was shown": 1,
    }
    with pytest.raises(InvalidInput, match="reach"):
        join(LISTS, done(), reach=-1.0)


EVENTS = st.lists(
    st.tuples(
        st.integers(-1, 3), st.integers(0, 4), st.sampled_from(["click", "buy"]), st.just(1.0),
        st.floats(0, 10_000), st.sampled_from(["", "a", "b", "z"]),
    )
)  # fmt: skip
SLATES = st.lists(st.tuples(st.integers(-1, 3), st.floats(0, 10_000), st.permutations(range(5))), max_size=2)


@given(SLATES, EVENTS)
def test_no_event_is_lost_and_none_joins_a_slot_of_another_item(
    slates: list[tuple[int, float, list[int]]], events: list[tuple[int, int, str, float, float, str]]
) -> None:
    lists = shown(*((name, at, user, items[:3]) for name, (user, at, items) in zip("ab", slates, strict=False)))
    joined = join(lists, done(*events))
    assert joined.actions.height + sum(joined.left.values()) == len(events)
    assert (joined.actions["delay"] >= 0).all()
    times = joined.actions.join(lists.with_row_index("slot"), on="slot")
    given_ = done(*events).select("item", "time").unique()
    assert times.join(given_, on=("item", "time")).height == joined.actions.height


@pytest.fixture
def logged(store: Store) -> Store:
    """A store with three logged lists, one of them empty."""
    lists = ((1, 100.0, (0, 1)), (2, 200.0, ()), (3, 300.0, (1, -1)))
    told = [
        Impression(UUID(int=name), at, 0, "0001", "home", items, (0.25,) * len(items), "{}")
        for name, at, items in lists
    ]
    store.upsert_users([User("ann")])
    ImpressionLog(store).write(told)
    return store


def test_the_store_gives_lists_and_events_that_join(logged: Store) -> None:
    logged.upsert_items([Item("x"), Item("y")])
    lists = [str(UUID(int=1)).upper(), UUID(int=3).hex]  # however a client writes it
    logged.append(
        [Event("ann", "y", "click", 1.0, 110.0, lists[0]), Event("ann", "y", "rating", 4.5, 310.0, lists[1], 0)]
    )
    slots = shown_slots(logged, 0.0, 300.5)
    assert slots.select("at", "position", "item", "propensity").rows() == [
        (100.0, 0, 0, 0.25), (100.0, 1, 1, 0.25), (300.0, 0, 1, 0.25), (300.0, 1, -1, 0.25)
    ]  # fmt: skip
    assert shown_slots(logged, 100.5, 300.0).is_empty()
    assert shown_slots(logged, 0.0, 300.5, newest=1)["at"].to_list() == [300.0, 300.0]
    assert lists_since(logged, 150.0) == 2
    events = done_events(logged, 0.0, 400.0)
    assert events.select("type", "value").rows() == [("click", 1.0), ("rating", 4.5)]
    assert join(slots, events).actions["slot"].to_list() == [1, 2]
    assert done_events(logged, 110.5, 310.0).equals(pl.DataFrame(schema=events.schema))


def test_the_table_of_worths_is_data(store: Store) -> None:
    assert worths(store) == DEFAULT_WORTHS
    own = (Worth("rating", 1.0, 60.0, at_least=4.0), Worth("dwell", 0.5, full=30.0))
    set_worths(store, own)
    assert worths(store) == own
    set_worths(store, ())
    assert worths(store) == DEFAULT_WORTHS
