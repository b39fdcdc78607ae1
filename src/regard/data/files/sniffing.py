"""One file looked at: its format, its layout, and so how it is read."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from regard.data.files import movielens as ml
from regard.data.files.delimited import Delimited, read_header
from regard.data.files.naming import NEEDED, NESTED, RESERVED, Kind, fields_of, kind_of, kind_of_mapped
from regard.data.files.opening import CONVERT, open_bytes
from regard.data.files.reading import JsonLines, Parquet, parquet_names
from regard.data.files.source import Form, Mapped, Source
from regard.domain.errors import InvalidInput

KNOWN = (
    "a table with the columns user and item (events), or id (named items or users), as CSV, JSONL or Parquet; "
    "or a MovieLens, RecBole, gorse, Personalize or user_data/content_data/labels layout"
)
_SEPARATORS = ("::", "\t", ",", ";", "|", " ")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?$")
_TYPED = re.compile(r"[^:]+:(token|float|token_seq|float_seq)$")


def sniff(path: Path, mapped: Mapped | None = None) -> Source:
    """The source in a file; InvalidInput says which columns are needed where it is none."""
    start, _ = next(open_bytes(path), (b"", 0))
    if not start:
        raise InvalidInput(str(path), "rows", "an empty file")
    if start.startswith(b"PAR1"):
        return _table(path, parquet_names(path), None, mapped)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in start.partition(b"\n")[0] and not marked:
        raise InvalidInput(str(path), "text", "NUL bytes: binary data, or UTF-16 without its mark", CONVERT)
    lines = read_header(path, 10_000)
    if sum(letter < " " and letter not in "\t\x1f" for letter in lines[0][:4000]) > 4:
        raise InvalidInput(str(path), KNOWN, "binary data")
    if lines[0].lstrip().startswith("{"):
        return _table(path, _keys(path, lines), "json", mapped)
    if lines[0].lstrip().startswith("["):
        raise InvalidInput(str(path), "one JSON object a line", "a JSON list", "Convert it: jq -c '.[]' FILE")
    return _delimited(path, lines, mapped)


def _keys(path: Path, lines: Sequence[str]) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            keys |= dict.fromkeys(entry)
    if not keys:
        raise InvalidInput(str(path), "JSON objects, one a line", lines[0][:80])
    return tuple(keys)


def _table(path: Path, names: Sequence[str], form: Delimited | str | None, mapped: Mapped | None) -> Source:
    """A table with named columns; `form`: delimited, "json", or None for Parquet."""
    kind, fields = _understood(path, names, mapped)
    held = (*fields, *(name for name in names if name in RESERVED))
    nested = tuple(column for column, field in fields.items() if field in NESTED)
    single = tuple(column for column in held if column not in nested)
    built: Form = form if isinstance(form, Delimited) else JsonLines(single, nested) if form else Parquet(held)
    personalize = any(name in ("USER_ID", "ITEM_ID") for name in names)
    return Source(
        path,
        kind,
        "Amazon Personalize" if personalize else "gorse" if {"UserId", "ItemId"} & set(names) else "table",
        built,
        fields,
        multi="|" if personalize else None,
        lists=None if personalize else (),
        type=(mapped.type if mapped else "") or ("rating" if "value" in fields.values() else "view"),
        time_form=mapped.time_form if mapped else None,
    )


def _understood(path: Path, names: Sequence[str], mapped: Mapped | None) -> tuple[Kind, dict[str, str]]:
    if mapped is not None and set(mapped.columns.values()) <= set(names):
        fields = {column: field for field, column in mapped.columns.items()}
        return kind_of_mapped(mapped.columns, path.name.split(".")[0]), fields
    kind = kind_of(names, path.name.split(".")[0], str(path))
    if kind is None:
        raise InvalidInput(str(path), KNOWN, f"the columns {', '.join(names[:12])}", NEEDED)
    return kind, dict(fields_of(names, kind))


def _delimited(path: Path, lines: Sequence[str], mapped: Mapped | None) -> Source:
    separator = _separator(lines[0])
    fields = _split(lines[0], separator)
    special = _by_place(path, fields, separator)
    if special is not None:
        return special
    twice = [name for name, count in Counter(fields).items() if count > 1 and name]
    headed = not _NUMBER.match(fields[0]) or not any(_NUMBER.match(field) for field in fields)
    if _is_plain(fields) and kind_of_safely(fields) is None:
        names = ml.RATINGS[: len(fields)]
        form = Delimited(separator, names, header=False)
        kind_type = "rating" if len(fields) > 2 else "view"
        return Source(path, "events", "user,item,rating,timestamp", form, {}, type=kind_type)
    if headed and twice:
        raise InvalidInput(f"{path}, header", "each column once", f"{twice[0]!r} twice", "Rename one of them.")
    if all(_TYPED.match(field) for field in fields):
        return _recbole(path, fields, separator)
    names = tuple(name or f"column_{place}" for place, name in enumerate(fields, 1))
    source = _table(path, names, Delimited(separator, names, header=True), mapped)
    return _movielens_csv(source, names)


def kind_of_safely(fields: Sequence[str]) -> Kind | None:
    """`kind_of` for a first line that may be no header at all."""
    try:
        return kind_of(fields, "", "")
    except InvalidInput as error:
        return "events" if error else None


def _separator(line: str) -> str:
    sizes = {separator: len(_split(line, separator)) for separator in _SEPARATORS}
    best = max(_SEPARATORS[:-1], key=lambda separator: sizes[separator] * (1.5 if separator == "::" else 1.0))
    return best if sizes[best] > 1 else " " if sizes[" "] > 1 else ","


def _split(line: str, separator: str) -> list[str]:
    if len(separator) > 1 or separator == "\t":
        return [field.strip().strip('"') for field in line.split(separator)]
    return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]


def _is_plain(fields: Sequence[str]) -> bool:
    """user, item and numbers; two columns must be numbers both, else they may as well be a header."""
    if len(fields) == 2:
        return all(_NUMBER.match(field) for field in fields)
    return len(fields) in (3, 4) and all(_NUMBER.match(field) or field[:4].isdigit() for field in fields[2:])


def _by_place(path: Path, fields: Sequence[str], separator: str) -> Source | None:
    """Files without header whose columns are known by their place: u.user, u.item, users.dat, movies.dat."""
    stem, size = path.name.split(".")[0].lower(), len(fields)

    def source(kind: Kind, layout: str, names: tuple[str, ...], **more: object) -> Source:
        form = Delimited(separator, names, header=False, quoted=False)
        return Source(path, kind, layout, form, {}, texts=("zip", "occupation"), **more)  # type: ignore[arg-type]

    if separator == "|" and size == len(ml.ITEMS_100K) and set(fields[5:]) <= {"0", "1"}:
        return source("items", "MovieLens 100K", ml.ITEMS_100K, shape=ml.films_100k)
    if separator == "|" and size == 5 and path.name == "u.user":
        return source("users", "MovieLens 100K", ml.USERS_100K)
    if separator != "::":
        return None
    if size == 3 and stem in ("movies", "items"):
        return source("items", "MovieLens ::", ml.ITEMS_1M, shape=ml.films)
    if size == 5 and stem == "users":
        return source("users", "MovieLens ::", ml.USERS_1M)
    if size == 4 and _is_plain(fields):
        return source("events", "MovieLens ::", ml.RATINGS, type="rating")
    return None


def _movielens_csv(source: Source, names: tuple[str, ...]) -> Source:
    if names[:3] == ("movieId", "title", "genres"):
        return replace(source, layout="MovieLens", shape=ml.films)
    if names[:3] == ("userId", "movieId", "tag"):
        return replace(source, layout="MovieLens", type="tag", fields=ml.TAGS)
    if names[:2] in (("userId", "movieId"), ("movieId", "imdbId")):
        return replace(source, layout="MovieLens")
    return source


def _recbole(path: Path, header: Sequence[str], separator: str) -> Source:
    names = tuple(field.split(":")[0] for field in header)
    kinds = dict(zip(names, (field.split(":")[1] for field in header), strict=True))
    kind: Kind | None = {".inter": "events", ".item": "items", ".user": "users"}.get(path.suffix)  # type: ignore[assignment]
    kind = kind or kind_of(names, path.name.split(".")[0], str(path))
    if kind is None:
        raise InvalidInput(str(path), "a file named .inter, .item or .user", path.name)
    fields = dict(fields_of(names, kind))
    needed = ("user", "item") if kind == "events" else ("id",)
    for place, field in enumerate(needed):  # by their place where their names say nothing
        if field not in fields.values() and len(names) > place and names[place] not in fields:
            fields[names[place]] = field
    lists = tuple(name for name in names if kinds[name].endswith("_seq") and fields.get(name) not in ("title", "text"))
    return Source(
        path,
        kind,
        "RecBole",
        Delimited(separator, names, header=True, quoted=False),
        fields,
        multi=" ",
        lists=tuple(fields.get(name, name) for name in lists),
        texts=tuple(name for name in names if kinds[name].startswith("token")),
        type="rating" if "value" in fields.values() else "view",
    )
