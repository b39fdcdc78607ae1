"""Why the ranker holds an item high: what each source, number and field adds, a source's part by its own evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from regard.domain.arrays import Rows
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.models.examples import Examples
from regard.models.foresight import Foresight, by_places
from regard.models.panel import PLACE

USUAL, TOGETHER = "usual", "together"  # what a meeting is worth before anything is known of it; what cannot be shared
FLAT = 1e-9  # a change of log-odds below which no slope can be told


@runtime_checkable
class Parted(Protocol):
    """Something learned that can say what each place of an example adds to one action."""

    def parts(self, examples: Examples, action: int) -> NDArray[np.float64]:
        """(n,) -> (n, F + 1): of [columns, people, items, context], the base last."""
        ...


def parts_of(foresight: Foresight, example: Examples, places: tuple[str, ...]) -> dict[str, float]:
    """What each name adds to the score of one example; all together, with USUAL, they are the score.

    `places` name what follows the columns. A chance is a bent line over log-odds: each part gets its share of the way
    from the usual chance to this one, in proportion to what it moves in log-odds.
    """
    if not foresight.actions:
        return {name: float(amount[0]) for name, amount in by_places(example).items()}
    found: dict[str, float] = defaultdict(float)
    names = [*(name.removesuffix(PLACE) for name in example.names), *places]
    chances = foresight.chances(example)[0]
    for place, (action, curve) in enumerate(zip(foresight.actions, foresight.curves, strict=True)):
        weight = float(foresight.amounts[place])
        if not isinstance(foresight.learned, Parted):
            found[TOGETHER] += weight * float(chances[place])
            continue
        moved = foresight.learned.parts(example, place)[0]
        base = moved[-1] if action.is_value else expit(moved[-1])
        usual = float(curve(np.array([base]))[0])
        way, total = float(chances[place]) - usual, float(moved[:-1].sum())
        slope = way / total if abs(total) > FLAT else 0.0
        found[USUAL] += weight * usual
        found[TOGETHER] += weight * (way - slope * total)
        for name, amount in zip(names, moved[:-1].tolist(), strict=True):
            if amount:
                found[name] += weight * slope * amount
    return {name: amount for name, amount in found.items() if amount}


def shared(parts: Mapping[str, float], sources: Mapping[str, Any], query: Query, row: int) -> Evidence:
    """The parts as evidence: a source's part is shared among what it says speaks for the item, by its amounts."""
    other: dict[str, float] = {name: amount for name, amount in parts.items() if name not in sources}
    rows: list[Rows] = [NO_ROWS]
    amounts = [np.empty(0)]
    kind, largest = "liked", 0.0
    for name, source in sources.items():
        part = parts.get(name, 0.0)
        if not part:
            continue
        said: Evidence = source.contributions(query, row)
        for_it = np.maximum(said.amounts, 0.0)
        besides = {what: amount for what, amount in said.other.items() if amount > 0}
        total = float(for_it.sum()) + sum(besides.values())
        if total <= 0:
            other[name] = part
            continue
        rows.append(np.asarray(said.rows, np.int64))
        amounts.append(for_it * (part / total))
        other.update({f"{name}: {what}": amount * part / total for what, amount in besides.items()})
        if part > largest:
            kind, largest = said.kind, part
    unique, place = np.unique(np.concatenate(rows), return_inverse=True)
    summed = np.bincount(place, np.concatenate(amounts), len(unique)).astype(np.float64)
    return Evidence(kind, unique, summed, other, exact=False)
