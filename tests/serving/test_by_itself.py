"""The demo's loop: its settings say so, a process beside the server does it, and it ends with the server."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from regard.data.job_rows import job
from regard.domain.run import Run
from regard.serving import jobs
from regard.serving.by_itself import RULES, by_itself
from regard.serving.installation import Installation
from regard.serving.release_rules import release_rules
from regard.serving.settings import read_settings
from tests.serving.processes import until
from tests.serving.test_cli import catalogue

pytest.importorskip("procrastinate", reason="needs the extra `fitting`")
SOURCES = '[sources.ease]\nkind = "ease"\nl2 = 5.0\n'


def test_a_retrain_goes_live_while_nobody_does_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "regard.toml").write_text(SOURCES + RULES, "utf-8")
    settings = read_settings(tmp_path, {})
    monkeypatch.setenv(
        "REGARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing"
    )  # of a terminal; not the demo's
    with Installation.open(settings) as here:
        here.take_in(catalogue(tmp_path))
        here.fit(here.dataset(), Run())
        number = jobs.ask_for_retrain(here, full=True)
        with by_itself(settings):
            until(lambda: job(here.store, number).state == "succeeded", seconds=90)
        assert job(here.store, number).said == "release 0002 is live"
        assert (tmp_path / "regard.toml").read_text("utf-8").startswith(SOURCES)  # one's own rules stay


def test_the_rules_that_it_writes_are_read(tmp_path: Path) -> None:
    settings = replace(read_settings(tmp_path, {}), tenant="nobody")
    with by_itself(settings):
        pass
    rules = release_rules(tomllib.loads((tmp_path / "regard.toml").read_text("utf-8")))
    assert (rules.approval, rules.visit, rules.schedule) == ("automatic", 20.0, "*/4 * * * *")
    assert release_rules({}).approval == "person"  # elsewhere a person decides
