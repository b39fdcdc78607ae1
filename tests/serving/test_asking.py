"""A new person is asked, answers by a script and at the terminal, and gets the list of their answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.models.questions import Questions
from regard.serving import asking, cli
from regard.serving.installation import Installation
from regard.serving.settings import read_settings
from tests.serving.test_cli import catalogue


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 films in two genres, even and odd; 60 people who each like films of one genre only; fitted."""
    folder = tmp_path_factory.mktemp("home")
    with Installation.open(read_settings(folder)) as here:
        here.take_in(catalogue(folder))
        here.fit(here.dataset(), Run())
    return folder


@pytest.fixture
def here(home: Path) -> Iterator[Installation]:
    with Installation.open(read_settings(home)) as here:
        yield here


def likes(parity: int) -> Callable[[Mapping[str, Any], int], str]:
    """Somebody who likes every film of one genre and none of the other."""
    return lambda item, _: "yes" if int(item["id"][1:]) % 2 == parity else "no"


@pytest.mark.parametrize("parity", [0, 1])
def test_the_list_follows_the_answers(here: Installation, parity: int) -> None:
    answer = asking.interview(here, f"stranger {parity}", 5, 5, likes(parity))
    assert len({one["id"] for one in answer["asked"]}) == 5
    genre = [int(item["id"][1:]) % 2 for item in answer["items"]]
    assert genre[0] == parity
    assert genre.count(parity) >= 4  # the corridor's variety may bring one of the other genre
    assert not {one["id"] for one in answer["asked"]} & {item["id"] for item in answer["items"]}


def test_answers_are_events_and_a_skip_is_none(here: Installation) -> None:
    said = iter(["yes", "no", "skip", None])
    answer = asking.interview(here, "ann", 5, 3, lambda *_: next(said))
    assert [one["answer"] for one in answer["asked"]] == ["yes", "no", "skip"]
    row, _ = here.store.user("ann")
    tail = here.store.events_of(row)
    rows = [here.live.catalogue.row(one["id"]) for one in answer["asked"][:2]]
    found = sorted(zip(tail.rows.tolist(), tail.types, tail.values.tolist(), strict=True))
    assert found == sorted([(rows[0], "like", 1.0), (rows[1], "dislike", 0.0)])
    assert answer["next"]["id"] not in {one["id"] for one in answer["asked"]}


def test_what_was_answered_is_not_asked_again_and_who_skips_all_gets_a_list(here: Installation) -> None:
    first = asking.interview(here, "bea", 2, 3, likes(0))["asked"]
    again = asking.interview(here, "bea", 2, 3, likes(0))["asked"]
    assert not {one["id"] for one in first} & {one["id"] for one in again}
    answer = asking.interview(here, "skips everything", 3, 4, lambda *_: "skip")
    assert (len(answer["asked"]), len(answer["items"])) == (3, 4)


def test_hidden_items_are_not_asked(here: Installation) -> None:
    model = asking.asker(here)
    first = asking.interview(here, "carl", 1, 3, likes(0))["asked"][0]["id"]
    here.store.hide(first)
    here.__dict__.pop("live")
    try:
        assert asking.interview(here, "dora", 1, 3, likes(0))["asked"][0]["id"] != first
    finally:
        here.store.hide(first, hidden=False)
    assert isinstance(model.recipe, Questions)


def test_a_script_gives_answers_and_gets_the_next_question(home: Path) -> None:
    runner = CliRunner()
    words = ["ask", "eve", "--folder", str(home), "--json", "-k", "4"]
    opened = json.loads(runner.invoke(cli.app, words).stdout)
    assert opened["asked"] == []
    answered = json.loads(runner.invoke(cli.app, [*words, "--answers", "yes,no"]).stdout)
    assert answered["asked"][0]["id"] == opened["next"]["id"]
    assert [one["answer"] for one in answered["asked"]] == ["yes", "no"]
    assert answered["next"] is not None
    assert len(answered["items"]) == 4
    assert json.loads(runner.invoke(cli.app, ["ask", *words[2:]]).stdout)["user"].startswith("new-")


def test_a_dialogue_asks_until_it_understands(home: Path) -> None:
    result = CliRunner().invoke(
        cli.app, ["ask", "fay", "--folder", str(home), "--questions", "2"], input="perhaps\ny\nn\n"
    )
    assert result.exit_code == 0, result.output
    assert "1. Do you like Film" in result.output
    assert "One of y, n, s." in result.output
    assert "2. Do you like Film" in result.output
    assert "For fay" in result.output


def test_other_words_are_refused(home: Path) -> None:
    result = CliRunner().invoke(cli.app, ["ask", "gil", "--folder", str(home), "--answers", "yes,maybe"])
    assert isinstance(result.exception, InvalidInput)
    assert "maybe" in str(result.exception)
