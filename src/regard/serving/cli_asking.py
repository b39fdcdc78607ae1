"""The command that asks: a few questions to somebody new, answered at the terminal or by a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from regard.domain.errors import InvalidInput
from regard.serving.settings import read_settings
from regard.serving.terminal import AsJson, Folder, Slots, _, app, example, say

KEYS = {"y": "yes", "n": "no", "s": "skip"}


@app.command(
    help=_("Five questions to somebody new, each chosen after the answers before it; then their list."),
    epilog=example("regard ask") + "\n\n" + example("regard ask ann --answers yes,no,skip --json"),
)
def ask(
    user: Annotated[str, typer.Argument(help=_("The person's id; without one, somebody new."))] = "",
    given: Annotated[
        str, typer.Option("--answers", help=_("Answers in order, instead of a dialogue: yes, no, skip, by commas."))
    ] = "",
    questions: Annotated[int, typer.Option("--questions", min=1, max=50, help=_("At most so many questions."))] = 5,
    k: Slots = 10,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Answers become events; with --json and too few answers, the next question is part of the answer."""
    from regard.serving import asking, screens
    from regard.serving.installation import Installation

    said = _read(given, asking.ANSWERS)

    def scripted(item: Mapping[str, Any], number: int) -> str | None:
        return said[number - 1] if number <= len(said) else None

    reply = scripted if said or as_json else _prompt
    with Installation.open(read_settings(folder)) as here:
        answer = asking.interview(here, user or asking.newcomer(), questions, k, reply)
    say(answer, screens.slate(answer, _), as_json)


def _read(given: str, known: tuple[str, ...]) -> list[str]:
    said = [word.strip().lower() for word in given.split(",")] if given else []
    wrong = [word for word in said if word not in known]
    if wrong:
        raise InvalidInput("--answers", f"words out of {', '.join(known)}", repr(wrong[0]), "Example: yes,no,skip")
    return said


def _prompt(item: Mapping[str, Any], number: int) -> str:
    """Ask at the terminal until a key is understood; an interrupted dialogue keeps the answers given so far."""
    typer.echo(_("{number}. Do you like {title}?").format(number=number, title=item["title"]))
    while True:
        said = typer.prompt(_("  y yes, n no, s never met it"), default="s", show_default=False).strip().lower()
        if said[:1] in KEYS:
            return KEYS[said[:1]]
        typer.echo(_("  One of y, n, s."))
