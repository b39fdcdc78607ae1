"""Tidying: the table [retention] of regard.toml: for how long what is kept, and when the worker looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from regard.data import retention
from regard.data.retention import Retention
from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY
from regard.serving.settings import now
from regard.serving.shelf import Shelf

NIGHTLY = "30 3 * * *"
MONTH = 31.0  # days: a month that is not over yet keeps all of its lists


@dataclass(frozen=True, slots=True)
class Tidying:
    """How long, and when: `schedule` as cron says it in UTC; empty: only when asked (`regard tidy`).

    Without the table nothing is dropped by itself; with it, empty or not, every night.
    """

    kept: Retention = field(default_factory=Retention)
    schedule: str = ""

    def __post_init__(self) -> None:
        if len(self.schedule.split()) not in (0, 5):
            expected = "five fields of cron, such as 30 3 * * *"
            raise InvalidInput("regard.toml [retention] schedule", expected, repr(self.schedule))


def tidying(table: Mapping[str, Any]) -> Tidying:
    """What the table [retention] says.

    >>> tidying({"retention": {"events": 730}}).kept
    Retention(lists=400.0, events=730.0, quarantine=0.0)
    """
    told = dict(table.get("retention", {}))
    unknown = sorted(told.keys() - {"schedule", *(one.name for one in fields(Retention))})
    if unknown:
        raise InvalidInput(f"regard.toml [retention] {unknown[0]}", "lists, events, quarantine or schedule", unknown[0])
    schedule = told.pop("schedule", NIGHTLY if "retention" in table else "")
    try:
        return TypeAdapter(Tidying).validate_python({"kept": told, "schedule": schedule})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"][1:])
        raise InvalidInput(f"regard.toml [retention] {place}", first["msg"], repr(first.get("input"))) from error


def tidy(here: Shelf, kept: Retention | None = None, at: float | None = None) -> dict[str, int]:
    """Drop what is older than regard.toml (or `kept`) allows; how many of each kind went.

    What a policy knew goes with the last of the lists that were drawn by it.
    """
    moment, kept = now() if at is None else at, kept or tidying(here.settings.recipes).kept
    gone = retention.tidy(here.store, kept, moment)
    pictures = here.pictures.drop_before(moment - DAY * (kept.lists + MONTH)) if kept.lists else []
    return {**gone, "policies": len(pictures)}
