"""Trials: what was measured of a release before anybody saw it, beside the one that is live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regard.measurement.versus import Versus


@dataclass(frozen=True, slots=True)
class Trial:
    """versus: both on the newest events, which neither had seen. against: the name of the one that is live.

    ms: the median time of one list; mb: the size of the fitted arrays; full: the share of lists without an empty
    place, for people of any history. upto: the newest event (unix seconds) that the release on trial had learned from.
    """

    against: str
    versus: Versus
    ms: float
    mb: float
    full: float
    upto: float | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON, for the figures of a release."""
        return {
            "against": self.against,
            "versus": self.versus.plain(),
            "ms": self.ms,
            "mb": self.mb,
            "full": self.full,
            "upto": self.upto,
        }

    @classmethod
    def from_plain(cls, told: Mapping[str, Any]) -> Trial:
        """From what `plain` gave."""
        rest = {name: told[name] for name in ("against", "ms", "mb", "full")}
        return cls(versus=Versus.from_plain(told["versus"]), upto=told.get("upto"), **rest)
