"""Newer: items that came after a release was fitted, as one of its sources reads them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from regard.data.catalogue import Catalogue
from regard.data.growing import Growing
from regard.domain.arrays import Rows, Scores, Vectors
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import NO_ROWS, Query
from regard.models.scoring import InductiveScores
from regard.recommending.retrievers import dots

SILENT = -1  # the place of an item of which nothing can be said

log = structlog.get_logger("regard.newer")


@dataclass(eq=False)
class Newer:
    """The scores that a source gives to rows which it was not fitted on, by what the catalogue says of them now.

    Each vector is made alone, so that it is the same, bit for bit, whenever it is made; and anew when its item changes.
    """

    source: InductiveScores
    catalogue: Catalogue
    _held: dict[int, tuple[Item | None, int]] = field(default_factory=dict, repr=False)  # what it said; its place
    _vectors: Growing | None = field(default=None, repr=False)  # (newer, d), by place, once there is one
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def read(self, rows: Sequence[int]) -> None:
        """Make the vectors of the newer ones among `rows` now, so that no request has to."""
        self._places([row for row in rows if row >= self.source.n_items])

    def at(self, person: Vectors, rows: Rows) -> Scores:
        """The scores (n,) of some newer rows for a person with this vector (d,), as the source encodes them."""
        found = np.zeros(len(rows))
        if len(rows) and person.any():
            places = np.array(self._places(rows.tolist()))
            said = places != SILENT
            if self._vectors is not None:
                found[said] = dots(self._vectors.view[places[said]], person)
        return found

    def contributions(self, query: Query, row: int) -> Evidence:
        """What speaks for one of them."""
        (place,) = self._places([row])
        if place == SILENT or self._vectors is None:
            return Evidence("liked", NO_ROWS, np.empty(0))
        return self.source.evidence(query, self._vectors.view[place])

    def _places(self, rows: Sequence[int]) -> list[int]:
        """Where their vectors stand, made first where an item is new or says something else than when it was made."""
        if stale := [row for row in rows if not self._stands(row)]:
            self._make(stale)
        return [self._held[row][1] for row in rows]

    def _stands(self, row: int) -> bool:
        said = self.catalogue.changed(row)  # before its vectors, which change first
        held = self._held.get(row)
        return held is not None and held[0] is said

    def _make(self, rows: Sequence[int]) -> None:
        """All that are stale at once: readers keep what they took, so a change copies all vectors, once."""
        with self._making:
            said = {row: self.catalogue.changed(row) for row in dict.fromkeys(rows) if not self._stands(row)}
            made = {row: self._made(item or self.catalogue.item(row), row) for row, item in said.items()}
            told = {row: vector for row, vector in made.items() if vector is not None}
            place = {row: self._held[row][1] for row in told if row in self._held and self._held[row][1] != SILENT}
            if place:
                assert self._vectors is not None  # since something has a place
                self._vectors.put(np.array(list(place.values())), np.stack([told[row] for row in place]))
            if new := [row for row in told if row not in place]:
                vectors = np.stack([told[row] for row in new])
                self._vectors = self._vectors or Growing(vectors[:0])
                start = len(self._vectors.view)
                self._vectors.append(vectors)
                place |= {row: start + n for n, row in enumerate(new)}
            self._held |= {row: (item, place.get(row, SILENT)) for row, item in said.items()}

    def _made(self, item: Item, row: int) -> Vectors | None:
        contents = {kind: self.catalogue.vectors(kind)[row : row + 1] for kind in self.catalogue.kinds}
        try:
            found: Vectors = self.source.encode_items([item], contents)[0]
            return found
        except Exception as error:  # whatever one item says, the others are followed and the list comes
            log.warning("new item not read", source=self.source.name, item=item.id, error=str(error)[:200])
            return None
