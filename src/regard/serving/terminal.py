"""Terminal: what all commands share: the app, their common options, how an answer is said."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from typer import rich_utils
from typer.core import TyperGroup

from regard.data.translations import translator
from regard.serving.settings import spoken_language

_ = translator(spoken_language())
rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
rich_utils.OPTIONS_PANEL_TITLE = _("Options")
rich_utils.COMMANDS_PANEL_TITLE = _("Commands")

ORDER = [
    "demo",
    "import",
    "quarantine",
    "fit",
    "evaluate",
    "releases",
    "retrain",
    "jobs",
    "search",
    "simulate",
    "recommend",
    "ask",
    "explain",
    "why-not",
    "similar",
    "up",
    "serve",
    "keys",
    "batch",
    "replay",
    "tidy",
    "export",
    "stats",
    "doctor",
]


class InOrder(TyperGroup):
    """Commands in the order in which one comes to need them, whatever file they stand in."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names; those that ORDER does not know come last."""
        return sorted(self.commands, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="regard",
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=_("Regard: recommendations that people and large models run together."),
    epilog=_("Exit codes: 0 done, 1 a check failed, 2 bad input, 3 not found, 4 conflict, 5 unavailable."),
)


def example(command: str) -> str:
    """The last line of a command's help."""
    return _("Example: {command}").format(command=command)


Folder = Annotated[Path | None, typer.Option("--folder", help=_("Where store, releases and caches live."))]
AsJson = Annotated[bool, typer.Option("--json", help=_("Print one JSON object instead of tables."))]
Person = Annotated[str, typer.Argument(help=_("The person's id."))]
Thing = Annotated[str, typer.Argument(help=_("The item's id or title."))]
Slots = Annotated[int, typer.Option("--k", "-k", min=1, max=1000, help=_("How many items."))]
Seed = Annotated[int, typer.Option("--seed", help=_("Same seed, same result."))]


def say(answer: Mapping[str, Any], shown: RenderableType, as_json: bool) -> None:
    """Print an answer as JSON, or as what people read."""
    if as_json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, default=str) + "\n")
    else:
        Console().print(shown)
