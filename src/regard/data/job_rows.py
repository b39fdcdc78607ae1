"""Jobs as people see them: what waits, what is at work and how far it has come, read beside the queue's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.domain.errors import NotFound

if TYPE_CHECKING:
    from regard.data.postgres import Store

SILENT = 10.0  # seconds without a heartbeat after which the process of a job is taken for dead
LOCK = 7_203_002  # one installer of the queue's tables at a time
JOBS = """SELECT j.id, j.task_name, CASE
        WHEN j.status = 'doing' AND (w.last_heartbeat > now() - %s * interval '1 s') IS NOT TRUE THEN 'stalled'
        WHEN j.status = 'doing' AND j.abort_requested THEN 'aborting' ELSE j.status::text END,
    j.args, j.attempts, p.stage, p.share, p.at, coalesce(p.said, '')
    FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    LEFT JOIN job_progress p ON p.job = j.id ORDER BY j.id DESC LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Job:
    """One job: its `state` (todo, doing, stalled, aborting, succeeded, failed, cancelled, aborted), what was asked,
    how often it began, and the stage that it has reached: the share done, when (unix seconds), and what came of it."""

    id: int
    name: str
    state: str
    asked: Mapping[str, Any]
    attempts: int
    stage: str | None
    share: float | None
    at: float | None
    said: str


def install_queue(store: Store, tables: str) -> None:
    """The queue's own tables by their SQL, if they are not there."""
    with store.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        found = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            connection.execute(tables.encode())


def jobs(store: Store, limit: int = 50) -> list[Job]:
    """The newest jobs; none where the queue has never been used."""
    with store.transaction() as connection:
        found = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            return []
        return [Job(*row) for row in connection.execute(JOBS.encode(), (SILENT, limit))]


def job(store: Store, number: int) -> Job:
    """One job, or NotFound."""
    found = next((one for one in jobs(store, 10_000) if one.id == number), None)
    if found is None:
        raise NotFound("job", "the number of a job", str(number), "See: regard jobs")
    return found


def forget_done(store: Store, names: Sequence[str]) -> int:
    """Take the jobs of these names that ended well out of the list; how many that were."""
    with store.transaction() as connection:
        found = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            return 0
        gone = "DELETE FROM procrastinate_jobs WHERE task_name = ANY(%s) AND status = 'succeeded'"
        return connection.execute(gone.encode(), (list(names),)).rowcount


def tell_progress(store: Store, number: int, stage: str, share: float, at: float, said: str) -> None:
    """Where a job stands."""
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO job_progress VALUES (%s, %s, %s, %s, %s) ON CONFLICT (job) DO UPDATE "
            "SET stage = excluded.stage, share = excluded.share, at = excluded.at, said = excluded.said",
            (number, stage, share, at, said),
        )
