"""Sources at work: each scores a request once, and one that fails or takes too long is left out of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from regard.domain.candidates import Candidates
from regard.domain.errors import Unavailable
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.models.scoring import best

log = structlog.get_logger("regard.sources")
_aside = ThreadPoolExecutor(4, "regard-slow-source")


@dataclass(frozen=True, eq=False)
class AtWork:
    """A fitted source of a blend, as one request after another asks it.

    Retrieval and scoring of one request share one pass over the items. A source that once took longer than `budget`
    seconds is asked in a thread from then on, and not waited for beyond its budget, until it is fast again. Left out
    means: it proposes nothing (the slate names it), and adds 0 to every score.
    """

    source: Any  # what FullScores gives
    name: str
    budget: float
    _state: threading.local = field(default_factory=threading.local, repr=False)
    _slow: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def n_items(self) -> int:
        """I."""
        return int(self.source.n_items)

    def support(self) -> NDArray[np.floating]:
        """(I,)"""
        return np.asarray(self.source.support())

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I); zeros where the source was left out."""
        if len(queries) != 1:
            return np.asarray(self.source.scores(queries))
        found = self._once(queries[0])
        return np.zeros((1, self.n_items), np.float32) if isinstance(found, Unavailable) else found[None]

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k, best first; Unavailable where the source fails or is too slow."""
        row = self._once(query)
        if isinstance(row, Unavailable):
            raise row
        rows = best(row, k) if row.any() else NO_ROWS
        return Candidates.of(self.source.name, rows, row[rows])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles."""
        return [self.retrieve(query, k) for query in queries]

    def contributions(self, query: Query, row: int) -> Evidence:
        """As the source says."""
        said: Evidence = self.source.contributions(query, row)
        return said

    def _once(self, query: Query) -> NDArray[np.float32] | Unavailable:
        asked, found = getattr(self._state, "last", (None, None))
        if asked is not query or found is None:
            found = self._ask(query)
            self._state.last = (query, found)
        return found

    def _ask(self, query: Query) -> NDArray[np.float32] | Unavailable:
        began = time.monotonic()
        try:
            if self._slow.is_set():
                found = _aside.submit(self._scores, query).result(self.budget)
            else:
                found = self._scores(query)
        except Exception as error:  # whatever one source does, the list comes
            said = "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
            log.warning("source left out", source=self.name, error=said[:200])
            return Unavailable(f"source {self.name}", f"scores within {self.budget:g} s", said[:200])
        if time.monotonic() - began > self.budget:
            self._slow.set()
        else:
            self._slow.clear()
        return found

    def _scores(self, query: Query) -> NDArray[np.float32]:
        return np.asarray(self.source.scores([query])[0])
