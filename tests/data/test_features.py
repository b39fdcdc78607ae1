"""Features: hand-computed values, and the same online as offline."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.features import Features, Freshness, Observed, Popularity, TimesSeen
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.request import UNKNOWN, Query
from regard.domain.weights import DAY

ROWS = np.array([0, 1, 2, 99])
EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from(["view", "buy", "dislike"]), st.integers(0, 40)),
    min_size=2,
    max_size=30,
)


def dataset(rows: list[tuple[int, int, str, int]]) -> Dataset:
    """Rows of people and items are their numbers; times are in half days."""
    frame = pl.DataFrame(
        {
            "user": [str(u) for u, *_ in rows],
            "item": [str(i) for _, i, *_ in rows],
            "type": [kind for *_, kind, _ in rows],
            "time": [t * DAY / 2 for *_, t in rows],
        }
    )
    items = pl.DataFrame({"id": [str(n) for n in range(6)], "valid_from": [None, 5.0 * DAY, *[None] * 4]})
    return Dataset.from_frame(frame, items=items, users=pl.DataFrame({"id": [str(n) for n in range(4)]}))


def observed(data: Dataset) -> list[Observed]:
    e = data.events
    columns = (e.user.tolist(), e.item.tolist(), e.weight.tolist(), e.time.tolist())
    return [Observed(*row) for row in zip(*columns, strict=True)]


def test_popularity_by_hand() -> None:
    feature = Popularity(half_life=2.0)
    for item, weight, day in ((0, 1.0, 0), (0, 0.5, 2), (1, 1.0, 4), (1, -1.0, 4)):
        feature.observe(Observed(0, item, weight, day * DAY))
    # item 0 at day 4: 1 * 2^-2 + .5 * 2^-1 = .5; item 1: 1 * 2^0, negative weights add nothing
    np.testing.assert_allclose(feature.read(Query(4 * DAY), ROWS), [0.5, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(feature.read(Query(6 * DAY), ROWS), [0.25, 0.5, 0.0, 0.0])


def test_times_seen_by_hand_recovers_and_is_each_persons_own() -> None:
    feature = TimesSeen(half_life=1.0)
    for user, item, day in ((7, 2, 0), (7, 2, 1), (8, 0, 1)):
        feature.observe(Observed(user, item, 0.0, day * DAY))
    # item 2 at day 2: 2^-2 + 2^-1
    np.testing.assert_allclose(feature.read(Query(2 * DAY, user=7), ROWS), [0, 0, 0.75, 0])
    np.testing.assert_allclose(feature.read(Query(2 * DAY, user=8), ROWS), [0.5, 0, 0, 0])
    np.testing.assert_allclose(feature.read(Query(2 * DAY, user=UNKNOWN), ROWS), np.zeros(4))


def test_freshness_by_hand() -> None:
    feature = Freshness(most=10.0, valid_from=lambda: np.array([-np.inf, 3 * DAY]))
    feature.observe(Observed(0, 0, 1.0, 2 * DAY))
    feature.observe(Observed(0, 0, 1.0, 1 * DAY))
    feature.observe(Observed(0, 1, 1.0, 1 * DAY))
    # item 0: first event on day 1; item 1: valid from day 3; 2 and 99: never met, new
    np.testing.assert_allclose(feature.read(Query(4 * DAY), ROWS), [3, 1, 0, 0])
    np.testing.assert_allclose(feature.read(Query(2 * DAY), ROWS), [1, 0, 0, 0])
    np.testing.assert_allclose(feature.read(Query(99 * DAY), ROWS), [10, 10, 0, 0])


@given(EVENTS, st.randoms(use_true_random=False), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_online_equals_offline_in_any_order(rows: list[tuple[int, int, str, int]], random: object, cut: int) -> None:
    data = dataset(rows)
    offline = Features.of(data)
    events = observed(data)
    random.shuffle(events)  # type: ignore[attr-defined]
    column = np.array([-np.inf, 5 * DAY])
    online = Features((Popularity(), Freshness(valid_from=lambda: column), TimesSeen()))
    for event in events:
        online.observe(event)
    known = np.arange(len(events)) < cut % (len(events) + 1)  # half of it known at the start, the rest comes by
    later = Features.of(data.where(known), valid_from=lambda: column)
    for event in np.array(observed(data), object)[~known]:
        later.observe(event)
    for user in (0, 1, 2, 3, UNKNOWN):
        query = Query(21 * DAY, user=user)
        expected = offline.read(query, np.arange(8))
        np.testing.assert_allclose(online.read(query, np.arange(8)), expected, atol=1e-12)
        np.testing.assert_allclose(later.read(query, np.arange(8)), expected, atol=1e-12)


def test_read_is_one_column_a_feature() -> None:
    features = Features.of(dataset([(0, 0, "buy", 2), (1, 5, "view", 4)]))
    assert features.names == ("popularity", "days_since_new", "times_seen")
    found = features.read(Query(2 * DAY, user=1), np.array([5, 0]))
    np.testing.assert_allclose(found, [[0.1, 0, 1], [0.5 ** (1 / 30), 1, 0]], rtol=1e-6)
    assert Features().read(Query(0.0), ROWS).shape == (4, 0)
    with pytest.raises(InvalidInput, match="one feature of each name"):
        Features((Popularity(), Popularity()))


def test_forgets_what_a_person_met_before_and_since() -> None:
    features = Features.of(dataset([(0, 0, "view", 2), (1, 1, "view", 2)]))
    features.observe(Observed(0, 2, 1.0, 3 * DAY))
    features.observe(Observed(1, 2, 1.0, 3 * DAY))
    others = features.read(Query(3 * DAY, user=1), np.arange(6))[:, 2]
    features.forget(0)
    assert features.read(Query(3 * DAY, user=0), np.arange(6))[:, 2].tolist() == [0.0] * 6
    np.testing.assert_array_equal(features.read(Query(3 * DAY, user=1), np.arange(6))[:, 2], others)
    features.observe(Observed(0, 0, 1.0, 3 * DAY))
    assert features.read(Query(3 * DAY, user=0), np.array([0]))[0, 2] == 1.0


@pytest.mark.parametrize("make", [Popularity, Freshness, TimesSeen])
def test_bounds(make: type[Popularity]) -> None:
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput):
            make(wrong)
