"""What a session did becomes a person's, at once with whatever else happens."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from regard.data.impression_log import Impression, ImpressionLog, impression_id
from regard.data.joining import SESSION, join, joined
from regard.data.postgres import Store
from regard.data.store.appending import append_events
from regard.data.tails import Ask, happened
from regard.domain.records import Event, User

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
ORPHANS = """SELECT count(*) FROM events WHERE item_row NOT IN (SELECT row FROM items)
    OR user_row NOT IN (SELECT row FROM users)"""
LISTS = "SELECT u.id, i.items FROM impressions i JOIN users u ON u.row = i.user_row ORDER BY i.at"


def _under(session: str, item: str = "a", at: float = 5.0, **said: Any) -> Event:
    return Event(session, item, time=at, context={"page": "home", SESSION: session}, **said)


def _did(store: Store, user: str) -> list[tuple[str, float]]:
    query = """SELECT i.id, e.time FROM events e JOIN users u ON u.row = user_row JOIN items i ON i.row = item_row
        WHERE u.id = %s ORDER BY e.time"""
    with store.reading() as connection:
        return connection.execute(query.encode(), (user,)).fetchall()


def _shown(store: Store, user: str) -> None:
    row, _ = store.user(user)
    ImpressionLog(store).write([Impression(impression_id(9.0, row), 9.0 + row, row, "1", "home", (row,), (1.0,), "{}")])


def test_events_and_lists_of_a_session_become_the_persons(store: Store) -> None:
    store.append([_under("s1"), _under("s1", "b", 7.0, id="e-1")])
    store.append([Event("ann", "c", time=9.0)])
    _shown(store, "s1")
    before = happened(store, [Ask("ann"), Ask("s1")])
    assert join(store, "s1", "ann") == 2
    assert _did(store, "ann") == [("a", 5.0), ("b", 7.0), ("c", 9.0)]
    ann, session = happened(store, [Ask("ann", before[0].row, before[0].newest, before[0].retracted), Ask("s1")])
    assert len(ann.events) == 3  # read anew
    assert session.row == -1
    with store.reading() as connection:
        assert connection.execute(LISTS.encode()).fetchall() == [("ann", [before[1].row])]
    assert join(store, "s1", "ann") == 0
    assert store.append([_under("s1"), _under("s1", "b", 7.0, id="e-1")]) == 0  # sent again
    assert join(store, "ann", "ann") == join(store, "s1", "nobody") == 0


def test_who_bears_the_id_of_a_session_keeps_what_is_theirs(store: Store) -> None:
    store.append([Event("7", "b", time=1.0), Event("ann", "c", time=9.0)])
    store.append([_under("7")])
    _shown(store, "7")
    assert join(store, "7", "ann") == 1
    assert (_did(store, "7"), _did(store, "ann")) == ([("b", 1.0)], [("a", 5.0), ("c", 9.0)])
    with store.reading() as connection:
        assert [name for name, _ in connection.execute(LISTS.encode())] == ["7"]
    store.upsert_users([User("8", {"town": "Basel"})])
    store.append([_under("8")])
    assert join(store, "8", "ann") == 1
    assert store.user("8")[1].attributes == {"town": "Basel"}
    assert _did(store, "8") == []


@pytest.mark.parametrize(("erase", "name"), [("delete_item", "a"), ("forget", "ann"), ("forget", "s1")])
def test_an_erasure_waits_for_what_is_being_moved(store: Store, erase: str, name: str) -> None:
    store.append([_under("s1"), Event("ann", "c", time=9.0)])
    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as connection:
            assert joined(connection, "s1", "ann") == 1
            gone = pool.submit(getattr(store, erase), name)
            while not gone.done() and connection.execute(WAITING).fetchone() == (0,):
                time.sleep(0.01)
        went = gone.result()
    with store.reading() as connection:
        assert connection.execute(ORPHANS.encode()).fetchone() == (0,)
    assert went["events"] == {"a": 1, "ann": 2, "s1": 0}[name]


def test_a_join_waits_for_events_that_are_about_to_be_there(store: Store) -> None:
    store.append([_under("s1"), Event("ann", "c", time=9.0)])
    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as connection:
            assert append_events(connection, [_under("s1", at=6.0)]) == 1
            moved = pool.submit(join, store, "s1", "ann")
            while not moved.done() and connection.execute(WAITING).fetchone() == (0,):
                time.sleep(0.01)
        assert moved.result() == 2
