"""What is older than it needs to be leaves the store, counted; nothing else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from regard.data import past, retention
from regard.data.impression_log import Impression, ImpressionLog, impression_id
from regard.data.item_changes import counted
from regard.data.patching import patch_item
from regard.data.postgres import Quarantined, Store
from regard.data.retention import Retention, tidy
from regard.data.tails import Ask, happened
from regard.domain.errors import InvalidInput
from regard.domain.records import Event, Item
from regard.domain.weights import DAY, EventWeight

NOW = 1.79e9  # 21 September 2026


def _counts(store: Store, *tables: str) -> list[int]:
    with store.reading() as connection:
        rows = [connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() for name in tables]
    return [row[0] for row in rows if row]


def _shown(store: Store, days: float) -> str:
    """A list served so many days ago, over items and weights as they are now."""
    at = NOW - DAY * days
    with store.reading() as connection:
        numbers = dict(connection.execute(b"SELECT what, n FROM changes").fetchall())
    body = f'{{"moment": {{"items": {numbers["items"]}, "weights": {numbers["weights"]}}}}}'
    line = Impression(impression_id(at, 7), at, -1, "0001", "home", (0,), (1.0,), body.encode())
    ImpressionLog(store).write([line])
    return line.id.hex


def test_old_events_go_and_their_people_are_read_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)  # several rounds
    old = [Event("ann", f"i{n}", "view", time=NOW - 800 * DAY + n) for n in range(7)]
    new = [Event("ann", "i9", "like", time=NOW - DAY), Event("bob", "i9", "like", time=NOW)]
    store.append([*old, *new, Event("bob", "i1", "view", time=0.0)])
    before = happened(store, [Ask("ann")])[0]
    assert tidy(store, Retention(events=730), NOW)["events"] == 7
    (after,) = happened(store, [Ask("ann", before.row, before.newest, before.retracted)])
    assert after.retracted > before.retracted
    assert [event[4] for event in after.events] == [NOW - DAY]
    assert after.met is not None
    assert len(after.met) == 1
    (bob,) = happened(store, [Ask("bob")])
    assert (bob.retracted, len(bob.events)) == (0, 2)  # of no known time: it stays
    assert tidy(store, Retention(events=730), NOW)["events"] == 0
    assert store.counts()["users"] == 2


def test_lists_go_by_months_with_the_versions_that_only_they_needed(store: Store) -> None:
    store.upsert_items([Item("a", title="first")])
    first = _shown(store, 200)
    patch_item(store, "a", {"title": "second"})
    store.set_event_weights([EventWeight("like", 2.0)])
    second, at_second = _shown(store, 50), counted(store)
    patch_item(store, "a", {"title": "third"})
    assert _counts(store, "item_versions", "weight_versions") == [2, 2]
    nothing = tidy(store, Retention(lists=0), NOW)
    assert nothing == {"lists": 0, "events": 0, "quarantine": 0, "item versions": 0, "weight versions": 0}
    gone = tidy(store, Retention(lists=90), NOW)
    assert gone == {"lists": 1, "events": 0, "quarantine": 0, "item versions": 1, "weight versions": 1}
    log = ImpressionLog(store)
    assert log.get(second).body["moment"]["items"] == at_second
    past.must_be_kept(store, at_second)  # what the list that is left needs is there
    assert past.weights_as_of(store, log.get(second).body["moment"]["weights"]) == (EventWeight("like", 2.0),)
    assert first not in [one.id.hex for one in log.newest(9)]
    assert tidy(store, Retention(lists=1), NOW + 99 * DAY)["item versions"] == 1  # nobody needs any
    assert _counts(store, "item_versions", "weight_versions") == [0, 1]


def test_rows_that_could_not_be_read_go_too(store: Store) -> None:
    def insert(days: float) -> Any:
        said = (f"{days}", "x.csv", NOW - DAY * days)
        return ("INSERT INTO quarantine (raw, source, row_number, at) VALUES (%s, %s, 1, to_timestamp(%s))", said)

    with store.transaction() as connection:
        for days in (100.0, 5.0):
            query, values = insert(days)
            connection.execute(query.encode(), values)
    assert tidy(store, Retention(quarantine=30), NOW)["quarantine"] == 1
    left: list[Quarantined] = store.quarantined()
    assert [row.raw for row in left] == ["5.0"]


@pytest.mark.parametrize("wrong", [{"lists": -1.0}, {"events": float("inf")}, {"quarantine": float("nan")}])
def test_what_is_no_number_of_days_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=f"retention {next(iter(wrong))}"):
        Retention(**wrong)


def test_people_are_held_before_their_old_events(store: Store) -> None:
    """As by who writes, joins and erases, so that nobody stands crosswise."""
    store.append([Event("ann", "a", "view", time=NOW - 9 * DAY, id=f"e{n}") for n in range(3)])
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    free = "SELECT count(*) FROM (SELECT FROM events FOR UPDATE SKIP LOCKED) x"
    with ThreadPoolExecutor(1) as other:
        with store.transaction() as connection:
            connection.execute("SELECT FROM users FOR NO KEY UPDATE")
            tidied = other.submit(tidy, store, Retention(events=5), NOW)
            while connection.execute(waits).fetchone() == (0,):
                assert not tidied.done()
            assert connection.execute(free).fetchone() == (3,)
        assert tidied.result(60)["events"] == 3
