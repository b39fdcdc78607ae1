"""The contract of a store: durable, idempotent, forgetful, one tenant apart from the other; by folder and by URL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.data.item_changes import counted, item_of
from regard.data.postgres import Store
from regard.data.store.appending import append_events
from regard.data.store.server import Server
from regard.domain.errors import Conflict, InvalidInput, NotFound
from regard.domain.records import Event, Item, User
from regard.domain.weights import DEFAULT_WEIGHTS, EventWeight

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
ORPHANS = """SELECT count(*) FROM events WHERE item_row NOT IN (SELECT row FROM items)
    OR user_row NOT IN (SELECT row FROM users)"""
SEEN = Event("ann", "a", "view", time=5.0)


@pytest.fixture(params=["folder", "url"])
def store(request: pytest.FixtureRequest, server: Server, tenant: str) -> Iterator[Store]:
    with Store.open(server.folder if request.param == "folder" else server.url, tenant) as store:
        yield store
        with store.transaction() as connection:
            connection.execute(f'DROP SCHEMA "{tenant}" CASCADE'.encode())


def every_text(store: Store) -> str:
    """All that stands in the tenant's tables, as text."""
    with store.transaction() as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (store.tenant,)).fetchall()
        rows = [connection.execute(f'SELECT t::text FROM "{name}" t'.encode()).fetchall() for (name,) in names]
    return str(rows)


def test_append_twice_changes_nothing(store: Store) -> None:
    batch = [SEEN, SEEN, Event("ann", "b", "buy", 2.5, 7.0, "s1", 3, {"device": "tv", "mood": ("calm", "tired")})]
    assert store.append(batch) == 3  # two equal events of one batch stay two
    assert store.append(batch) == 0
    assert store.append([*batch, SEEN]) == 1  # the third equal one is new
    assert store.counts()["events"] == 4


def test_an_id_decides_over_content(store: Store) -> None:
    assert store.append([Event("ann", "a", id="e1"), Event("ann", "a", id="e2")]) == 2
    assert store.append([Event("ann", "other", id="e1")]) == 0


def test_two_contexts_that_mean_the_same_are_one_event(store: Store) -> None:
    assert store.append([Event("ann", "a", context={"x": 1.0, "longer": "y"})]) == 1
    assert store.append([Event("ann", "a", context={"longer": "y", "x": 1.0})]) == 0
    assert store.append([Event("ann", "a", context={"longer": "z", "x": 1.0})]) == 1


def test_people_and_items_met_in_events_get_rows_in_order(store: Store) -> None:
    store.append([Event("ann", "a"), Event("bob", "b"), Event("ann", "c")])
    assert store.upsert_items([Item("c"), Item("new"), Item("a")]).tolist() == [2, 3, 0]
    assert store.upsert_users([User("bob"), User("cy")]).tolist() == [1, 2]


def test_history_since_a_sequence_number(store: Store) -> None:
    store.append([Event("ann", "a", time=1.0), Event("bob", "a", time=2.0)])
    first = store.events_of(0)
    assert (first.rows.tolist(), first.types, first.times.tolist()) == ([0], ("view",), [1.0])
    store.append([Event("ann", "b", "rating", 4.5, 3.0)])
    tail = store.events_of(0, after=first.seq)
    assert (tail.rows.tolist(), tail.types, tail.values.tolist()) == ([1], ("rating",), [4.5])
    assert store.events_of(0, after=tail.seq).seq == tail.seq


def test_forgets_without_a_trace_and_never_reuses_the_row(store: Store) -> None:
    store.upsert_users([User("bob"), User("zoe-secret", {"city": "Basel-secret"}, {"personalise": True})])
    store.append([Event("zoe-secret", "a", context={"note": "secret"}), Event("bob", "a")])
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO quarantine (source, row_number, raw, person) VALUES ('f', 1, 'secret', %s)", ("zoe-secret",)
        )
    assert store.forget("zoe-secret") == {"users": 1, "events": 1, "quarantine": 1, "impressions": 0}
    assert "secret" not in every_text(store)
    assert store.counts()["events"] == 1
    with pytest.raises(NotFound):
        store.user("zoe-secret")
    assert store.upsert_users([User("new")]).tolist() == [2]
    assert store.forget("zoe-secret") == {"users": 0, "events": 0, "quarantine": 0, "impressions": 0}


def test_a_deletion_waits_for_events_that_are_about_to_be_there(store: Store) -> None:
    store.append([SEEN, Event("bob", "b")])
    for delete, name in ((store.delete_item, "a"), (store.forget, "bob")):
        with ThreadPoolExecutor(1) as pool:
            with store.transaction() as connection:
                assert append_events(connection, [Event("bob", "a")]) == 1
                gone = pool.submit(delete, name)
                while not gone.done() and connection.execute(WAITING).fetchone() == (0,):
                    time.sleep(0.01)
            assert gone.result()["events"] >= 1
        with store.transaction() as connection:
            assert connection.execute(ORPHANS).fetchone() == (0,)
            if name == "a":  # both are read anew, also who met the item while its deletion waited
                assert connection.execute("SELECT id, retracted FROM users ORDER BY 1").fetchall() == [
                    ("ann", 1),
                    ("bob", 1),
                ]


def test_a_deletion_holds_no_item_while_it_waits_for_its_people(store: Store) -> None:
    store.append([SEEN, Event("bob", "b")])
    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as connection:
            connection.execute("SELECT FROM users WHERE id = 'ann' FOR NO KEY UPDATE")
            gone = pool.submit(store.delete_item, "a")
            while not gone.done() and connection.execute(WAITING).fetchone() == (0,):
                time.sleep(0.01)
            assert append_events(connection, [Event("ann", "a", time=6.0)]) == 1
        assert gone.result()["events"] == 2


def test_fields_merge_and_the_higher_precedence_stays(store: Store) -> None:
    store.upsert_items([Item("a", "Good", tags=("x",), attributes={"year": 1999.0}, valid_from=0.1)], "editor", 5)
    store.upsert_items([Item("a", "Bad", "story", attributes={"year": 1.0, "length": 90.0})], "crawler", 1)
    with store.transaction() as connection:
        found = connection.execute(
            "SELECT title, text, tags, attributes, valid_from, provenance -> 'text', provenance -> 'year' FROM items"
        ).fetchone()
    assert found == ("Good", "story", ["x"], {"year": 1999.0, "length": 90.0}, 0.1, ["crawler", 1], ["editor", 5])


def test_one_call_may_speak_twice_of_one_item(store: Store) -> None:
    rows = store.upsert_items([Item("a", "first", attributes={"x": 1.0}), Item("b"), Item("a", text="t")])
    assert rows.tolist() == [0, 1, 0]
    store.upsert_items([Item("a", "second")])
    with store.transaction() as connection:
        found = connection.execute("SELECT title, text, attributes FROM items WHERE id = 'a'").fetchone()
    assert found == ("second", "t", {"x": 1.0})


def test_fields_that_are_overwritten_are_cleared_but_for_what_a_higher_precedence_said(store: Store) -> None:
    whole = ("text", "tags", "hidden", "valid_from", "attributes")
    store.upsert_items([Item("a", tags=("editor's",), attributes={"year": 1999.0})], "editor", 5)
    said = Item("a", "Title", "story", attributes={"x": 1.0, "y": 2.0}, images=("i",), valid_from=3.0, hidden=True)
    store.upsert_items([said, Item("b", text="b", tags=("t",), valid_until=9.0)])
    first, last = Item("a", text="not the last word"), Item("a", attributes={"x": 5.0})
    assert store.upsert_items([first, last, Item("b")], whole=whole).tolist() == [0, 0, 1]
    kept = Item("a", "Title", tags=("editor's",), attributes={"year": 1999.0, "x": 5.0}, images=("i",))
    assert item_of(store, "a") == kept
    assert item_of(store, "b") == Item("b", valid_until=9.0)
    store.upsert_items([Item("a", valid_from=7.0)], "editor", 5)
    store.upsert_items([last], whole=whole)
    assert item_of(store, "a").valid_from == 7.0
    before = counted(store), _changed(store)
    store.upsert_items([last], whole=whole)
    assert (counted(store) > before[0], _changed(store)) == (True, before[1])  # said again, nothing has changed


def _changed(store: Store) -> list[tuple[int, ...]]:
    with store.reading() as connection:
        return connection.execute("SELECT row, changed FROM items ORDER BY row").fetchall()


def test_people_whose_attributes_are_overwritten_keep_their_consent(store: Store) -> None:
    store.upsert_users([User("ann", {"vip": True})], "editor", 5)
    store.upsert_users([User("ann", {"age": 33.0, "town": "Basel"}, {"personalise": False})])
    store.upsert_users([User("ann", {"age": 1.0}), User("ann", {"age": 34.0})], whole=("attributes",))
    assert store.user("ann") == (0, User("ann", {"vip": True, "age": 34.0}, {"personalise": False}))


def test_people_keep_attributes_and_the_newest_consent(store: Store) -> None:
    store.upsert_users([User("ann", {"age": 33.0, "likes": ("tea", "go")}, {"personalise": True})])
    store.upsert_users([User("ann", {"vip": True}, {"personalise": False, "mood": True})])
    expected = User("ann", {"age": 33.0, "likes": ("tea", "go"), "vip": True}, {"personalise": False, "mood": True})
    assert store.user("ann") == (0, expected)


def test_hidden_items_stay_hidden_until_shown(store: Store) -> None:
    store.upsert_items([Item("a")])
    store.hide("a")
    store.upsert_items([Item("a", "title")])
    assert store.counts()["hidden_items"] == 1
    store.hide("a", hidden=False)
    assert store.counts()["hidden_items"] == 0
    with pytest.raises(NotFound, match="item id"):
        store.hide("unheard")


def test_event_weights_are_data(store: Store) -> None:
    assert [w.type for w in store.event_weights()] == [w.type for w in DEFAULT_WEIGHTS]
    table = (EventWeight("rating", 0.5, at_least=3.5, scaled=True), EventWeight("rating", 0.0))
    store.set_event_weights(table)
    assert store.event_weights() == table


def test_tenants_do_not_see_each_other(store: Store, server: Server) -> None:
    store.append([SEEN])
    with Store.open(server.url, f"{store.tenant}_other") as other:
        assert other.counts()["events"] == 0
        assert other.append([SEEN]) == 1
        other.forget("ann")
        assert store.counts()["events"] == 1
        with other.transaction() as connection:
            connection.execute(f'DROP SCHEMA "{other.tenant}" CASCADE'.encode())


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def half() -> None:
        with store.transaction() as connection:
            connection.execute("INSERT INTO users (row, id) VALUES (0, 'ann')")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half()
    assert store.counts()["users"] == 0


def test_what_postgres_cannot_keep_is_invalid_input_and_nothing_is_written(store: Store) -> None:
    for bad in (Event("a\x00b", "a"), Event("ann", "a", value=1e300), Event("ann", "a", position=2**40)):
        with pytest.raises(InvalidInput):
            store.append([SEEN, bad])
    with pytest.raises(InvalidInput, match="price"):
        store.upsert_items([Item("a", attributes={"price": float("nan")})])
    assert store.counts()["events"] == 0


def test_writers_at_once_lose_and_double_nothing(store: Store) -> None:
    def write(k: int) -> int:
        store.upsert_items([Item(f"i{j}") for j in range(k, k + 5)])
        return sum(
            store.append([Event(f"u{j % 7}", f"i{j}", time=j) for j in range(n, n + 10)]) for n in range(0, 50, 5)
        )

    with ThreadPoolExecutor(4) as threads:
        new = list(threads.map(write, range(4)))
    counts = store.counts()
    assert (sum(new), counts["events"], counts["users"]) == (55, 55, 7)
    with store.transaction() as connection:
        rows = connection.execute("SELECT row FROM items ORDER BY row").fetchall()
    assert [row for (row,) in rows] == list(range(55))


def test_a_store_newer_than_the_code_is_refused(store: Store, server: Server) -> None:
    with store.transaction() as connection:
        connection.execute("INSERT INTO versions (version, name) VALUES (9999, 'later')")
    with pytest.raises(Conflict, match="9999"):
        Store.open(server.url, store.tenant)


def test_vectors_are_kept_by_encoder(store: Store) -> None:
    store.upsert_items([Item("a"), Item("b")])
    store.set_vectors("words", np.array([0, 1]), np.array([[0.1, 2.0], [3.0, 4.0]], np.float32))
    store.set_vectors("words", np.array([1]), np.array([[5.0, 1e-9]], np.float32))
    with store.transaction() as connection:
        found = connection.execute("SELECT item_row, vector::text FROM item_vectors ORDER BY 1").fetchall()
    assert found == [(0, "[0.1,2]"), (1, "[5,1e-09]")]


EVENTS = st.builds(
    Event,
    user=st.sampled_from(["u", "uu", "ü|1"]),
    item=st.sampled_from(["a", "1:a"]),
    type=st.sampled_from(["view", "buy"]),
    value=st.sampled_from([1.0, -0.0, 0.0, 0.1]),
    time=st.sampled_from([0.0, 1.5e9, 0.1 + 0.2]),
    slate=st.sampled_from(["", "s"]),
    position=st.sampled_from([None, 0, 1]),
    context=st.sampled_from([{}, {"d": "tv"}, {"d": 1.0, "aa": ("x",)}]),
)


@given(batch=st.lists(EVENTS, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_event_once_however_often_sent(store: Store, batch: list[Event]) -> None:
    with store.transaction() as connection:
        connection.execute("TRUNCATE events")
    assert store.append(batch) == len(batch)
    assert store.append(batch) == 0
    assert store.append(batch[: len(batch) // 2]) == 0
