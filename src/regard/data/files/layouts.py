"""Layouts recognised without configuration: which files hold events, items and users."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.data.files import movielens, trio
from regard.data.files.naming import NEEDED
from regard.data.files.sniffing import KNOWN, sniff
from regard.data.files.source import Mapped, Source
from regard.domain.errors import InvalidInput

_DATA = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".dat", ".inter", ".item", ".user", ".data", ".gz")
_ORDER = {"items": 0, "users": 1, "events": 2}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of a folder that was not read, and why."""

    name: str
    why: str


def recognise(paths: Sequence[Path], mapped: Mapped | None = None) -> tuple[list[Source], list[LeftOut]]:
    """The sources behind files and folders (items and users before events), and the files that were left out.

    Errors: InvalidInput for a path that is not there, a file of no known layout, a folder without any known file.
    """
    sources: list[Source] = []
    left: list[LeftOut] = []
    seen: set[Path] = set()
    for path in paths:
        files = _files(path)
        fresh = [file for file in files if file.resolve() not in seen]
        seen |= {file.resolve() for file in fresh}
        found, out = _folder(path, fresh, mapped) if path.is_dir() else ([_alone(file, mapped) for file in fresh], [])
        sources += found
        left += out
    if trio.is_trio([source.path for source in sources]):  # the three, named one by one
        sources = trio.sources([source.path for source in sources])
    if not sources:
        raise InvalidInput("paths", "files to import", ", ".join(map(str, paths)) or "none")
    return sorted(sources, key=lambda source: _ORDER[source.kind]), left


def _files(path: Path) -> list[Path]:
    try:
        path.stat()
        if not path.is_dir():
            return [path]
        return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    except (OSError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(str(path), "a file or folder that can be read", said, "Check the path.") from error


def _alone(file: Path, mapped: Mapped | None) -> Source:
    part = trio.part(file)
    return part if part is not None else sniff(file, mapped)


def _folder(path: Path, files: list[Path], mapped: Mapped | None) -> tuple[list[Source], list[LeftOut]]:
    if not files:
        inner = [one.name for one in sorted(path.iterdir()) if one.is_dir()][:5]
        hint = f"Name one of its folders: {', '.join(inner)}." if inner else ""
        raise InvalidInput(str(path), "a folder with files", "no file that was not read already", hint)
    if trio.is_trio(files):
        others = [LeftOut(file.name, "no part of the trio") for file in files if trio.stem(file) not in trio.NAMES]
        return trio.sources(files), others
    full = any(file.name == "u.data" for file in files)
    found: list[Source] = []
    left: list[LeftOut] = []
    for file in files:
        why = movielens.LEFT_OUT.get(file.name, "")
        if full and re.fullmatch(r"u[1-5ab]\.(base|test)", file.name):
            why = "a part of u.data"
        source = None if why else _try(file, mapped)
        if source is None:
            left.append(LeftOut(file.name, why or "not in a known layout"))
        else:
            found.append(source)
    if not found:
        raise InvalidInput(str(path), KNOWN, f"none of these: {', '.join(f.name for f in files[:8])}", NEEDED)
    return found, left


def _try(file: Path, mapped: Mapped | None) -> Source | None:
    """Files that are named like data must be data; README, LICENSE and the like need not."""
    try:
        return sniff(file, mapped)
    except InvalidInput:
        if file.name.lower().endswith(_DATA):
            raise
        return None
