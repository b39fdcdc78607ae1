"""The store as of a moment becomes a Dataset, in memory and in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.postgres import Store
from regard.data.snapshot import snapshot
from regard.data.snapshot_folder import load_snapshot, save_snapshot
from regard.data.store import copying
from regard.domain.dataset import Dataset
from regard.domain.errors import Conflict, InvalidInput, NotFound
from regard.domain.records import Event, Item, User
from regard.domain.weights import EventWeight


def filled(store: Store) -> Store:
    store.upsert_items(
        [
            Item("a", "A", "story", ("x", "y"), "me", ("a.png",), (), {"year": 1999.0, "ok": True}, 1.5, 9.0),
            Item("b", attributes={"genres": ("g", "h"), "country": "CH", "year": 2001.0}),
        ]
    )
    store.upsert_users([User("ann", {"age": 33.0}), User("bob")])
    store.append(
        [
            Event("bob", "a", "buy", time=7.0, slate="s2", position=1),
            Event("ann", "c", "rating", 3.0, 5.0, context={"device": "tv"}),
            Event("ann", "b", "rating", 4.5, 2.0),
            Event("ann", "a", "view", 1.0, 9.0, "s1", 0, {"device": "pc", "moods": ("calm",)}),
        ]
    )
    store.hide("b")
    return store


def same(one: Dataset, other: Dataset) -> None:
    assert list(one.users) == list(other.users)
    assert list(one.items) == list(other.items)
    for name, column in one.events.columns().items():
        np.testing.assert_array_equal(column, other.events.columns()[name], strict=True)
    np.testing.assert_array_equal(one.events.offsets, other.events.offsets)
    assert one.events.columns().keys() == other.events.columns().keys()
    assert one.user_attributes.equals(other.user_attributes)
    assert one.item_attributes.equals(other.item_attributes)
    assert (one.events.types, one.events.slates, one.at) == (other.events.types, other.events.slates, other.at)
    assert (one.events.context is None) == (other.events.context is None)
    assert one.events.context is None or one.events.context.equals(other.events.context)
    for name, vectors in one.vectors.items():
        np.testing.assert_array_equal(vectors, other.vectors[name])


def test_events_by_person_and_time_with_weights_of_the_store(store: Store) -> None:
    data = snapshot(filled(store))
    e = data.events
    assert (list(data.users), list(data.items)) == (["ann", "bob"], ["a", "b", "c"])
    assert (e.user.tolist(), e.item.tolist(), e.time.tolist()) == ([0, 0, 0, 1], [1, 2, 0, 0], [2, 5, 9, 7])
    assert [e.types[code] for code in e.type] == ["rating", "rating", "view", "buy"]
    np.testing.assert_allclose(e.weight, [1.0, 0.0, 0.1, 1.0])  # rating 4.5 >= 4, rating 3, view, buy
    assert e.offsets.tolist() == [0, 3, 4]
    assert e.position is not None and e.position.tolist() == [-1, -1, 0, 1]  # noqa: PT018
    assert e.slate is not None and [e.slates[c] if c >= 0 else None for c in e.slate] == [None, None, "s1", "s2"]  # noqa: PT018
    assert e.context is not None
    assert e.context.column("device").to_pylist() == [None, "tv", "pc", None]
    assert e.context.column("moods").to_pylist() == [None, None, ["calm"], None]
    assert data.at == 9.0


def test_attributes_are_typed_columns_aligned_with_rows(store: Store) -> None:
    data = snapshot(filled(store))
    table = {name: data.item_column(name) for name in data.item_attributes.column_names}
    assert table["year"] == [1999.0, 2001.0, None]
    assert table["ok"] == [True, None, None]
    assert table["genres"] == [None, ["g", "h"], None]
    assert table["tags"] == [["x", "y"], [], []]
    assert (table["title"], table["creator"], table["images"]) == (["A", "", ""], ["me", "", ""], [["a.png"], [], []])
    assert (table["valid_from"], table["valid_until"]) == ([1.5, None, None], [9.0, None, None])
    assert table["hidden"] == [False, True, False]
    assert data.titles == ["A", "b", "c"]
    assert data.attributes_of(0) == {"age": 33.0}


def test_only_what_was_known_at_the_moment(store: Store) -> None:
    data = snapshot(filled(store), at=5.0)
    assert (data.events.time.tolist(), data.at) == ([2.0, 5.0], 5.0)
    assert len(data.items) == 3
    assert len(snapshot(store, at=1.0).events) == 0


def test_other_weights_may_be_given(store: Store) -> None:
    data = snapshot(filled(store), weights=(EventWeight("rating", 2.0, scaled=True),))
    assert data.events.weight.tolist() == [9.0, 6.0, 1.0, 1.0]


def test_forgotten_people_leave_a_row_without_events(store: Store) -> None:
    filled(store).forget("ann")
    data = snapshot(store)
    assert len(data.users) == 2
    assert (data.users.row("bob"), len(data.history(0)), len(data.history(1))) == (1, 0, 1)
    assert "ann" not in data.users
    assert data.events.context is None


def test_an_empty_store(store: Store, tmp_path: Path) -> None:
    data = snapshot(store)
    assert (len(data.users), len(data.items), len(data.events), data.matrix().shape) == (0, 0, 0, (0, 0))
    same(data, snapshot(store, tmp_path / "empty"))


def test_a_folder_holds_the_same_and_is_mapped(store: Store, tmp_path: Path) -> None:
    filled(store).set_vectors("words", np.array([0, 2]), np.array([[1, 2], [3, 4]], np.float32))
    data = snapshot(store)
    assert data.vectors["words"].tolist() == [[1, 2], [0, 0], [3, 4]]
    in_folder = snapshot(store, tmp_path / "one")
    assert isinstance(in_folder.events.time, np.memmap)
    same(data, in_folder)
    save_snapshot(data, tmp_path / "two")
    same(data, load_snapshot(tmp_path / "two", mmap=False))
    with pytest.raises(Conflict):
        snapshot(store, tmp_path / "one")


def test_a_folder_that_is_none_or_damaged_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_snapshot(tmp_path)
    save_snapshot(snapshot(filled(store)), tmp_path / "one")
    (tmp_path / "one" / "event.time.npy").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match=r"event\.time\.npy"):
        load_snapshot(tmp_path / "one")


def test_many_rows_arrive_whole_across_chunks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHUNK", 7)
    store.append([Event(f"u{n % 5}", f"i{n % 11}", time=float(n), id=str(n)) for n in range(100)])
    data = snapshot(store)
    assert sorted(data.events.time.tolist()) == list(range(100))
    assert all(np.diff(data.history(u).times).min() == 5 for u in range(5))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-5, 5)), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_has_exactly_the_events_of_the_store(store: Store, rows: list[tuple[int, int, int]]) -> None:
    with store.transaction() as connection:
        connection.execute("TRUNCATE events")
    store.append([Event(f"u{u}", f"i{i}", time=float(t)) for u, i, t in rows])
    data = snapshot(store)
    e = data.events
    found = [(data.users[u], data.items[i], t) for u, i, t in zip(e.user, e.item, e.time.tolist(), strict=True)]
    assert sorted(found) == sorted((f"u{u}", f"i{i}", float(t)) for u, i, t in rows)
