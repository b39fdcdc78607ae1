"""The list's page as a test meets it in a browser: where things stand, and how to wait for the next list."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

from tests.serving.chromium import Page

Open: TypeAlias = Callable[..., Page]
LISTED = "document.querySelectorAll('#list li').length === 10"
TITLES = "[...document.querySelectorAll('#list .title')].map((one) => one.firstChild.textContent)"
FOCUS = (
    "(({dataset, tagName, id}) => [dataset.deed || id || tagName, "
    "[...document.querySelectorAll('#list li')].findIndex((one) => one.contains(document.activeElement))])"
    "(document.activeElement)"
)
DEEDS = ("click", "like", "less")


def deed(row: int, name: str) -> str:
    """A button of a row, the first one being 1."""
    return f"#list li:nth-child({row}) .deeds button:nth-child({DEEDS.index(name) + 1})"


def changed(page: Page, act: Callable[[], None]) -> None:
    """Do it, and wait for the list that comes of it."""
    before = page.say("document.body.dataset.shown")
    act()
    page.until(f"{LISTED} && document.body.dataset.shown !== {json.dumps(before)}")
