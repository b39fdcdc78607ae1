"""The command that simulates: the corridor and its training in a loop with a town, drawn round by round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from regard.serving.settings import read_settings
from regard.serving.terminal import AsJson, Folder, Seed, Slots, _, app, example, say


@app.command(
    help=_("What a feedback loop would do to your lists: greedy beside your policy, in a town of simulated people."),
    epilog=example("regard simulate --rounds 30 --out loop/"),
)
def simulate(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help=_("How often everybody's lists are made anew."))] = 30,
    people: Annotated[int, typer.Option("--people", min=10, help=_("How many people live there."))] = 600,
    items: Annotated[int, typer.Option("--items", min=20, help=_("How many items there are."))] = 500,
    visitors: Annotated[int, typer.Option("--visitors", min=1, help=_("How many people come in a round."))] = 200,
    k: Slots = 10,
    out: Annotated[Path | None, typer.Option("--out", help=_("Write all rounds, a table and a plot here."))] = None,
    folder: Folder = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Five loops from one start; no store is opened."""
    from regard.measurement.population import TownItems
    from regard.measurement.simulator import TownRecipe
    from regard.serving import loops, screens, simulating_screens
    from regard.serving.recipes import decode_policy
    from regard.serving.simulating import Simulation

    exploration = decode_policy(read_settings(folder).recipes)
    town, things = TownRecipe(people=people), TownItems.invented(items, seed=seed)
    asked = Simulation(town, things, rounds, visitors, k, events=20 * people, seed=seed)
    with screens.progress(Console(stderr=True)) as tell:
        found = loops.compare(asked, exploration, tell)
    answer = {**found.plain(), "written": [str(path) for path in found.write(out)] if out is not None else []}
    say(answer, simulating_screens.simulated(answer, _), as_json)
