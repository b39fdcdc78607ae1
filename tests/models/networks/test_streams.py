"""Streams: every event is foretold once, nobody reads on in somebody else's history, no padding but at the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.models.networks.streams import GAPS, START, Reading, Stream, gaps

PEOPLE = st.lists(st.integers(0, 7), min_size=1, max_size=8)  # events per person


def stream(counts: list[int], window: int, rows: int, summary: int = 0) -> Stream:
    """Item 100 u + n is event n of person u; gap codes and numbers are the event's number in all."""
    item = np.array([100 * u + n for u, count in enumerate(counts) for n in range(count)], np.int64)
    number, right = np.arange(len(item)), np.ones(len(item), np.bool_)
    columns = (item, number, number, number.astype(np.float32), number)
    return Stream(*columns, np.r_[0, np.cumsum(counts)], right, window, rows, summary)


@settings(max_examples=60, deadline=None)
@given(counts=PEOPLE, window=st.integers(1, 6), rows=st.integers(1, 3), seed=st.integers(0, 5))
def test_every_event_is_foretold_once_from_those_before_it(
    counts: list[int], window: int, rows: int, seed: int
) -> None:
    one = stream(counts, window, rows, summary=3)
    found = list(one.epoch(np.random.default_rng(seed)))
    assert len(found) == len(one)
    targets = []
    for batch in found:
        assert batch.items.shape[1] == window
        assert batch.items.shape[0] <= rows
        for row, place in zip(*np.nonzero(batch.targets >= 0), strict=True):
            target, met, person = (int(c[row, place]) for c in (batch.targets, batch.items, batch.person))
            targets.append(target)
            assert person == target // 100
            assert met == (target - 1 if target % 100 else START)
            assert one.item[batch.moment[row, place]] == target
            if place and batch.segment[row, place] == batch.segment[row, place - 1]:
                assert batch.person[row, place] == batch.person[row, place - 1]
            else:  # a new piece: what lies before it is known in sum
                before = list(range(person * 100, max(met, person * 100)))[::-1][:3]
                earlier = batch.earlier[batch.piece[row, place]]
                assert earlier[earlier >= 0].tolist() == before
    assert sorted(targets) == [100 * u + n for u, count in enumerate(counts) for n in range(count)]
    assert sum(int((batch.targets < 0).sum()) for batch in found) < window


@settings(max_examples=40, deadline=None)
@given(counts=PEOPLE, window=st.integers(1, 6))
def test_the_newest_places_of_each_person(counts: list[int], window: int) -> None:
    one = stream(counts, window, 1, summary=2)
    batch, last = one.newest(np.arange(len(counts)))
    for u, count in enumerate(counts):
        met = [START, *(100 * u + n for n in range(count))]
        assert batch.items[u, : last[u] + 1].tolist() == met[-window:]
        earlier = batch.earlier[batch.piece[u, 0]]
        rest = [item for item in met[: -len(met[-window:])] if item != START]
        assert earlier[earlier >= 0].tolist() == rest[::-1][:2]
        assert (batch.person[u, : last[u] + 1] == u).all()


def test_only_what_is_wanted_teaches_but_all_is_read() -> None:
    one = stream([4], 4, 1)
    (batch,) = replace(one, wanted=np.array([False, True, False, True])).epoch(np.random.default_rng(0))
    assert batch.items.tolist() == [[START, 0, 1, 2]]
    assert batch.targets.tolist() == [[-1, 1, -1, 3]]


def test_epochs_differ_and_the_identity_tells_streams_apart() -> None:
    one = stream([5, 6, 7], 4, 8)
    (batch,) = one.epoch(np.random.default_rng(0))
    (other,) = one.epoch(np.random.default_rng(1))
    assert not np.array_equal(batch.items, other.items)
    assert one.identity == stream([5, 6, 7], 4, 8).identity != stream([5, 6, 7], 5, 8).identity


def test_reading_knows_its_actions_and_scales_values() -> None:
    reading = Reading(4, types=("buy", "view"), centre=3.0, width=2.0)
    assert reading.actions(("view", "like", "buy"), np.array([0, 1, 2, -1])).tolist() == [1, -1, 0, -1]
    assert reading.scaled(np.array([5.0, 1e9])).tolist() == [1.0, 4.0]


def test_gaps_are_powers_of_two_of_seconds() -> None:
    """A day is 86,400 s: 1 + floor(log2(86,401)) = 17. A person's first event has no gap."""
    time = np.array([0.0, 1.0, 86_401.0, 7.0, 1e30])
    assert gaps(time, np.array([0, 3, 3, 5])).tolist() == [0, 2, 17, 0, GAPS - 1]
    assert gaps(np.empty(0), np.array([0, 0])).tolist() == []


def test_a_stream_without_events_is_empty() -> None:
    lonely = stream([0, 0], 4, 2)
    assert len(lonely) == 0
    assert list(lonely.epoch(np.random.default_rng(0))) == []


@pytest.mark.parametrize("rows", [1, 2])
def test_its_length_is_known_before(rows: int) -> None:
    assert len(stream([9, 4], 4, rows)) == {1: 4, 2: 2}[rows]  # 13 places make 4 rows
