"""Jobs: a retrain goes its stages, survives a kill, is cancelled, follows drift; what is live stays meanwhile."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from regard.data.job_rows import Job, job
from regard.data.job_rows import jobs as all_jobs
from regard.data.translations import translator
from regard.domain.errors import Conflict, NotFound
from regard.domain.records import Event
from regard.serving import jobs, release_screens, releasing, watching
from regard.serving.installation import Installation
from regard.serving.settings import Settings, now
from tests.serving.processes import until
from tests.serving.serving import RECIPES
from tests.serving.test_cli import _run

pytest.importorskip("procrastinate", reason="needs the extra `fitting`")
ALONE = {"releases": {"approval": "automatic"}}


def _done(here: Installation, full: bool = False) -> Job:
    number = jobs.ask_for_retrain(here, full)
    jobs.work(here, once=True)
    return job(here.store, number)


def _states(here: Installation) -> dict[str, str]:
    return {line["name"]: line["state"] for line in releasing.listing(here)}


def test_a_retrain_waits_for_a_person_unless_told_otherwise(own: Settings) -> None:
    with Installation.open(own) as here:
        assert all_jobs(here.store) == []
        with pytest.raises(NotFound, match="regard jobs"):
            job(here.store, 7)
        found = _done(here, full=True)
        assert (found.state, found.stage, found.said) == ("succeeded", "done", "release 0002 waits for approval")
        assert _states(here) == {"0001": "live", "0002": "candidate"}
        assert not list((own.folder / own.tenant / "jobs").iterdir())  # nothing is left behind
        with pytest.raises(Conflict, match="succeeded"):
            jobs.cancel(here, found.id)
    with Installation.open(replace(own, recipes=RECIPES | ALONE)) as here:
        assert _done(here, full=True).said == "release 0003 is live"
        assert _states(here) == {"0001": "retired", "0002": "candidate", "0003": "live"}


def test_an_incremental_one_needs_something_new_and_keeps_what_was_learned(own: Settings) -> None:
    with Installation.open(replace(own, recipes=RECIPES | ALONE)) as here:
        assert _done(here).said == "nothing new since release 0001"
        here.store.append([Event("u1", "f0", "like", time=now() + 86_400)])
        assert _done(here).said == "nothing new since release 0001"  # before it has happened
        here.store.append([Event(f"u{n}", f"f{n % 40}", "like", time=1.75e9 + n) for n in range(40)])
        assert _done(here).said == "release 0002 is live"
        one, two = here.releases.get("0001"), here.releases.get("0002")
        assert two.figures["weights"] == one.figures["weights"]
        assert two.figures["events"] == one.figures["events"] + 40
        assert two.moment == 1.75e9 + 39
        assert here.model("0002").sources["ease"] != here.model("0001").sources["ease"]


def test_a_worse_recipe_is_refused_by_the_job_too(own: Settings) -> None:
    worse = {"sources": {"popular": {"kind": "popularity"}}}
    with Installation.open(replace(own, recipes=worse | ALONE)) as here:
        assert "release 0002 refused: accuracy, everybody" in _done(here, full=True).said
        assert _states(here) == {"0001": "live", "0002": "refused"}


def _slow(own: Settings) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.serving.slow_retrain", str(own.folder), str(own.database_url), own.tenant]
    return subprocess.Popen(words, cwd=Path(__file__).parents[2])


def test_a_kill_leaves_what_is_live_and_the_job_goes_on_where_it_stood(own: Settings) -> None:
    with Installation.open(own) as here:
        before = here.releases.live()
        number = jobs.ask_for_retrain(here, full=True)
        process = _slow(own)
        try:
            until(lambda: "dawdle" in (job(here.store, number).stage or ""), seconds=60)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert here.releases.live() == before
        assert _states(here) == {"0001": "live"}
        until(lambda: job(here.store, number).state == "stalled", seconds=30)
        assert (own.folder / own.tenant / "jobs" / str(number) / "trial" / "trial.json").is_file()
        again: list[object] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("regard.serving.trying.trial", lambda *asked: again.append(asked))
            jobs.work(here, once=True)
        found = job(here.store, number)
        assert (found.state, found.attempts, found.said) == ("succeeded", 2, "release 0002 waits for approval")
        assert not again  # the trial was kept
        assert _states(here) == {"0001": "live", "0002": "candidate"}


def test_a_job_that_works_is_stopped_and_one_that_waits_is_taken_out(own: Settings) -> None:
    with Installation.open(own) as here:
        number = jobs.ask_for_retrain(here, full=True)
        with pytest.raises(Conflict, match="waits already"):
            jobs.ask_for_retrain(here)
        assert jobs.cancel(here, number) == "cancelled"
        number = jobs.ask_for_retrain(here, full=True)
        process = _slow(own)
        try:
            until(lambda: "dawdle" in (job(here.store, number).stage or ""), seconds=60)
            assert jobs.cancel(here, number) == "aborting"
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        assert job(here.store, number).state == "aborted"
        assert not (own.folder / own.tenant / "jobs" / str(number)).exists()
        assert _states(here) == {"0001": "live"}
        assert _done(here, full=True).state == "succeeded"  # the road is free again


def test_a_job_that_fails_says_why(own: Settings) -> None:
    broken = {"sources": {"ease": {"kind": "ease", "l2": -1.0}}}
    with Installation.open(replace(own, recipes=broken)) as here:
        found = _done(here, full=True)
        assert (found.state, found.stage) == ("failed", "failed")
        assert "l2" in found.said
        assert _states(here) == {"0001": "live"}


def test_a_worker_that_is_told_to_stop_puts_its_job_back(own: Settings) -> None:
    with Installation.open(own) as here:
        number = jobs.ask_for_retrain(here, full=True)
        process = _slow(own)
        try:
            until(lambda: "dawdle" in (job(here.store, number).stage or ""), seconds=60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        assert job(here.store, number).state == "todo"
        jobs.work(here, once=True)
        assert job(here.store, number).said == "release 0002 waits for approval"


def test_drift_asks_for_a_retrain_once(own: Settings) -> None:
    with Installation.open(own) as here:
        live = here.releases.live()
        assert live is not None
        at = live.moment + 3 * 86_400
        assert watching.drift(here, at) == ()  # nothing has happened since
        few = [Event(f"u{n % 60}", f"f{n % 40}", "scroll", time=live.moment + 60 * n) for n in range(400)]
        here.store.append(few)
        raised = {one.name: one.verdict for one in watching.drift(here, at)}
        assert raised["data: event type"] == "fails"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("regard.serving.watching.now", lambda: at)
            assert "alarms: data: event type" in jobs.look(here)
            jobs.look(here)  # one waits already
        (asked,) = all_jobs(here.store)
        assert (asked.state, asked.asked["why"][:6]) == ("todo", "drift:")


def test_the_commands(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGARD_DATABASE_URL", str(own.database_url))
    monkeypatch.setenv("REGARD_TENANT", own.tenant)
    (own.folder / "regard.toml").write_text('[sources.ease]\nkind = "ease"\nl2 = 5.0\n')
    folder = ("--folder", str(own.folder))
    assert _run(monkeypatch, "jobs", *folder) == {"jobs": []}
    asked = _run(monkeypatch, "retrain", "--later", *folder)
    assert (asked["state"], asked["name"]) == ("todo", "retrain")
    assert _run(monkeypatch, "jobs", "cancel", str(asked["id"]), *folder)["state"] == "cancelled"
    done = _run(monkeypatch, "retrain", "--full", *folder)
    assert done["state"] == "succeeded"
    listed = _run(monkeypatch, "jobs", *folder)["jobs"]
    assert [one["state"] for one in listed] == ["succeeded", "cancelled"]
    out = io.StringIO()
    Console(file=out, width=160).print(release_screens.jobs(listed, translator("zh")))
    assert "retrain" in out.getvalue()
