"""Commands on releases: list, show, diff, promote, rollback."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.text import Text

from regard.serving.settings import read_settings
from regard.serving.terminal import AsJson, Folder, _, app, example, say

releases = typer.Typer(no_args_is_help=True, help=_("Releases: what was fitted, what is live, the way forth and back."))
app.add_typer(releases, name="releases")

Name = Annotated[str, typer.Argument(help=_("The release's name, such as 0002."))]
Who = Annotated[str, typer.Option("--who", help=_("Who decides; without it, the user of this terminal."))]


@releases.command("list", help=_("All releases, newest first."), epilog=example("regard releases list"))
def list_(folder: Folder = None, as_json: AsJson = False) -> None:
    """One line each."""
    from regard.serving import release_screens, releasing
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        found = releasing.listing(here)
    say({"releases": found}, release_screens.listing(found, _), as_json)


@releases.command(
    help=_("One release: its gate line by line, its figures, every step it took."),
    epilog=example("regard releases show 0002"),
)
def show(name: Name, folder: Folder = None, as_json: AsJson = False) -> None:
    """One release in full."""
    from regard.serving import release_screens, releasing
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        found = releasing.shown(here, name)
    say(found, release_screens.shown(found, _), as_json)


@releases.command(
    help=_("What is different between two releases: recipes, figures, and the lists of 200 people."),
    epilog=example("regard releases diff 0001 0002"),
)
def diff(
    before: Name,
    after: Annotated[str, typer.Argument(help=_("The other release."))],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Two releases beside each other."""
    from regard.serving import release_screens, releasing
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        found = releasing.difference(here, before, after)
    say(found, release_screens.difference(found, _), as_json)


@releases.command(
    help=_("Approve a release: with a share it is tried on that part of the visits, without one it goes live."),
    epilog=example("regard releases promote 0002 --share 0.1 --who ann"),
)
def promote(
    name: Name,
    share: Annotated[
        float | None, typer.Option("--share", min=0.001, max=0.999, help=_("Try it on this share of the visits first."))
    ] = None,
    who: Who = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Forth; exit code 4 where the gate does not hold."""
    from regard.serving import releasing
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        row = releasing.promote(here, name, who or getpass.getuser(), share)
    said = _("Release {name} is tried on {share:.0%} of the visits.") if share else _("Release {name} is live.")
    say({"name": name, "state": row.state, "share": row.share}, Text(said.format(name=name, share=row.share)), as_json)


@releases.command(
    help=_("Take back the canary, else the live release for the one before it; logged, without asking the gate."),
    epilog=example('regard releases rollback --reason "complaints since noon"'),
)
def rollback(
    reason: Annotated[str, typer.Option("--reason", help=_("Why; it stays in the log."))],
    name: Annotated[str | None, typer.Argument(help=_("The release to take back, where two serve."))] = None,
    who: Who = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Back."""
    from regard.serving import releasing
    from regard.serving.installation import Installation

    with Installation.open(read_settings(folder)) as here:
        gone, live = releasing.roll_back(here, who or getpass.getuser(), reason, name)
    said = _("Release {gone} is taken back; {live} is live.").format(gone=gone, live=live)
    say({"taken_back": gone, "live": live}, Text(said), as_json)
