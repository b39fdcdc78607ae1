"""Small logs for the tests of feedback: what was shown, and what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from regard.data.shown import DONE, SHOWN
from regard.measurement.mechanisms import Mechanisms
from regard.measurement.population import TownItems
from regard.measurement.simulator import Town, TownRecipe

HOUR = 3600.0


def shown(*lists: tuple[str, float, int, Sequence[int]], release: str = "0001") -> pl.DataFrame:
    """Lists (id, unix seconds, user row, item rows), each slot drawn with chance .5."""
    rows = [
        (name, at, user, release, "home", place, item, 0.5)
        for name, at, user, items in lists
        for place, item in enumerate(items)
    ]
    return pl.DataFrame(rows, schema=SHOWN, orient="row")


def done(*events: tuple[int, int, str, float, float, str]) -> pl.DataFrame:
    """Events (user row, item row, type, value, unix seconds, list id)."""
    return pl.DataFrame(events, schema=DONE, orient="row")


def town(seed: int = 0, people: int = 400, items: int = 60, threshold: float = 0.5, **mechanisms: Any) -> Town:
    """A town without moods, weekdays and satiation, so that only what a test asks for moves."""
    plain = {"context": 0.0, "mood": 0.0, "satiation": 0.0, "novelty": 0.0, **mechanisms}
    names = [f"i{n}" for n in range(items)]
    rng = np.random.default_rng(seed)
    places = TownItems.of(names, [[f"t{n % 7}"] for n in range(items)], [""] * items, list(rng.pareto(2.0, items) + 1))
    return TownRecipe(people=people, seed=seed, threshold=threshold, mechanisms=Mechanisms(**plain)).build(places)
