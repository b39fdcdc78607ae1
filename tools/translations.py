"""Collects every `_("...")` of the package into the .po catalogues and compiles them (Babel).

`python -m tools.translations`: run it, fill in what it names in `src/regard/data/locale`, run it again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from regard.data.translations import DOMAIN, LANGUAGES, LOCALE

NO_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # the same texts give the same file on any day
HEADER = "# What Regard says to people."
VOLATILE = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator', '"Language-Team')


def extracted(package: Path = LOCALE.parents[1]) -> Iterator[str]:
    """Every text that the package says to people: the first argument of `_(...)`."""
    for _, _, message, _, _ in extract_from_dir(package, [("**.py", "python")], keywords={"_": None}):
        yield str(message)


def catalogue_file(language: str) -> Path:
    """The `.po` file of one language; the compiled `.mo` stands beside it."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(language: str) -> Catalog:
    """The catalogue of one language; an empty one where there is no file yet."""
    path = catalogue_file(language)
    held = path.read_bytes() if path.exists() else b""
    return read_po(io.BytesIO(held), locale=language, domain=DOMAIN)


def compiled(language: str) -> bytes:
    """The bytes of the `.mo` file for the `.po` file."""
    catalogue, buffer = read(language), io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = NO_DAY
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update(language: str) -> list[str]:
    """Rewrite one catalogue from the code and compile it; gives the texts that still wait for a translator."""
    known = read(language)
    fresh = Catalog(locale=language, domain=DOMAIN, project=DOMAIN, header_comment=HEADER, fuzzy=False)
    for text in sorted(set(extracted())):
        fresh.add(text, known[text].string if text in known else "")
    buffer = io.BytesIO()
    write_po(buffer, fresh, sort_output=True, width=120)
    lines = buffer.getvalue().decode().split("\n")
    path = catalogue_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line for line in lines if not line.startswith(VOLATILE)), "utf-8")
    path.with_suffix(".mo").write_bytes(compiled(language))
    return [str(message.id) for message in fresh if message.id and not message.string]


if __name__ == "__main__":
    for language in LANGUAGES[1:]:
        for text in update(language):
            print(f"{language}: {text!r} waits for a translation")
