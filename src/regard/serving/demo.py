"""The demo, the main job from end to end: a catalogue, an audience, import, fit, evaluate, one person's list."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from regard.data.films import films
from regard.data.keys import create_key
from regard.data.postgres import Store
from regard.data.translations import translator
from regard.domain.dataset import Dataset
from regard.domain.run import Progress, Run
from regard.measurement.population import TownItems
from regard.measurement.report import Report
from regard.measurement.simulator import TownRecipe
from regard.measurement.tables import heading
from regard.serving import answers, comparing
from regard.serving.by_itself import by_itself
from regard.serving.installation import Installation
from regard.serving.running import Address, serve, when_ready
from regard.serving.settings import Settings, now
from regard.serving.visiting import Visitors

FILMS, EVENTS = 5_000, 90_000
START, END = 1_735_689_600.0, 1_767_225_600.0  # the year 2025, UTC
SHOWN = ("N@10", "R@10", "HR@10", "coverage", "novelty")


def fresh_folder() -> Path:
    """A new folder for one demo; it stays until somebody deletes it."""
    return Path(tempfile.mkdtemp(prefix="regard-demo-"))


def audience(folder: Path, seed: int) -> list[Path]:
    """Real films, and the year of a simulated town, as files in our own layout."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = films(FILMS)
    items = town_items(catalogue)
    happened = TownRecipe(seed=seed).build(items).visit(EVENTS, START, END)
    paths = [folder / "items.parquet", folder / "events.parquet"]
    catalogue.drop("notability").write_parquet(paths[0])
    happened.write_parquet(paths[1])
    return paths


def town_items(catalogue: pl.DataFrame) -> TownItems:
    """The films as the town knows them."""
    columns = (catalogue[name].to_list() for name in ("id", "tags", "creator", "notability"))
    return TownItems.of(*columns)


def stay_up(settings: Settings, address: Address, simulated: bool, seed: int, tell: Callable[[], None]) -> None:
    """Serve the demo with its page until told to stop, and `tell` once it answers.

    The simulated town goes on visiting it; releases come and go.
    """
    settings = replace(settings, database_url=None, tenants=())
    visitors = None
    if simulated:
        with Store.open(settings.store, settings.tenant) as store:
            key = create_key(store, f"town {now():.3f}", "write")
        town = TownRecipe(seed=seed).build(town_items(films(FILMS)))
        visitors = Visitors(town, address.url, key)
        visitors.start()
    try:
        with by_itself(settings):
            when_ready(address, tell)
            serve(settings, address, page=True)
    finally:
        if visitors is not None:
            visitors.stop()


def show(settings: Settings, data: Path | None, seed: int, tell: Progress) -> dict[str, Any]:
    """Everything that `regard demo` shows, as one JSON object; always in the folder's own store, never in yours."""
    yours, settings = settings.database_url, replace(settings, database_url=None)
    tell("simulate an audience" if data is None else "look at the data", 0.0)
    paths = [data] if data else audience(settings.folder / "demo", seed)
    with Installation.open(settings) as here:
        report = here.take_in(paths, tell)
        known = here.dataset(tell)
        run = Run(seed=seed, progress=tell)
        figures, blend = comparing.compare(comparing.cut(known, "last"), here.recipes(known), 10, run)
        release = here.fit(known, replace(run, warm_start=blend))
        user = known.users[somebody(known)]
        answer = answers.recommend(here, user, 10)
        return {
            "about": _about(settings, known, simulated=data is None),
            "simulated": data is None,
            **answer,
            "history": answers.history(here, user, 8),
            "why_not": answers.missed(here, user, answer),
            "metrics": [_headline(row) for row in figures.metrics()],
            "slices": [_slices(figures, model) for model in figures.models],
            "metrics_title": f"{figures.split}: {heading(figures)}",
            "split_sha256": figures.sha256,
            "release": release.name,
            "imported": report.to_json(),
            "folder": str(settings.folder),
            "next": _next(settings, user, answer, apart=yours is not None),
        }


def somebody(data: Dataset) -> int:
    """A person worth showing: of those with 20 to 60 liked items, the one whose likes are most of one kind."""
    liked = data.matrix()
    counts = np.diff(liked.indptr)
    wanted = np.flatnonzero((counts >= 20) & (counts <= 60))
    if not len(wanted):
        return int(np.argmax(counts))
    tags = data.item_column("tags") or [None] * len(data.items)
    kinds = {name: code for code, name in enumerate(sorted({t for own in tags for t in own or ()}))}
    if not kinds:
        return int(wanted[0])
    table = np.zeros((len(tags), len(kinds)))
    for row, own in enumerate(tags):
        table[row, [kinds[t] for t in own or ()]] = 1.0
    usual = table.mean(axis=0)
    shares = (liked[wanted] @ table) / counts[wanted, None]
    return int(wanted[np.argmax((shares - usual).max(axis=1))])


def _headline(row: dict[str, Any]) -> dict[str, Any]:
    return {"model": row["model"], "metrics": {name: row["metrics"][name] for name in SHOWN if name in row["metrics"]}}


def _slices(figures: Report, model: str) -> dict[str, Any]:
    """The leading metric of one model for each kind of people and of items."""
    found = {part: figures.value(model, SHOWN[0], part) for part in figures.slices}
    return {"model": model, "metrics": {part: None if isnan(value) else value for part, value in found.items()}}


def _about(settings: Settings, data: Dataset, simulated: bool) -> str:
    _ = translator(settings.language)
    said = _("{items} items, {users} people, {events} events, in an embedded PostgreSQL at {folder}.").format(
        items=len(data.items), users=len(data.users), events=len(data.events), folder=settings.folder
    )
    if simulated:
        said += " " + _(
            "The films are real (Wikidata, CC0). The people are simulated: a town with taste, mood and habits."
        )
    return said


def _next(settings: Settings, user: str, answer: dict[str, Any], apart: bool) -> list[str]:
    """Commands that work as they stand on what the demo has left; `apart` from a database that the terminal names."""
    regard = "env -u REGARD_DATABASE_URL regard" if apart else "regard"
    here = shlex.join(["--folder", str(settings.folder)])
    first = shlex.quote(answer["items"][0]["id"] if answer["items"] else "")
    user = shlex.quote(user)
    return [
        f"{regard} explain {user} {first} {here}",
        f"{regard} similar {first} {here}",
        f"{regard} evaluate --split time --html report.html {here}",
        "regard import YOUR_FILES && regard fit && regard recommend SOMEBODY",
    ]
