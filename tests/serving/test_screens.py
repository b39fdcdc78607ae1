"""What people read at a terminal: words that came as data stay words."""

from __future__ import annotations

import pytest
from rich.console import Console

from regard.domain.errors import Unavailable
from regard.serving import cli, screens


def _shown(answer: object) -> str:
    console = Console(width=120, no_color=True)
    with console.capture() as said:
        console.print(answer)
    return said.get()


def test_brackets_in_a_title_are_no_markup() -> None:
    title = "[REC] [red]two[/b] [deep]"
    shown = _shown(screens.table(title, (title,), [(title,)]))
    assert shown.count(title) == 3


def test_a_fix_keeps_the_extra_that_it_names() -> None:
    check = {"name": "text encoder", "well": False, "said": "none", "fix": "pip install 'regard[deep]'"}
    shown = _shown(screens.checks([check], str))
    assert "regard[deep]" in shown
    assert "✗" in shown


def test_an_error_keeps_its_brackets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["regard", "fit"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        cli._fail(Unavailable("regard.toml [sources.mine]", "a[/b]", "c", "pip install 'regard[deep]'"))
    assert "regard.toml [sources.mine]: expected a[/b], got c. pip install 'regard[deep]'" in capsys.readouterr().err


def test_a_fit_shows_the_weights_of_each_kind_of_people() -> None:
    weights = {"ease": {"cold": 0.01, "heavy": 0.7}, "popular": {"cold": 0.99, "heavy": 0.3}}
    shown = _shown(screens.fitted({"release": "0001", "events": 3, "items": 2, "weights": weights}, str))
    lines = [line.split() for line in shown.splitlines()]
    assert lines[1] == ["learned", "weight", "no", "history", "long", "history"]
    assert lines[2:] == [["ease", ".0100", ".7000"], ["popular", ".9900", ".3000"]]
