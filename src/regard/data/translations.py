"""Translations: what people read, in their language; English texts are the message ids, gettext catalogues the rest."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeAlias

Translate: TypeAlias = Callable[[str], str]  # an English text with {named} places -> the reader's language

LANGUAGES = ("en", "zh")  # the first is that of the code; the others stand in LOCALE (`python -m tools.translations`)
LOCALE = Path(__file__).parent / "locale"
DOMAIN = "regard"


@cache
def translator(language: str) -> Translate:
    """The function `_` for `language` ("zh", "zh-CN", "zh_TW.UTF-8" ...); English where we do not speak it.

    >>> translator("zh")(" and "), translator("fr")(" and ")
    ('和', ' and ')
    """
    spoken = language.replace("_", "-").partition("-")[0].lower()
    return gettext.translation(DOMAIN, LOCALE, [spoken], fallback=True).gettext


def translate(text: str, language: str) -> str:
    """One English text in `language`."""
    return translator(language)(text)
