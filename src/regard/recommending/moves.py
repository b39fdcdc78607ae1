"""Moves: which objectives, and whether chance, put an item at another place than its score alone would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from regard.domain.arrays import Rows
from regard.domain.candidates import Candidates
from regard.domain.protocols import Objective
from regard.domain.request import Query
from regard.recommending.policies import Greedy
from regard.recommending.slots import fill_slots


@dataclass(frozen=True, slots=True)
class Moves:
    """Where one item stands (0 is the first; None: not in the list), and where it would stand.

    `alone`: by score alone. `without`: for each objective that moved it, its place without that objective, by score and
    the others. `best`: its place without chance; another one than `shown` means that a draw moved it.
    """

    shown: int | None
    best: int | None
    alone: int | None
    without: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def by_chance(self) -> bool:
        """Whether a draw put it elsewhere than the best list would."""
        return self.shown != self.best

    def lifted_by(self) -> tuple[str, ...]:
        """The objectives without which it would stand further down, or not at all."""
        return tuple(name for name, place in self.without.items() if _lower(place, self.best))


@dataclass(frozen=True, slots=True, eq=False)
class Refilled:
    """The greedy slate of one request under any of its objectives; each is filled once, whoever asks for it."""

    query: Query
    candidates: Candidates
    objectives: Mapping[str, Objective]
    _places: dict[frozenset[str], dict[int, int]] = field(default_factory=dict)

    def place(self, row: int, kept: Iterable[str]) -> int | None:
        """Where the item `row` stands with the objectives `kept`."""
        names = frozenset(kept)
        if names not in self._places:
            objectives = {name: objective for name, objective in self.objectives.items() if name in names}
            slots = fill_slots(self.query, self.candidates, objectives, Greedy(), np.random.default_rng(0))
            self._places[names] = {slot.row: slot.position for slot in slots}
        return self._places[names].get(row)


def moves(slates: Refilled, shown: Rows, row: int) -> Moves:
    """The moves of `row` in the slate `shown` (k,), found by filling the slate again without each objective.

    Where several objectives are each enough for a move, all that could have made it are named.
    """
    names = slates.objectives.keys()
    found = np.flatnonzero(shown == row)
    best, alone = slates.place(row, names), slates.place(row, ())
    answer = Moves(int(found[0]) if len(found) else None, best, alone)
    each = {name: slates.place(row, names - {name}) for name in names}
    without = {name: elsewhere for name, elsewhere in each.items() if elsewhere != best}
    if best != alone and not without:
        each = {name: slates.place(row, {name}) for name in names}
        without = {name: alone for name, elsewhere in each.items() if elsewhere != alone}
    return replace(answer, without=without)


def _lower(place: int | None, than: int | None) -> bool:
    return than is not None and (place is None or place > than)
