"""What people and gates decide: the Release, what serves; the Condition, a named bound with its verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from regard.domain.errors import InvalidInput

State: TypeAlias = Literal["candidate", "refused", "canary", "live", "retired"]
Verdict: TypeAlias = Literal["holds", "fails", "unknown", "abstains"]
LETS_THROUGH = ("holds", "abstains")  # the verdicts that keep nobody from going on


@dataclass(frozen=True, slots=True)
class Release:
    """An immutable, fitted thing that can serve: its `name`, when it was `created`, the `moment` of its data (both unix
    seconds), the `seed`, the `recipes` by source, and `figures` worth keeping (weights, events, items; metrics by
    slice, care, latency where it was tried). `checksums`: SHA-256 of every file of its folder, by path."""

    name: str
    created: float
    moment: float
    seed: int
    recipes: Mapping[str, Any]
    figures: Mapping[str, Any] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a gate or a watch: `name` says what is measured; `value` must be at most (or at least) `bound`.

    What could not be measured (None) is unknown, and unknown is never good enough; where no answer is `needed`, the
    line abstains. `words` say more to people.
    """

    name: str
    value: float | None
    bound: float
    side: Literal["at most", "at least"] = "at most"
    words: str = ""
    needed: bool = True

    def __post_init__(self) -> None:
        if math.isnan(self.bound):
            raise InvalidInput(f"Condition({self.name}).bound", "a number", "NaN")

    @property
    def verdict(self) -> Verdict:
        """Whether it holds."""
        if self.value is None or math.isnan(self.value):
            return "unknown" if self.needed else "abstains"
        keeps = self.value <= self.bound if self.side == "at most" else self.value >= self.bound
        return "holds" if keeps else "fails"

    def plain(self) -> dict[str, Any]:
        """The line as JSON, with its verdict."""
        known = self.verdict in ("holds", "fails")
        return {
            "name": self.name,
            "value": self.value if known else None,
            "side": self.side,
            "bound": self.bound,
            "verdict": self.verdict,
            "words": self.words,
        }
