"""A whole installation moves: export, import elsewhere, and everything answers as before; old lists are dropped."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from regard.data import impression_log, job_rows
from regard.data.impression_log import Impression, ImpressionLog, impression_id
from regard.data.keys import create_key
from regard.data.moving import MANIFEST, export_store, import_store
from regard.data.postgres import Store
from regard.data.store.server import Server
from regard.data.translations import translator
from regard.domain.errors import Conflict, InvalidInput, NotFound, Unavailable
from regard.domain.records import User
from regard.serving import jobs, serving_screens
from regard.serving.installation import Installation
from regard.serving.settings import Settings, read_settings
from tests.serving.serving import client_of, ids, install, settings_of

TOML = '[schedule]\nretrain = "5 5 * * *"\n'


def test_an_installation_moves_with_all_that_it_knows(server: Server, fitted: Settings, tmp_path: Path) -> None:
    old, new = settings_of(tmp_path / "old", server.url, "old"), settings_of(tmp_path / "new", server.url, "new")
    key = install(old, like=fitted)["admin"]
    with client_of(old) as client:
        client.bearing(key)
        client.post("/v1/events", json={"user": "u1", "item": "f1", "type": "like", "context": {"a": 'quoted "x", y'}})
        client.post("/v1/items", json={"id": "gone"})
        client.delete("/v1/items/gone")
        before = client.list_for("u1", k=5)
    (old.folder / "regard.toml").write_text(f"{TOML}# the old place's\n")
    with Installation.open(old) as here:
        number = jobs.ask_for_retrain(here)
        job_rows.tell_progress(here.store, number, "done", 1.0, 1.0, "what the old place did")
        moved = here.export(tmp_path / "export")
        assert moved.settings == "moved"
        counts = here.store.counts()
        with pytest.raises(InvalidInput, match="new or empty"):
            here.export(tmp_path / "export")
        with pytest.raises(Conflict):
            here.move_in(tmp_path / "export")
    new.folder.mkdir()
    with Installation.open(new) as here:
        assert here.move_in(tmp_path / "export") == moved
        assert (new.folder / "regard.toml").read_text() == f"{TOML}# the old place's\n"
        assert read_settings(new.folder, {}).recipes == {"schedule": {"retrain": "5 5 * * *"}}
        assert here.store.counts() | {"bytes": 0} == counts | {"bytes": 0}
        assert jobs.ask_for_retrain(here) == number  # jobs stay where they were, and numbers begin anew
        assert [(job.id, job.said) for job in job_rows.jobs(here.store)] == [(number, "")]
    with client_of(new) as client:
        client.bearing(key)  # keys come along, but bear the old tenant's name
        assert client.get("/v1/releases").status_code == 401
        with Store.open(new.store, "new") as store:
            client.bearing(create_key(store, "new", "admin"))
        client.get("/health/ready")
        assert ids(client.list_for("u1", k=5)) == ids(before)
        assert client.get(f"/v1/recommendations/{before['recommendation_id']}").json()["user_id"] == "u1"
        assert client.post("/v1/events", json={"user": "u1", "item": "f2", "type": "like"}).status_code == 202


@pytest.mark.parametrize("name", ["regard.toml", "items.csv.gz"])
def test_a_file_that_is_not_as_it_was_exported_is_refused(
    store: Store, server: Server, tmp_path: Path, name: str
) -> None:
    (tmp_path / "regard.toml").write_text(TOML)
    export_store(store, tmp_path / "export", [tmp_path / "regard.toml"])
    (tmp_path / "export" / name).write_bytes(b"")
    with Store.open(server.url, f"{store.tenant}_new") as new, pytest.raises(InvalidInput, match=name):
        import_store(new, tmp_path / "export")


@pytest.mark.parametrize(("old", "new", "said"), [("", "", "none"), (TOML, "# mine\n", "kept")])
def test_a_place_keeps_its_own_settings_and_it_is_said(
    server: Server, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)  # which has no regard.toml
    for name, text in (("old", old), ("new", new)):
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "regard.toml").write_text(text)
    with Installation.open(settings_of(tmp_path / "old", server.url, tenant)) as here:
        here.export(tmp_path / "export")
    with Installation.open(settings_of(tmp_path / "new", server.url, f"{tenant}_new")) as here:
        moved = here.move_in(tmp_path / "export")
    assert moved.settings == said
    assert [path.read_text() for path in (tmp_path / "new").glob("regard.toml")] == ([new] if new else [])
    console = Console(file=io.StringIO(), width=200)
    console.print(serving_screens.moved("Moved in", asdict(moved), translator("en")))
    assert ("stays" in console.file.getvalue()) == (said == "kept")  # type: ignore[attr-defined]


def test_an_export_of_before_may_hold_how_far_jobs_had_come(store: Store, server: Server, tmp_path: Path) -> None:
    store.upsert_users([User("ann")])
    manifest = export_store(store, tmp_path / "export")
    told = gzip.compress(b"7,done,1,1,well\n")
    (tmp_path / "export" / "job_progress.csv.gz").write_bytes(told)
    columns, digest = ["job", "stage", "share", "at", "said"], hashlib.sha256(told).hexdigest()
    manifest["tables"]["job_progress"] = {"rows": 1, "columns": columns, "sha256": digest}
    (tmp_path / "export" / MANIFEST).write_text(json.dumps(manifest))
    with Store.open(server.url, f"{store.tenant}_new") as new:
        found = import_store(new, tmp_path / "export")
        assert (found["users"], "job_progress" in found) == (1, False)
        assert new.counts()["users"] == 1


def test_lists_of_who_is_being_forgotten_are_not_written_and_wait_for_nobody(store: Store) -> None:
    store.upsert_users([User("ann"), User("bob")])
    log = ImpressionLog(store)
    lists = [
        Impression(impression_id(1.7e9, n), 1.7e9, row, "0001", "home", (), (), "{}")
        for n, row in enumerate((0, 1, -1))
    ]
    with store.transaction() as connection:
        connection.execute("DELETE FROM users WHERE id = 'ann'")
        assert log.write(lists) == [False, True, True]
    assert log.write(lists[:1]) == [False]
    assert {one.user_row for one in log.newest(9)} == {1, -1}


def test_a_month_begins_while_somebody_reads_the_log(store: Store) -> None:
    log = ImpressionLog(store)
    at = (1.7e9, 1.7e9 + 40 * 86_400)
    first, second = (Impression(impression_id(t, 1), t, -1, "0001", "home", (), (), b"{}") for t in at)
    assert log.write([first]) == [True]
    with store.transaction() as reader:
        reader.execute("SELECT count(*) FROM impressions")
        assert log.write([second], seconds=5) == [True]
    with store.reading() as connection:
        theirs = "FROM pg_indexes WHERE schemaname = current_schema() AND tablename ~ '^impressions_'"
        indexed = connection.execute(f"SELECT count(*) {theirs}").fetchone()
    assert indexed == (4,), "both months have the key and the index by person"


def test_a_month_that_is_read_leaves_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ImpressionLog(store)
    log.write([Impression(impression_id(1.7e9, 1), 1.7e9, -1, "0001", "home", (), (), b"{}")])
    monkeypatch.setattr(impression_log, "TRIES", 0)
    with store.transaction() as reader:
        reader.execute("SELECT count(*) FROM impressions")
        with pytest.raises(Unavailable, match="impressions_2023_11"):
            log.drop_before(1.8e9)
        assert len(log.newest(9)) == 1
    assert log.drop_before(1.8e9) == {"impressions_2023_11": 1}
    assert log.drop_before(1.8e9) == {}


def test_old_months_of_lists_are_dropped_whole(store: Store) -> None:
    log = ImpressionLog(store)
    moments = [1.7e9, 1.7e9 + 40 * 86_400, 1.7e9 + 80 * 86_400]  # 14 Nov 2023, 24 Dec, 2 Feb 2024
    for at in moments:
        log.write([Impression(impression_id(at, 1), at, -1, "0001", "home", (1, 2), (1.0, 1.0), b"{}")])
    names = [impression_id(at, 1).hex for at in moments]
    assert all(log.get(name).items == (1, 2) for name in names)
    assert log.drop_before(moments[1] + 30 * 86_400) == {"impressions_2023_11": 1, "impressions_2023_12": 1}
    for name in names[:2]:
        with pytest.raises(NotFound):
            log.get(name)
    assert log.get(names[2]).at == moments[2]
    store.vacuum()
