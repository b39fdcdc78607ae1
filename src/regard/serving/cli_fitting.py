"""Commands that fit: fit, evaluate, search."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group

from regard.serving.settings import now, read_settings
from regard.serving.terminal import AsJson, Folder, Seed, Slots, _, app, example, say


class How(StrEnum):
    """The splits that the command line offers."""

    time = "time"
    last = "last"
    random = "random"


class Pruning(StrEnum):
    """When a fit of a search is stopped early."""

    median = "median"
    halving = "halving"
    none = "none"


class Variety(StrEnum):
    """What a search calls variety."""

    coverage = "coverage"
    diversity = "diversity"


@app.command(
    help=_("Fit every source and their blend on all that the store knows; past its gate the result goes live."),
    epilog=example("regard fit"),
)
def fit(
    tensorboard: Annotated[
        Path | None,
        typer.Option("--tensorboard", help=_("Also write the figures of each epoch there, for TensorBoard.")),
    ] = None,
    mlflow: Annotated[str, typer.Option("--mlflow", help=_("Also send them to MLflow: the URL of a store."))] = "",
    folder: Folder = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """A new release."""
    from regard.domain.run import Run
    from regard.learning import trackers
    from regard.serving import fitting_screens, judging, release_screens, screens, tuning
    from regard.serving.installation import Installation

    console = Console(stderr=True)
    tracked = [fitting_screens.told(console, _)]
    if tensorboard is not None:
        tracked.append(trackers.tensorboard(tensorboard, now))
    if mlflow:
        tracked.append(trackers.mlflow(mlflow, "regard", "fit"))
    with Installation.open(read_settings(folder)) as here, screens.progress(console) as tell:
        run = Run(seed=seed, progress=tell, tracker=trackers.both(*tracked))
        data = here.dataset(tell)
        judge, tune = partial(judging.by_log, here), tuning.tune_of(here, data)
        release = here.fit(data, run, judge=judge, tune=tune)
        row = here.promotions.row(release.name)
    answer = {"release": release.name, "moment": release.moment, "state": row.state, **release.figures}
    if row.state == "live":
        say(answer, screens.fitted(answer, _), as_json)
        return
    refused = {"name": row.name, "state": row.state, "gate": list(row.gate)}
    say({**answer, "gate": refused["gate"]}, release_screens.fitted(refused, _), as_json)
    raise typer.Exit(1)


@app.command(
    help=_("How good are the lists, and the chances of likes and dislikes, on events that no source has seen."),
    epilog=example("regard evaluate --split last --html report.html"),
)
def evaluate(
    split: Annotated[How, typer.Option("--split", help=_("Which events judge."))] = How.time,
    k: Slots = 10,
    html: Annotated[Path | None, typer.Option("--html", help=_("Also write a page with plots."))] = None,
    folder: Folder = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Figures on unseen events."""
    from regard.domain.run import Run
    from regard.serving import comparing, labels, screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here, screens.progress(Console(stderr=True)) as tell:
        data = here.dataset(tell)
        run = Run(seed=seed, progress=tell)
        judging = comparing.cut(data, split.value, seed)
        report, blend = comparing.compare(judging, here.recipes(data), k, run)
        told = labels.judged(judging, blend.sources, run)
    if html is not None:
        report.to_html(html)
    also = {} if told is None else {"labels": json.loads(told.to_json())}
    say({**json.loads(report.to_json()), **also}, Group(report, *([] if told is None else [told])), as_json)


@app.command(
    help=_("Try settings of one source; keep what is worth choosing between accuracy, variety and latency."),
    epilog=example("regard search ease --trials 30 --out found/"),
)
def search(
    source: Annotated[str, typer.Argument(help=_("The source's name in regard.toml; its space: [search.NAME]."))],
    trials: Annotated[int, typer.Option("--trials", min=1, help=_("How many settings, earlier ones included."))] = 20,
    split: Annotated[How, typer.Option("--split", help=_("Which events judge."))] = How.time,
    k: Slots = 10,
    variety: Annotated[Variety, typer.Option("--variety", help=_("What counts as variety."))] = Variety.coverage,
    pruning: Annotated[Pruning, typer.Option("--pruning", help=_("When a fit is stopped early."))] = Pruning.median,
    out: Annotated[Path | None, typer.Option("--out", help=_("Write all trials and a page with plots here."))] = None,
    folder: Folder = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """The Pareto front of one source's settings."""
    from regard.domain.run import Run
    from regard.learning.found_page import write
    from regard.learning.search import Rules
    from regard.learning.search import search as look
    from regard.serving import comparing, fitting_screens, screens
    from regard.serving.installation import Installation
    from regard.serving.recipes import decode_space, named

    settings, console = read_settings(folder), Console(stderr=True)
    with Installation.open(settings) as here, screens.progress(console) as tell:
        data = here.dataset(tell)
        recipe, space = named(here.recipes(data), source), decode_space(settings.recipes, source)
        kept = settings.folder / settings.tenant / "searches" / source
        run = Run(seed=seed, progress=tell, folder=kept, tracker=fitting_screens.told(console, _))
        rules = Rules(k, variety.value, pruning.value)
        found = look(recipe, space, comparing.cut(data, split.value, seed, tuned=True), trials, run=run, rules=rules)
    written = [str(path) for path in write(found, out)] if out is not None else []
    answer = {"source": source, **found.plain(), "written": written}
    say(answer, fitting_screens.searched(answer, _), as_json)
