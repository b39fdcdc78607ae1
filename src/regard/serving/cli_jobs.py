"""Commands on jobs: retrain, jobs, jobs cancel, jobs work."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from regard.serving.settings import read_settings
from regard.serving.terminal import AsJson, Folder, _, app, example, say

jobs = typer.Typer(help=_("Jobs: what waits, what is at work and how far, what is done; `work` does them."))
app.add_typer(jobs, name="jobs")


@app.command(
    help=_("Fit a new release from what is new (or from everything), try it, and let it through as regard.toml says."),
    epilog=example("regard retrain --full"),
)
def retrain(
    full: Annotated[bool, typer.Option("--full", help=_("Learn everything anew, also without new events."))] = False,
    later: Annotated[bool, typer.Option("--later", help=_("Only queue it: `regard jobs work` does it."))] = False,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One job, done here and now unless `--later`."""
    from dataclasses import asdict

    from regard.data.job_rows import job
    from regard.serving import jobs as queue
    from regard.serving import release_screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        number = queue.ask_for_retrain(here, full)
        if not later:
            queue.work(here, once=True)
        found = asdict(job(here.store, number))
    say(found, release_screens.jobs([found], _), as_json)
    if found["state"] == "failed":
        raise typer.Exit(1)


@jobs.callback(invoke_without_command=True, epilog=example("regard jobs"))
def list_(context: typer.Context, folder: Folder = None, as_json: AsJson = False) -> None:
    """The newest jobs."""
    from dataclasses import asdict

    from regard.data.job_rows import jobs as read
    from regard.data.postgres import Store
    from regard.serving import release_screens

    if context.invoked_subcommand is not None:
        return
    settings = read_settings(folder)
    with Store.open(settings.store, settings.tenant) as store:
        found = [asdict(one) for one in read(store)]
    say({"jobs": found}, release_screens.jobs(found, _), as_json)


@jobs.command(help=_("Take a job out of the queue, or stop it at work."), epilog=example("regard jobs cancel 3"))
def cancel(
    number: Annotated[int, typer.Argument(help=_("The job's number."))], folder: Folder = None, as_json: AsJson = False
) -> None:
    """One job less; what is live stays."""
    from regard.serving import jobs as queue
    from regard.serving.installation import Installation
    from regard.serving.vocabulary import vocabulary

    with Installation.open(read_settings(folder)) as here:
        state = queue.cancel(here, number)
    said = _("Job {number}: {state}").format(number=number, state=vocabulary(_).get(state, state))
    say({"id": number, "state": state}, Text(said), as_json)


@jobs.command(
    help=_("Do the jobs: retraining that waits, is planned or follows drift, and the looks of the guard."),
    epilog=example("regard jobs work"),
)
def work(
    once: Annotated[bool, typer.Option("--once", help=_("Stop when nothing waits."))] = False, folder: Folder = None
) -> None:
    """Until Ctrl-C."""
    from regard.serving import jobs as queue
    from regard.serving.installation import Installation
    from regard.serving.running import log_as_json

    log_as_json()
    with Installation.open(read_settings(folder)) as here:
        queue.work(here, once)
