"""What people and gates decide: today the Release, what serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Release:
    """An immutable, fitted thing that can serve: its `name`, when it was `created`, the `moment` of its data (both unix
    seconds), the `seed`, the `recipes` by source, and `figures` worth keeping (weights, events, items)."""

    name: str
    created: float
    moment: float
    seed: int
    recipes: Mapping[str, Any]
    figures: Mapping[str, Any] = field(default_factory=dict)
