"""Jobs: a queue in the store; retraining on demand, on a schedule and on drift, and the looks of the guard."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from regard.data import job_rows
from regard.domain.errors import Conflict, Unavailable
from regard.domain.run import Progress
from regard.feedback.drift import alarms
from regard.serving import believing, tidying, watching
from regard.serving.installation import Installation
from regard.serving.retraining import Retraining
from regard.serving.settings import now

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.job_context import JobContext

QUEUE, RETRAIN, LOOK, PLANNED, TIDY = "regard", "retrain", "look", "planned retrain", "tidy"
HEARTBEAT, POLL = 2.0, 0.5  # seconds between two signs of life, and between two looks at the queue
TOLD = 0.2  # seconds between two notes of how far a job is
DONE = ("succeeded", "failed", "cancelled", "aborted")

log = structlog.get_logger("regard.jobs")


def ask_for_retrain(here: Installation, full: bool = False, why: str = "asked for") -> int:
    """One more job; its number. Conflict where one waits already."""
    from procrastinate import App, SyncPsycopgConnector
    from procrastinate.exceptions import AlreadyEnqueued

    _install(here)
    app = App(connector=SyncPsycopgConnector(**_road(here)))
    with app.open():
        task = app.configure_task(RETRAIN, queue=QUEUE, lock=RETRAIN, queueing_lock=RETRAIN)
        try:
            return int(task.defer(full=full, why=why))
        except AlreadyEnqueued as error:
            raise Conflict("regard retrain", "none waiting", "one waits already", "See: regard jobs") from error


def cancel(here: Installation, number: int) -> str:
    """Take a job out of the queue, or ask it to stop; its state then. Conflict where it is over."""
    from procrastinate import App, SyncPsycopgConnector

    found = job_rows.job(here.store, number)
    if found.state in DONE:
        raise Conflict(f"job {number}", "one that waits or works", found.state)
    app = App(connector=SyncPsycopgConnector(**_road(here)))
    with app.open():
        app.job_manager.cancel_job_by_id(number, abort=True)
    state = job_rows.job(here.store, number).state
    if state == "cancelled":  # what is at work takes its own folder away
        shutil.rmtree(_folder(here, number), ignore_errors=True)
    return state


def work(here: Installation, once: bool = False) -> None:
    """Do what waits; with `once` until nothing does, else until told to stop (SIGTERM, SIGINT).

    Jobs whose process is gone are taken up again first, where they stood.
    """
    _install(here)
    asyncio.run(_work(here, once))


def look(here: Installation) -> str:
    """The guard judges the release on trial, the policy learns from what was shown, and where the world or the lists
    have drifted, a retrain is asked for."""
    job_rows.forget_done(here.store, (LOOK, PLANNED))  # what they led to is a job of its own
    done, _ = watching.guard(here)
    believing.learn(here)
    seen = watching.drift(here)
    log.info("drift", tenant=here.store.tenant, **{one.name: [one.value, one.bound, one.verdict] for one in seen})
    raised = [one.name for one in alarms(seen)]
    if raised and here.promotions.canary() is None and not _waiting(here):
        ask_for_retrain(here, why=f"drift: {', '.join(raised)}")
    return f"guard: {done}; alarms: {', '.join(raised) or 'none'}"


async def _work(here: Installation, once: bool) -> None:
    from procrastinate import App, PsycopgConnector

    app = App(connector=PsycopgConnector(**_road(here)), periodic_defaults={"max_delay": 3600})
    _tasks(app, here, planned=not once)
    async with app.open_async():
        await _revive(app)
        reviving = None if once else asyncio.create_task(_keep_reviving(app))
        try:
            await app.run_worker_async(
                queues=[QUEUE],
                wait=not once,
                fetch_job_polling_interval=POLL,
                abort_job_polling_interval=POLL,
                update_heartbeat_interval=HEARTBEAT,
                stalled_worker_timeout=job_rows.SILENT,
                shutdown_graceful_timeout=2.0,
                listen_notify=False,
            )
        finally:
            if reviving is not None:
                reviving.cancel()


def _tasks(app: App, here: Installation, planned: bool) -> None:
    """What can be asked for by name, and with `planned` what comes by itself."""
    from procrastinate import RetryStrategy
    from procrastinate.exceptions import JobAborted

    rules, again = here.rules, RetryStrategy(retry_exceptions=[JobAborted])  # a worker that stops puts its job back

    @app.task(name=RETRAIN, queue=QUEUE, lock=RETRAIN, queueing_lock=RETRAIN, pass_context=True, retry=again)
    def retrain(context: JobContext, full: bool, why: str) -> str:
        return _retrain(here, context, full)

    def by_clock(timestamp: int) -> str:
        return look(here)

    def by_plan(timestamp: int) -> None:
        if here.promotions.canary() is None and not _waiting(here):
            ask_for_retrain(here, why="planned")

    def by_night(context: JobContext, timestamp: int) -> str:
        said = ", ".join(f"{n} {what}" for what, n in tidying.tidy(here).items())
        job_rows.tell_progress(here.store, int(context.job.id or 0), "done", 1.0, now(), said)
        return said

    if planned:
        app.periodic(cron=f"*/{rules.look} * * * *")(app.task(name=LOOK, queue=QUEUE, queueing_lock=LOOK)(by_clock))
    if planned and (night := tidying.tidying(here.settings.recipes).schedule):
        tidy = app.task(name=TIDY, queue=QUEUE, queueing_lock=TIDY, pass_context=True)(by_night)
        app.periodic(cron=night)(tidy)
    if planned and rules.schedule:
        app.periodic(cron=rules.schedule)(app.task(name=PLANNED, queue=QUEUE, queueing_lock=PLANNED)(by_plan))


def _retrain(here: Installation, context: JobContext, full: bool) -> str:
    """One job; what came of it, good or bad, is kept for people to read."""
    from procrastinate.exceptions import JobAborted
    from procrastinate.job_context import AbortReason

    number = int(context.job.id or 0)
    folder = _folder(here, number)
    try:
        said = Retraining(here, folder, full, _teller(here, number, context)).run()
    except JobAborted:
        if context.abort_reason() == AbortReason.USER_REQUEST:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    except Exception as error:
        job_rows.tell_progress(here.store, number, "failed", 0.0, now(), " ".join(str(error).split())[:300])
        raise
    job_rows.tell_progress(here.store, number, "done", 1.0, now(), said)
    return said


def _teller(here: Installation, number: int, context: JobContext) -> Progress:
    """Notes how far a job is, and stops it where somebody asked for that."""
    from procrastinate.exceptions import JobAborted

    last = ("", 0.0)

    def tell(stage: str, share: float) -> None:
        nonlocal last
        if context.should_abort():
            raise JobAborted
        if stage != last[0] or time.monotonic() - last[1] >= TOLD:
            last = (stage, time.monotonic())
            job_rows.tell_progress(here.store, number, stage, share, now(), "")

    return tell


async def _revive(app: App) -> None:
    """Jobs at work whose process shows no sign of life wait again."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=job_rows.SILENT):
        await app.job_manager.retry_job(job)


async def _keep_reviving(app: App) -> None:
    while True:
        await asyncio.sleep(job_rows.SILENT)
        await _revive(app)


def _waiting(here: Installation) -> bool:
    return any(one.name == RETRAIN and one.state not in DONE for one in job_rows.jobs(here.store))


def _folder(here: Installation, number: int) -> Path:
    """Where the stages of a job lie."""
    return here.settings.folder / here.settings.tenant / "jobs" / str(number)


def _road(here: Installation) -> dict[str, Any]:
    """The queue's own connections to this tenant's tables."""
    options = f'-c search_path="{here.store.tenant}",public'
    return {"conninfo": here.store.url, "kwargs": {"options": options}, "min_size": 1, "max_size": 4}


def _install(here: Installation) -> None:
    try:
        from procrastinate.schema import SchemaManager
    except ImportError as error:
        hint = "pip install 'regard[fitting]'"
        raise Unavailable("the job queue", "the extra `fitting`", "not installed", hint) from error
    job_rows.install_queue(here.store, SchemaManager.get_schema())
