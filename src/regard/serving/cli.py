"""The command line: import, fit, evaluate, recommend, explain; every command has an example and --json."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import quote

import typer
from rich.console import Console
from rich.text import Text

from regard.domain.errors import Conflict, InvalidInput, NotFound, RegardError, Unavailable
from regard.serving import cli_asking, cli_fitting, cli_jobs, cli_releases, cli_serving, cli_simulating
from regard.serving.settings import read_settings, spoken_language
from regard.serving.stopping import leave_on_sigterm
from regard.serving.terminal import AsJson, Folder, Person, Seed, Slots, Thing, _, app, example, say

__all__ = ["app", "cli_asking", "cli_fitting", "cli_jobs", "cli_releases", "cli_serving", "cli_simulating", "main"]

Misused: type[Exception] = typer.BadParameter.__bases__[0]  # every error in the words of a command
EXIT_CODES = {InvalidInput: 2, NotFound: 3, Conflict: 4, Unavailable: 5}


def main() -> None:
    """Run the command; an error is said once, in words or as JSON, with its exit code."""
    leave_on_sigterm()
    try:
        code = app(standalone_mode="--json" not in sys.argv)
    except RegardError as error:
        _fail(error)
    except Misused as error:
        said = getattr(error, "format_message", error.__str__)()
        _fail(InvalidInput("the command line", "what --help lists", said, "See: regard COMMAND --help"))
    except BrokenPipeError:  # who reads us has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where, said = str(error.filename or "the disk"), error.strerror or str(error)
        _fail(Unavailable(where, "a place that can be read and written", said, "Check path, rights and free space."))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(error: RegardError) -> NoReturn:
    if "--json" in sys.argv:
        body = {"where": error.where, "expected": error.expected, "got": error.got, "hint": error.hint}
        sys.stdout.write(json.dumps({"error": body}, ensure_ascii=False) + "\n")
    else:
        Console(stderr=True).print(Text.assemble(("✗ ", "red"), str(error)))
    sys.exit(EXIT_CODES.get(type(error), 1))


@app.command(
    help=_("Show a working recommender: a real catalogue, a list with reasons, a quality table."),
    epilog=example("regard demo --data ml-100k/"),
)
def demo(
    data: Annotated[Path | None, typer.Option("--data", help=_("Real data of any known layout instead."))] = None,
    up: Annotated[bool, typer.Option("--up", help=_("Then serve it, with a page to look at."))] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help=_("With --up: on which port."))] = 8000,
    folder: Folder = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """The main job on the films of the demo, or on `--data`."""
    from regard.serving import screens
    from regard.serving.demo import fresh_folder, show, stay_up
    from regard.serving.running import Address, must_be_free

    address = Address(port=port)
    if up:
        must_be_free(address)
    settings = read_settings(folder or fresh_folder())
    with screens.progress(Console(stderr=True)) as tell:
        answer = show(settings, data, seed, tell)
    say(answer, screens.demo(answer, _), as_json)
    if up:
        told = _("The demo is up: look at {url} (its page needs no key). Ctrl-C stops it.")
        told = told.format(url=f"{address.url}/?person={quote(answer['user'])}")
        stay_up(settings, address, data is None, seed, lambda: Console(stderr=True).print(told))


@app.command(
    "import",
    help=_("Import files or folders of any known layout; nothing is configured."),
    epilog=example("regard import ml-100k/")
    + "\n\n"
    + example('regard import sales.csv --map user=Customer --map item=Stock --type buy --time-form "%m/%d/%y"'),
)
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(help=_("CSV, JSONL, Parquet, .gz, folders of them; or an export.")),
    ],
    mapped: Annotated[list[str], typer.Option("--map", help=_("A column of other name: FIELD=COLUMN."))] = [],  # noqa: B006
    event: Annotated[str, typer.Option("--type", help=_("With --map: what its events are called."))] = "",
    time_form: Annotated[str, typer.Option("--time-form", help=_("With --map: how times are written."))] = "",
    precedence: Annotated[list[str], typer.Option(help=_("Whose word stays: FILE=NUMBER, the higher one."))] = [],  # noqa: B006
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Files into the store."""
    from dataclasses import asdict

    from regard.data.moving import is_export
    from regard.serving import screens, serving_screens, taking_in
    from regard.serving.installation import Installation

    if len(paths) == 1 and is_export(paths[0]):
        with Installation.open(read_settings(folder)) as here:
            moved = asdict(here.move_in(paths[0]))
        say(moved, serving_screens.moved(_("Moved in"), moved, _), as_json)
        return
    options = taking_in.options(mapped, event, time_form, precedence)
    with Installation.open(read_settings(folder)) as here, screens.progress(Console(stderr=True)) as tell:
        report = here.take_in(paths, tell, options).to_json()
    say(report, screens.imported(report, _), as_json)


@app.command(
    help=_("Rows that did not fit: how many, why; written out, they can be mended and imported again."),
    epilog=example("regard quarantine --out bad/"),
)
def quarantine(
    out: Annotated[Path | None, typer.Option("--out", help=_("Write the rows into this folder as JSONL."))] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """What the imports refused."""
    from regard.serving import screens, taking_in
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        answer = taking_in.refused(here.store, out)
    say(answer, screens.quarantined(answer, _), as_json)


@app.command(
    help=_("The list of one person now, each item with its reason."), epilog=example("regard recommend 42 -k 5")
)
def recommend(
    user: Person,
    k: Slots = 10,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One list."""
    from regard.serving import answers, screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        answer = answers.recommend(here, user, k)
    say(answer, screens.slate(answer, _), as_json)


@app.command(
    help=_("Why this item for this person: evidence, amounts, and what would take it away."),
    epilog=example("regard explain 42 50"),
)
def explain(
    user: Person,
    item: Thing,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One reason in full."""
    from regard.serving import answers, screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        answer = answers.explained(here, user, item)
    say(answer, screens.explained(answer, _), as_json)


@app.command(
    "why-not", help=_("Where an item fell on its way to this person's list."), epilog=example("regard why-not 42 100")
)
def why_not(
    user: Person,
    item: Thing,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One item that is not on the list."""
    from regard.serving import answers, screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        answer = answers.why_not(here, user, item)
    say(answer, screens.not_shown(answer, _), as_json)


@app.command(
    help=_("Items like this one, by content and by the people who chose them."), epilog=example("regard similar 50")
)
def similar(
    item: Thing,
    k: Slots = 10,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """More like this."""
    from regard.serving import answers, screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        answer = answers.similar(here, item, k)
    say(answer, screens.alike(answer, _), as_json)


@app.command(help=_("How much there is: people, items, events, releases."), epilog=example("regard stats"))
def stats(folder: Folder = None, as_json: AsJson = False) -> None:
    """Counts."""
    from regard.serving import screens
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        live = here.releases.live()
        answer = {**here.store.counts(), "releases": len(here.releases.names()), "live": live.name if live else None}
    say(answer, screens.figures(_("In the store"), answer, _), as_json)


@app.command(
    help=_("Check store, models, versions, disk and threads; each failure comes with its fix."),
    epilog=example("regard doctor"),
)
def doctor(folder: Folder = None, as_json: AsJson = False) -> None:
    """A look at everything that can fail."""
    from regard.serving import screens
    from regard.serving.doctor import examine

    found = [check.as_json() for check in examine(replace(read_settings(folder), language=spoken_language()))]
    say({"checks": found}, screens.checks(found, _), as_json)
    if not all(check["well"] for check in found):
        raise typer.Exit(1)
