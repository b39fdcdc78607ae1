"""Release rules: the tables [releases] of regard.toml: what the gate, the guard and the watch hold, and who decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from regard.domain.errors import InvalidInput
from regard.feedback.canary import VISIT
from regard.feedback.drift import Watch
from regard.feedback.gate import Gate
from regard.feedback.guard import Guard


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """How releases come and go.

    approval: "person", or "automatic" where whoever runs the installation has said so here. share: of the visits that
    a canary gets. enough: visits that a canary must have answered, unharmed, before it may go live by itself. visit:
    seconds that a visit lasts; as long is waited for what is done with a list. schedule: when to fit anew, as cron says
    it in UTC; empty: only on drift and when asked. look: minutes between two looks at guard and drift. drift: days of
    events that are compared with those that the live release learned from.
    """

    approval: Literal["person", "automatic"] = "person"
    share: float = 0.1
    enough: int = 2_000
    visit: float = VISIT
    schedule: str = ""
    look: int = 5
    drift: float = 7.0
    gate: Gate = field(default_factory=Gate)
    guard: Guard = field(default_factory=Guard)
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        for name, holds, expected in (
            ("share", 0 < self.share < 1, "a share in (0, 1)"),
            ("enough", self.enough >= 1, "at least 1 request"),
            ("visit", self.visit > 0, "seconds > 0"),
            ("look", 1 <= self.look <= 59, "1 to 59 minutes"),
            ("drift", self.drift > 0, "days > 0"),
            ("schedule", len(self.schedule.split()) in (0, 5), "five fields of cron, such as 0 4 * * *"),
        ):
            if not holds:
                raise InvalidInput(f"regard.toml [releases] {name}", expected, repr(getattr(self, name)))


def release_rules(table: Mapping[str, Any]) -> ReleaseRules:
    """The rules of the table [releases] and its tables [releases.gate], [releases.guard], [releases.watch].

    >>> release_rules({"releases": {"share": 0.2, "gate": {"accuracy": 0.01}}}).gate.accuracy
    0.01
    """
    told = table.get("releases", {})
    _known("regard.toml [releases]", ReleaseRules, told)
    for name, kind in (("gate", Gate), ("guard", Guard), ("watch", Watch)):
        _known(f"regard.toml [releases.{name}]", kind, told.get(name, {}))
    try:
        return TypeAdapter(ReleaseRules).validate_python(dict(told))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"regard.toml [releases] {place}", first["msg"], repr(first.get("input"))) from error


def _known(where: str, kind: type[Any], told: Any) -> None:
    if not isinstance(told, Mapping):
        raise InvalidInput(where, "a table", repr(told))
    known = [one.name for one in fields(kind)]
    for name in told:
        if name not in known:
            raise InvalidInput(f"{where} {name}", f"a field out of {', '.join(known)}", repr(name))
