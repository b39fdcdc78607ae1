"""The pages are true: their Python runs, their commands exist, their links lead somewhere."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
REGARD = Path(sys.executable).with_name("regard")


def _blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """(line of the first line, text) of each fenced block in that language."""
    text = page.read_text("utf-8")
    return [(text[: m.start(2)].count("\n"), m[2]) for m in FENCE.finditer(text) if m[1] == language]


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _commands(page: Path) -> list[list[str]]:
    """The words of each `$ regard ...` line, comments left out."""
    lines = [line for _, block in _blocks(page, "console") for line in block.splitlines()]
    found = [re.search(r"^\$ (?:.*\s|.*/)?regard ([a-z].*)$", line) for line in lines]
    return [re.split(r"\s#|&&|\|", match[1])[0].split() for match in found if match]


@cache
def _help(*command: str) -> subprocess.CompletedProcess[str]:
    plain = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", "REGARD_LANGUAGE": "en"}
    return subprocess.run([REGARD, *command, "--help"], capture_output=True, text=True, env=plain, check=False)


def _deep(page: Path) -> Any:
    """The page, skipped where it fits a network and there is no PyTorch."""
    fits = any("Behaviour(" in block for _, block in _blocks(page, "python"))
    return pytest.param(page, marks=[pytest.mark.deep] if fits else [], id=_named(page))


@pytest.mark.parametrize("page", [_deep(p) for p in PAGES if _blocks(p, "python")])
def test_the_python_of_a_page_runs_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for line, block in _blocks(page, "python"):
        if block.lstrip().startswith(">>>"):
            example = doctest.DocTestParser().get_doctest(block, names, _named(page), str(page), line)
            told: list[str] = []
            failed, _ = doctest.DocTestRunner(verbose=False).run(example, out=told.append, clear_globs=False)
            assert not failed, "".join(told)
            names.update(example.globs)
        else:
            exec(compile("\n" * line + block, str(page), "exec"), names)


@pytest.mark.parametrize("page", [p for p in PAGES if _commands(p)], ids=_named)
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    for first, *words in _commands(page):
        command = (first, *words[:1]) if "COMMAND" in _help(first).stdout else (first,)  # `keys` has its own: `create`
        said = _help(*command)
        assert said.returncode == 0, f"regard {' '.join(command)} --help: {said.stderr}"
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        missing = {option for option in options if not re.search(rf"{option}\b", said.stdout)}
        assert not missing, f"regard {' '.join(command)} has no {missing}"


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if not re.match(r"[a-z]+:", link)]
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("marker", ["run-command", "test-command"])
def test_the_readme_has_the_two_commands_that_ci_follows(marker: str) -> None:
    after = (ROOT / "README.md").read_text("utf-8").partition(f"<!-- {marker} -->\n")[2]
    block = FENCE.match(after)
    assert block, "a fenced block after the marker"
    assert len(block[2].splitlines()) == 1, "one command of one line"
    assert block[2].startswith("$ python3 -m venv .venv && ")


def test_every_decision_is_numbered_and_has_its_four_parts() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.*)$", page.read_text("utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "What was left"], page.name
