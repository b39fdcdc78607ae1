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
from regard.domain.request import Query
from regard.models.scoring import InductiveScores
from regard.recommending.retrievers import dots

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
        for row in rows:
            if row >= self.source.n_items:
                self._place(row)

    def at(self, person: Vectors, rows: Rows) -> Scores:
        """The scores (n,) of some newer rows for a person with this vector (d,), as the source encodes them."""
        if not len(rows) or not person.any():
            return np.zeros(len(rows))
        places = [self._place(row) for row in rows.tolist()]
        return dots(self._held_vectors()[places], person).astype(np.float64)

    def contributions(self, query: Query, row: int) -> Evidence:
        """What speaks for one of them."""
        place = self._place(row)
        return self.source.evidence(query, self._held_vectors()[place])

    def _held_vectors(self) -> Vectors:
        assert self._vectors is not None  # since something has a place
        return self._vectors.view

    def _place(self, row: int) -> int:
        """Where its vector stands."""
        said = self.catalogue.changed(row)  # before its vectors, which change first
        held = self._held.get(row)
        return held[1] if held is not None and held[0] is said else self._put(row)

    def _put(self, row: int) -> int:
        """Make the vector anew, and keep it; readers keep what they took."""
        with self._making:
            said = self.catalogue.changed(row)
            held = self._held.get(row)
            if held is not None and held[0] is said:
                return held[1]
            vector = self._made(said or self.catalogue.item(row), row)[None]
            self._vectors = self._vectors or Growing(vector[:0])
            place = len(self._vectors.view) if held is None else held[1]
            if held is None:
                self._vectors.append(vector)
            else:
                self._vectors.put(np.array([place]), vector)
            self._held[row] = said, place
            return place

    def _made(self, item: Item, row: int) -> Vectors:
        contents = {kind: self.catalogue.vectors(kind)[row : row + 1] for kind in self.catalogue.kinds}
        try:
            found: Vectors = self.source.encode_items([item], contents)[0]
            return found
        except Exception as error:  # whatever one item says, the others are followed and the list comes
            log.warning("new item not read", source=self.source.name, item=item.id, error=str(error)[:200])
            return np.zeros_like(self.source.encode([Query(at=0.0)])[0])
