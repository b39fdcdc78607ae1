"""Sources at work: each looks at a request once, and one that fails or takes too long is left out of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import structlog

from regard.data.catalogue import Catalogue
from regard.domain.arrays import Rows, Scores, Vectors
from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import Unavailable
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.models.blend import FittedBlend, joined
from regard.models.scoring import FactorScores, InductiveScores
from regard.recommending.retrievers import NearestNeighbours
from regard.serving.looks import Everything, Look, Products
from regard.serving.newer import Newer

CROWD = 5  # sources that may share a processor
SEARCHED = 3_000_000  # numbers in the items' vectors from which on a search costs less than all scores
Said: TypeAlias = tuple[Look, Vectors | None]  # and the people's vectors (Q, d), where newer items have some too
NOTHING = Evidence("liked", NO_ROWS, np.empty(0))

log = structlog.get_logger("regard.sources")
_aside = ThreadPoolExecutor(4, "regard-slow-source")


@dataclass(frozen=True, eq=False)
class AtWork:
    """A fitted source of a blend, as requests ask it, one after another or many at once.

    Retrieval and scoring of a request share one look at it: the person's vector where scores are products, else the
    scores of all items. A source that once was slow (`_timed`: more than `budget` seconds a request) is asked in a
    thread from then on, and not waited for beyond its budget, until it is fast again. Left out means: it proposes
    nothing (the slate names it), and adds 0 to every score.
    """

    source: Any  # what FullScores gives
    name: str
    budget: float
    near: NearestNeighbours | None = None  # the search by which it proposes, where its scores are products of vectors
    newer: Newer | None = None  # what it says of items that it was not fitted on
    _looks: WeakKeyDictionary[Query, tuple[int, Said | str]] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )  # from the proposal of a request to its scores; in words: why it was left out
    _slow: threading.Event = field(default_factory=threading.Event, repr=False)

    @classmethod
    def of(cls, source: Any, name: str, budget: float, catalogue: Catalogue | None = None) -> AtWork:
        """The source, with a search where its scores are products of many or of wide vectors; over a catalogue it also
        scores what is newer than itself, where it can."""
        factors = source.factors() if isinstance(source, FactorScores) else None
        searched = factors is not None and factors.size >= SEARCHED
        near = NearestNeighbours(source, factors, name=source.name) if factors is not None and searched else None
        newer = Newer(source, catalogue) if catalogue is not None and isinstance(source, InductiveScores) else None
        return cls(source, name, budget, near, newer)

    @property
    def n_items(self) -> int:
        """I."""
        return int(self.source.n_items)

    @cached_property
    def support(self) -> Scores:
        """How many people each item was learned from, (I,)."""
        return np.asarray(self.source.support(), np.float64)

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k, best first; Unavailable where the source fails or is too slow."""
        return self.retrieve_many([query], k)[0]

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles; a source that is left out is left out of all."""
        said, found = self._look(queries, k)
        if isinstance(said, str):
            raise Unavailable(f"source {self.name}", f"scores within {self.budget:g} s a request", said)
        return list(found)

    def at(self, query: Query, rows: Rows) -> Scores:
        """The scores of some rows, (n,); 0 where the source was left out, or can say nothing of so new an item."""
        place, said = self._looks.pop(query) if query in self._looks else (0, self._ask([query], 0)[0])
        if isinstance(said, str):
            return np.zeros(len(rows))
        look, people = said
        if not len(rows) or rows.max() < self.n_items:
            return look.at(place, rows)
        known, found = rows < self.n_items, np.zeros(len(rows))
        found[known] = look.at(place, rows[known])
        if self.newer is not None and people is not None:
            found[~known] = self.newer.at(people[place], rows[~known])
        return found

    def contributions(self, query: Query, row: int) -> Evidence:
        """As the source says; nothing of an item of which it can say nothing."""
        if row >= self.n_items:
            return NOTHING if self.newer is None else self.newer.contributions(query, row)
        said: Evidence = self.source.contributions(query, row)
        return said

    def _look(self, queries: Sequence[Query], k: int) -> tuple[Said | str, Sequence[Candidates]]:
        """A look at these requests, kept until they are scored, and the best k of each."""
        said, found = self._ask(queries, k)
        for place, query in enumerate(queries):
            self._looks[query] = place, said
        return said, found

    def _ask(self, queries: Sequence[Query], k: int) -> tuple[Said | str, Sequence[Candidates]]:
        try:
            if self._slow.is_set():
                return _aside.submit(self._timed, queries, k).result(self.budget * len(queries))
            return self._timed(queries, k)
        except Exception as error:  # whatever one source does, the list comes
            said = "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
            log.warning("source left out", source=self.name, error=said[:200])
            return said[:200], ()

    def _timed(self, queries: Sequence[Query], k: int) -> tuple[Said, Sequence[Candidates]]:
        """What it says; slow is what takes its budget of a processor, or CROWD times as long by the clock: beside it
        others work, for whom it waits."""
        busy, began = time.thread_time(), time.monotonic()
        found = self._said(queries, k)
        took = max(time.thread_time() - busy, (time.monotonic() - began) / CROWD)
        if took > self.budget * len(queries):
            self._slow.set()
        else:
            self._slow.clear()
        return found

    def _said(self, queries: Sequence[Query], k: int) -> tuple[Said, Sequence[Candidates]]:
        source, people = self.source, None
        look: Look
        if self.near is not None or isinstance(source, InductiveScores):
            people = source.encode(queries)
        if self.near is not None:
            vectors, beside = source.sides(queries, people)
            # in rows of one piece: a sum of float32 depends on how its numbers lie
            look = Products(self.near, np.ascontiguousarray(vectors, np.float32), beside)
        else:
            scores = source.scores(queries) if people is None else source.scored(people)
            look = Everything(source.name, np.asarray(scores, np.float32))
        return (look, people), look.best(k, [query.allowed for query in queries]) if k else ()


@dataclass(frozen=True, eq=False)
class BlendAtWork:
    """The scorer of a blend whose sources are at work: the weighted sum of their scores, of the candidates alone.

    An item newer than the release gets what those sources give that can tell by what it says of itself.
    """

    model: FittedBlend
    sources: Mapping[str, AtWork]

    @cached_property
    def _support(self) -> Scores:
        return np.asarray(np.max([source.support for source in self.sources.values()], axis=0))

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """Mean: sum_s amount_s * score_s. Spread: their deviation / sqrt(1 + support), as FullScores says it."""
        known = candidates.rows < self.model.n_items
        mean = np.zeros(len(candidates))
        for amount, source in zip(self.model.amounts([query])[0], self.sources.values(), strict=True):
            if amount:
                mean += amount * source.at(query, candidates.rows)
        width = float(mean[known if known.any() else ...].std()) if len(mean) else 0.0
        spread = np.full(len(candidates), width)
        spread[known] /= np.sqrt(1.0 + self._support[candidates.rows[known]])
        return Scored(mean, spread)

    def contributions(self, query: Query, row: int) -> Evidence:
        """What the sources have, as the blend weighs it; of an item newer than the release also that it is new."""
        found = joined(self.model.by_source(query, row, self.sources))
        return found if row < self.model.n_items else replace(found, other={**found.other, "new item": 0.0})

    def read(self, rows: Sequence[int]) -> None:
        """Let each source read what items newer than the release say of themselves."""
        for source in self.sources.values():
            if source.newer is not None:
                source.newer.read(rows)
