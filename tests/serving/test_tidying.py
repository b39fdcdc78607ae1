"""Retention by regard.toml, by command and by the worker, over a served tenant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regard.data.keys import create_key
from regard.data.retention import Retention
from regard.domain.errors import InvalidInput
from regard.serving import jobs, tidying
from regard.serving.installation import Installation
from regard.serving.settings import Settings, now
from regard.serving.tidying import Tidying
from tests.serving.serving import RECIPES, client_of
from tests.serving.test_cli import _run
from tests.serving.test_replaying import replayed

DAYS = 86_400.0


def test_the_table() -> None:
    assert tidying.tidying({}) == Tidying(Retention(), "")  # nothing goes by itself
    assert tidying.tidying({"retention": {}}) == Tidying(Retention(), tidying.NIGHTLY)
    told = {"lists": 90, "events": 730, "schedule": "0 4 * * 0"}
    assert tidying.tidying({"retention": told}) == Tidying(Retention(90, 730), "0 4 * * 0")
    for wrong, said in (({"event": 1}, "event"), ({"events": "long"}, "events"), ({"schedule": "daily"}, "cron")):
        with pytest.raises(InvalidInput, match=said):
            tidying.tidying({"retention": wrong})


def test_what_is_old_is_gone_from_the_next_list_and_said(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with Installation.open(own) as here:
        key = create_key(here.store, "asker", "write")
        events = here.store.counts()["events"]
    with client_of(own) as client:
        client.bearing(key)
        assert client.list_for("u1", k=3)["dropped"]["seen"] == 8  # their events are of 2023
        client.post("/v1/events", json={"user": "u1", "item": "f1", "type": "like"})
        folder = ("--folder", str(own.folder))
        monkeypatch.setenv("REGARD_DATABASE_URL", str(own.database_url))
        monkeypatch.setenv("REGARD_TENANT", own.tenant)
        gone = _run(monkeypatch, "tidy", "--events", "30", *folder)["dropped"]
        assert gone == {"lists": 0, "events": events, "quarantine": 0, "item versions": 0, "weight versions": 0} | {
            "policies": 0
        }
        assert client.list_for("u1", k=3)["dropped"]["seen"] == 1
    verdicts = replayed(own, 2)
    assert (verdicts["same"], verdicts["gone"]) == (1, 1)
    assert verdicts["lists"][0]["why"].endswith("taken back or too old")


def test_the_worker_does_what_the_table_says(own: Settings) -> None:
    pytest.importorskip("procrastinate", reason="needs the extra `fitting`")
    from procrastinate import App, SyncPsycopgConnector

    kept = {"retention": {"events": 30.0}}
    with Installation.open(replace(own, recipes=RECIPES | kept)) as here:
        app = App(connector=SyncPsycopgConnector(**jobs._road(here)))
        jobs._tasks(app, here, planned=True)
        assert app.periodic_registry.periodic_tasks[("tidy", "")].cron == tidying.NIGHTLY
        assert tidying.tidy(here, at=now() - 10_000 * DAYS)["events"] == 0
        assert tidying.tidy(here)["events"] > 0
    with Installation.open(own) as here:
        app = App(connector=SyncPsycopgConnector(**jobs._road(here)))
        jobs._tasks(app, here, planned=True)
        assert ("tidy", "") not in app.periodic_registry.periodic_tasks
