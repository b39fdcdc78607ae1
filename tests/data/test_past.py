"""Items and weights as they stood at the number of a change."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from regard.data import past
from regard.data.catalogue import Catalogue
from regard.data.item_changes import counted
from regard.data.patching import patch_item
from regard.data.postgres import Store
from regard.data.snapshot import snapshot
from regard.domain.errors import NotFound
from regard.domain.records import Item
from regard.domain.weights import EventWeight


def _said(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return connection.execute(query.encode()).fetchall()


def _titles(store: Store, n: int) -> list[tuple[str, str]]:
    data = snapshot(store, items_at=n)
    return list(zip(data.items, data.titles, strict=True))


def test_items_stand_as_they_stood(store: Store) -> None:
    store.upsert_items([Item("a", title="A", tags=("old",)), Item("b", title="B")])
    first = counted(store)
    patch_item(store, "a", {"title": "A2", "tags": ["new"]})
    second = counted(store)
    store.upsert_items([Item("c", title="C")])
    store.hide("b")
    third = counted(store)
    assert _titles(store, first) == [("a", "A"), ("b", "B")]
    assert _titles(store, second) == [("a", "A2"), ("b", "B")]
    assert _titles(store, third) == [("a", "A2"), ("b", "B"), ("c", "C")]
    assert [snapshot(store, items_at=n).item_column("hidden") for n in (first, third)] == [
        [False, False],
        [False, True, False],
    ]
    assert _titles(store, 0) == []


def test_a_catalogue_that_walks_stands_as_one_that_is_read(store: Store) -> None:
    store.upsert_items([Item(f"i{n}", title=f"T{n}", creator=f"c{n % 2}", tags=("x",)) for n in range(6)])
    moments = [counted(store)]
    for n in range(4):
        patch_item(store, f"i{n}", {"title": f"new {n}", "tags": [f"y{n}"], "hidden": n == 2, "valid_from": 5.0 * n})
        store.upsert_items([Item(f"j{n}", title=f"J{n}")])
        moments.append(counted(store))
    store.delete_item("i5")
    store.delete_item("j1")
    walks = Catalogue.of(snapshot(store, items_at=moments[0]))
    for before, n in pairwise(moments):
        found = past.steps(store, before, n, counted(store))
        walks.follow(found.items, found.gone, n)
        read = Catalogue.of(snapshot(store, items_at=n))
        assert (len(walks), walks.as_of.items) == (len(read), n)
        for row in range(len(read)):
            assert walks.id(row) == read.id(row)
            if not read.id(row).startswith("\0"):
                assert walks.item(row) == read.item(row)
        for column in ("hidden", "valid_from", "valid_until"):
            np.testing.assert_array_equal(getattr(walks, column), getattr(read, column))


def test_what_was_deleted_since_it_was_read_is_gone_from_the_past_too(store: Store) -> None:
    store.upsert_items([Item("a", title="A"), Item("b", title="B")])
    first = counted(store)
    store.upsert_items([Item("c", title="C")])
    second = read = counted(store)
    walks = Catalogue.of(snapshot(store, items_at=first))
    store.delete_item("a")
    store.upsert_items([Item("a", title="Another"), Item("d", title="D")])
    store.delete_item("d")
    for before, n, rows in ((first, first, [0]), (first, second, [0])):
        found = past.steps(store, before, n, read)
        assert list(found.gone) == rows
        walks.follow(found.items, found.gone, n)
    assert [walks.id(row) for row in range(len(walks))] == ["\x000", "b", "c"]
    assert past.steps(store, second, second, counted(store)).gone == ()


def test_a_version_is_kept_once_and_only_where_something_changed(store: Store) -> None:
    store.upsert_items([Item("a", title="A")])
    assert _said(store, "SELECT count(*) FROM item_versions") == [(0,)]  # nobody has seen it half made
    number = _said(store, "SELECT changed FROM items")
    store.upsert_items([Item("a", title="A")], source="again")
    assert _said(store, "SELECT changed FROM items") == number
    with store.transaction() as connection:
        for title in ("B", "C"):
            connection.execute("UPDATE items SET title = %s", (title,))
    assert _said(store, "SELECT title, until > changed FROM item_versions") == [("A", True)]


def test_a_deleted_item_leaves_no_version_and_is_counted(store: Store) -> None:
    store.upsert_items([Item("a", title="secret one"), Item("b")])
    patch_item(store, "a", {"title": "secret two"})
    before = counted(store)
    assert past.deleted_since(store, before) == 0
    store.delete_item("a")
    assert _said(store, "SELECT count(*) FROM item_versions") == [(0,)]
    assert past.deleted_since(store, before) == 1
    assert past.deleted_since(store, counted(store)) == 0
    assert _titles(store, before)[0][1].startswith("\0")
    past.must_be_kept(store, before)


def test_what_is_no_longer_kept_is_said(store: Store) -> None:
    store.upsert_items([Item("a", title="A")])
    before = counted(store)
    patch_item(store, "a", {"title": "B"})
    past.must_be_kept(store, before)
    with store.transaction() as connection:
        connection.execute("DELETE FROM item_versions")
    with pytest.raises(NotFound, match="1 that have changed since"):
        past.must_be_kept(store, before)


def test_weights_stand_as_they_stood(store: Store) -> None:
    def number() -> int:
        return int(_said(store, "SELECT n FROM changes WHERE what = 'weights'")[0][0])

    first, seeded = number(), store.event_weights()
    store.set_event_weights([EventWeight("like", 0.1), EventWeight("stars", 0.3, 3.5, True)])
    second = number()
    assert past.weights_as_of(store, first) == seeded
    assert past.weights_as_of(store, second) == store.event_weights()
    assert _said(store, "SELECT count(*) FROM weight_versions") == [(2,)]
    with pytest.raises(NotFound):
        past.weights_as_of(store, -1)
