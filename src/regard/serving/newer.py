"""Newer: items that came after a release was fitted, as one of its sources reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from regard.data.catalogue import Catalogue
from regard.domain.arrays import Rows, Scores, Vectors
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import Query
from regard.models.scoring import InductiveScores
from regard.recommending.retrievers import dots

log = structlog.get_logger("regard.newer")


@dataclass(frozen=True, eq=False)
class Newer:
    """The scores that a source gives to rows which it was not fitted on, by what the catalogue says of them now.

    Each vector is made alone, so that it is the same, bit for bit, whenever it is made; and anew when its item changes.
    """

    source: InductiveScores
    catalogue: Catalogue
    _held: dict[int, tuple[Item | None, Vectors]] = field(default_factory=dict, repr=False)

    def read(self, rows: Sequence[int]) -> None:
        """Make the vectors of the newer ones among `rows` now, so that no request has to."""
        for row in rows:
            if row >= self.source.n_items:
                self._vector(row)

    def at(self, query: Query, rows: Rows) -> Scores:
        """The scores (n,) of some newer rows."""
        person = self.source.encode([query])[0]
        if not len(rows) or not person.any():
            return np.zeros(len(rows))
        vectors = np.stack([self._vector(row) for row in rows.tolist()])
        return dots(vectors, person).astype(np.float64)

    def contributions(self, query: Query, row: int) -> Evidence:
        """What speaks for one of them."""
        return self.source.evidence(query, self._vector(row))

    def _vector(self, row: int) -> Vectors:
        """(d,)"""
        said = self.catalogue.changed(row)  # before its vectors, which change first
        held = self._held.get(row)
        if held is None or held[0] is not said:
            held = self._held[row] = said, self._made(said or self.catalogue.item(row), row)
        return held[1]

    def _made(self, item: Item, row: int) -> Vectors:
        contents = {kind: self.catalogue.vectors(kind)[row : row + 1] for kind in self.catalogue.kinds}
        try:
            found: Vectors = self.source.encode_items([item], contents)[0]
            return found
        except Exception as error:  # whatever one item says, the others are followed and the list comes
            log.warning("new item not read", source=self.source.name, item=item.id, error=str(error)[:200])
            return np.zeros_like(self.source.encode([Query(at=0.0)])[0])
