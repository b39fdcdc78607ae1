"""Streams: every event teaches once, nobody reads on in somebody else's history, no padding but at the end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.models.networks.streams import GAPS, Stream, gaps

PEOPLE = st.lists(st.integers(0, 7), min_size=1, max_size=8)  # events per person


def stream(counts: list[int], window: int, rows: int) -> Stream:
    """Item 100 u + n is event n of person u; gap codes are the event's number in all."""
    item = np.array([100 * u + n for u, count in enumerate(counts) for n in range(count)], np.int64)
    return Stream(item, np.arange(len(item)), np.r_[0, np.cumsum(counts)], window, rows)


@settings(max_examples=60, deadline=None)
@given(counts=PEOPLE, window=st.integers(1, 6), rows=st.integers(1, 3), seed=st.integers(0, 5))
def test_every_pair_once_and_every_piece_one_persons(counts: list[int], window: int, rows: int, seed: int) -> None:
    found = list(stream(counts, window, rows).epoch(np.random.default_rng(seed)))
    assert len(found) == len(stream(counts, window, rows))
    pairs = []
    for batch in found:
        assert batch.items.shape[1] == window
        assert batch.items.shape[0] <= rows
        for row in range(len(batch.items)):
            for place in np.flatnonzero(batch.targets[row] >= 0):
                pairs.append((int(batch.items[row, place]), int(batch.targets[row, place])))
                if place and batch.segment[row, place] == batch.segment[row, place - 1]:
                    assert batch.items[row, place] == batch.items[row, place - 1] + 1
                else:
                    assert place == 0 or batch.items[row, place] // 100 != batch.items[row, place - 1] // 100
    assert sorted(pairs) == [(100 * u + n, 100 * u + n + 1) for u, count in enumerate(counts) for n in range(count - 1)]
    empty = sum(int((batch.targets < 0).sum()) for batch in found)
    assert empty < window


def test_gaps_belong_to_their_events_and_epochs_differ() -> None:
    one = stream([5, 6, 7], 4, 8)
    (batch,) = one.epoch(np.random.default_rng(0))
    there = batch.targets >= 0
    assert np.array_equal(one.item[batch.gaps[there]], batch.items[there])
    (other,) = one.epoch(np.random.default_rng(1))
    assert not np.array_equal(batch.items, other.items)
    assert one.identity == stream([5, 6, 7], 4, 8).identity != stream([5, 6, 7], 5, 8).identity


def test_gaps_are_powers_of_two_of_seconds() -> None:
    """A day is 86,400 s: 1 + floor(log2(86,401)) = 17. A person's first event has no gap."""
    time = np.array([0.0, 1.0, 86_401.0, 7.0, 1e30])
    assert gaps(time, np.array([0, 3, 3, 5])).tolist() == [0, 2, 17, 0, GAPS - 1]
    assert gaps(np.empty(0), np.array([0, 0])).tolist() == []


def test_a_stream_without_pairs_is_empty() -> None:
    lonely = stream([1, 0, 1], 4, 2)
    assert len(lonely) == 0
    assert list(lonely.epoch(np.random.default_rng(0))) == []


@pytest.mark.parametrize("rows", [1, 2])
def test_its_length_is_known_before(rows: int) -> None:
    assert len(stream([9, 4], 4, rows)) == {1: 3, 2: 2}[rows]  # 8 + 3 pairs make 3 rows
