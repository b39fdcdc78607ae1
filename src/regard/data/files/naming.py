"""The names under which the world keeps our fields: Regard's own, gorse, Personalize, MovieLens, RecBole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from regard.domain.errors import InvalidInput

Kind = Literal["events", "items", "users"]

_USER = ("user", "userid", "uid")
_ITEM = ("item", "itemid", "iid", "movieid")
_DEEDS = {
    "rating",
    "eventtype",
    "feedbacktype",
    "eventvalue",
    "click",
    "propensityscore",
}  # a table with these holds events
_MEDIA: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "name", "movietitle"),
    "text": ("text", "description", "overview", "comment"),
    "tags": ("tags", "genres", "genre", "categories", "category"),
    "creator": ("creator", "author", "artist", "director"),
    "images": ("images", "image", "imageurl"),
    "audio": ("audio", "audiourl"),
    "attributes": ("attributes", "labels"),
    "valid_from": ("validfrom", "creationtimestamp", "timestamp"),
    "valid_until": ("validuntil",),
    "hidden": ("hidden", "ishidden"),
}
FIELDS: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "events": {
        "user": _USER,
        "item": _ITEM,
        "id": ("id", "eventid"),
        "type": ("type", "event", "eventtype", "feedbacktype"),
        "value": ("value", "rating", "eventvalue", "score", "stars"),
        "time": ("time", "timestamp", "ts", "datetime", "date", "sentat"),
        "slate": ("slate", "recommendationid"),
        "position": ("position",),
        "context": ("context",),
    },
    "items": {"id": ("id", *_ITEM), **_MEDIA},
    "users": {"id": ("id", *_USER), "attributes": ("attributes", "labels"), "consent": ("consent",)},
}
NESTED = ("tags", "images", "audio", "attributes", "consent", "context")
LISTS = ("tags", "images", "audio")
NEEDED = (
    "Rename the columns, or name them: --map user=CustomerID --map item=StockCode "
    "(in Python: Mapped({'user': 'CustomerID', 'item': 'StockCode'}))."
)
_PEOPLE = re.compile(r"user|customer|member|people")
RESERVED = ("quarantine", "problem")  # columns of an exported quarantine


def plain(name: str) -> str:
    """A column name without case, spaces and marks: "USER_ID" -> "userid".

    >>> plain("USER_ID"), plain("userId:token")
    ('userid', 'userid')
    """
    return re.sub(r"[^a-z0-9]", "", name.split(":")[0].lower())


def fields_of(names: Iterable[str], kind: Kind) -> Mapping[str, str]:
    """Which column holds which field, {column: field}; the first fitting name of each field wins."""
    return _fields_of(tuple(names), kind)


@lru_cache(2_048)  # a sender's events have the same few sets of names
def _fields_of(names: tuple[str, ...], kind: Kind) -> Mapping[str, str]:
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    found: dict[str, str] = {}
    for field, known in FIELDS[kind].items():
        column = next((by_plain[one] for one in known if one in by_plain and by_plain[one] not in found), None)
        if column is not None:
            found[column] = field
    return MappingProxyType(found)


def kind_of(names: Iterable[str], stem: str, where: str) -> Kind | None:
    """Whether a table with these columns holds events, items or users (`stem`: its file's name decides a bare `id`).

    None: neither. InvalidInput if it looks like events without a user or an item."""
    said = {plain(name) for name in names}
    user, item = said & set(_USER), said & set(_ITEM)
    if user and item:
        return "events"
    if user or item:
        if said & _DEEDS or (user and "timestamp" in said):
            missing = "item" if user else "user"
            raise InvalidInput(where, "events with the columns 'user' and 'item'", f"no column {missing!r}", NEEDED)
        return "users" if user else "items"
    if "id" not in said:
        return None
    stem = stem.lower()
    if _PEOPLE.search(stem):
        return "users"
    return (
        "items" if re.search(r"item|product|content|movie|catalog", stem) or said & {"title", "text", "tags"} else None
    )


def kind_of_mapped(fields: Iterable[str], stem: str) -> Kind:
    """Whether a mapping to these fields makes events, users (by the file's name) or items; InvalidInput if nothing."""
    given = set(fields)
    kind: Kind = "events" if {"user", "item"} & given else "users" if _PEOPLE.search(stem.lower()) else "items"
    needed = ("user", "item") if kind == "events" else ("id",)
    for field in [*needed, *sorted(given)]:
        if field not in given or field not in FIELDS[kind]:
            raise InvalidInput(
                f"mapped {field!r}", f"{' and '.join(needed)}, of {', '.join(FIELDS[kind])}", _said(given)
            )
    return kind


def _said(fields: Iterable[str]) -> str:
    return ", ".join(sorted(fields)) or "nothing"
