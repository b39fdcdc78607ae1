"""The corridor. Read this first: one request walks from retrieval to a slate in a straight line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates, union
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Filter, Objective, Policy, Retriever, Scorer
from regard.domain.request import Query, Slate
from regard.recommending.filters import Allowed
from regard.recommending.policies import Greedy
from regard.recommending.slots import Turn, along, fill_slots, replay, walk
from regard.recommending.why_not import WhyNot, absent, outranked

Proposed: TypeAlias = tuple[dict[str, Candidates], tuple[str, ...]]  # what each source says; those left out
Reached: TypeAlias = tuple[Proposed, Candidates]  # and what filters and the scorer made of it
Considered: TypeAlias = tuple[Candidates, tuple[str, ...]]  # scored candidates; the sources that were left out
Calls: TypeAlias = Sequence[Callable[[], Any]]
Asks: TypeAlias = Callable[[Calls], list[Any]]
DEEPER = 4  # times as many items are asked for where filters dropped too many


def one_by_one(calls: Calls) -> list[Any]:
    """What each call gives."""
    return [call() for call in calls]


class FeatureReader(Protocol):
    """Feature columns by name, read for many rows at once (data/features.py)."""

    @property
    def names(self) -> Sequence[str]:
        """The columns' names, (f,)."""
        ...

    def read(self, query: Query, rows: Rows) -> NDArray[np.floating]:
        """(n,) -> (n, f)"""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Recommender:
    """What answers one request; `Recommender({"ease": ease}, scorer=ease).recommend(query)` is the smallest.

    The names of the mappings are what slates, drops and explanations say. Each source is asked for k items and
    `breadth` more, beside those that this person has met, blocked or excluded, of those that the request's own filter
    lets through (`Query.allowed`; a source that does not look at it is asked for more); and for more yet where filters
    leave fewer than k, as only they know what may be shown.
    """

    retrievers: Mapping[str, Retriever]
    scorer: Scorer
    filters: Mapping[str, Filter] = field(default_factory=dict)
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    policy: Policy = field(default_factory=Greedy)
    features: FeatureReader | None = None
    breadth: int = 300
    asks: Asks = one_by_one  # how the sources are asked: a server may do it side by side

    def __post_init__(self) -> None:
        if self.breadth < 1:
            raise InvalidInput("Recommender.breadth", "at least 1 item a source", str(self.breadth))

    def recommend(self, query: Query, rng: np.random.Generator | None = None) -> Slate:
        """The slate for `query`; policies that draw take their numbers from `rng` (None: fresh ones each time)."""
        candidates, left_out = self.consider(query)
        return self.fill(query, candidates, left_out, rng or np.random.default_rng())

    def consider(self, query: Query) -> Considered:
        """The corridor before the slots: proposed, filtered and scored; and the sources that were left out."""
        return self.consider_many([query])[0]

    def consider_many(self, queries: Sequence[Query]) -> list[Considered]:
        """Equals the singles; each source looks at many requests at once, which costs it less than one by one."""
        return [(candidates, left_out) for (_, left_out), candidates in self._reach_many(queries)]

    def fill(self, query: Query, candidates: Candidates, left_out: tuple[str, ...], rng: np.random.Generator) -> Slate:
        """The slate of what was considered."""
        slots = fill_slots(query, candidates, self.objectives, self.policy, rng)
        return Slate(slots, {name: len(rows) for name, rows in candidates.dropped.items()}, left_out)

    def candidates(self, query: Query) -> Candidates:
        """The corridor before the slots: proposed, filtered and scored."""
        return self.consider(query)[0]

    def propose_many(self, queries: Sequence[Query], wanted: Sequence[int]) -> list[Proposed]:
        """What each source proposes, so many items at most for each, and the names of those unavailable now.

        Equals the singles: who needs fewer items gets the first of what is asked for all.
        """
        proposed: list[dict[str, Candidates]] = [{} for _ in queries]
        left_out: list[str] = []
        most = max(wanted, default=0)
        said = self.asks([partial(_asked, retriever, queries, most) for retriever in self.retrievers.values()])
        for name, found in zip(self.retrievers, said, strict=True):
            if found is None:
                left_out.append(name)
                continue
            for own, batch, k in zip(proposed, found, wanted, strict=True):
                own[name] = batch.first(k)
        return [(own, tuple(left_out)) for own in proposed]

    def _reach_many(self, queries: Sequence[Query]) -> list[Reached]:
        """What is proposed and what is left of it; all are weighed before anybody is asked for again."""
        told = self.propose_many(queries, [self._depth(query) for query in queries])
        weighed = [self.weigh(query, union(own)) for query, (own, _) in zip(queries, told, strict=True)]
        return [self._deeper(*reached) for reached in zip(queries, told, weighed, strict=True)]

    def _deeper(self, query: Query, told: Proposed, candidates: Candidates) -> Reached:
        """Ask for more while fewer than k are left and a source may hold some: what is hidden may have come first."""
        depth = self._depth(query)
        while len(candidates) < query.k and any(len(own) == depth for own in told[0].values()):
            depth *= DEEPER
            told = self.propose_many([query], [depth])[0]
            candidates = self.weigh(query, union(told[0]))
        return told, candidates

    def _depth(self, query: Query) -> int:
        """How many items a source is asked for first: k, `breadth` more, and those that filters are sure to drop."""
        met = np.concatenate([query.history.rows, query.exclude, query.blocked, query.met])
        return query.k + self.breadth + len(np.unique(met))

    def weigh(self, query: Query, candidates: Candidates) -> Candidates:
        """The proposed candidates with features, without what filters drop, scored."""
        if self.features is not None:
            candidates = candidates.with_features(self.features.names, self.features.read(query, candidates.rows))
        dropped = {}
        for name, rule in self.filters.items():
            kept = rule.keep(query, candidates)
            dropped[name] = candidates.rows[~kept]
            candidates = candidates if kept.all() else candidates.where(kept)
        return candidates.after(dropped).scored(self.scorer.score(query, candidates))

    def replay(self, query: Query, shown: Rows) -> Scores:
        """The chance (k,) of each slot of the slate `shown` (k,), given those before it, had this corridor answered."""
        return replay(query, self.candidates(query), self.objectives, self.policy, shown)

    def deterministic(self) -> Recommender:
        """The same corridor with the greedy policy: what it holds best, without exploration."""
        return replace(self, policy=Greedy())

    def why_not(self, query: Query, row: int, shown: Rows | None = None) -> WhyNot:
        """Where the item `row` fell on its way to the list `shown` (k,), or its position there.

        None: to what the greedy corridor shows. Of a logged list, what is no candidate any more is passed over.
        """
        (proposed, _), candidates = self._reach_many([query])[0]
        if row in candidates.rows:
            return outranked(row, candidates, proposed, self._turns(query, candidates, shown))
        retrieve: dict[str, Callable[[int], Candidates]] = {
            name: lambda k, source=self.retrievers[name]: source.retrieve(query, k)  # type: ignore[misc]
            for name in proposed
        }
        return absent(row, proposed, {**candidates.dropped, **self._unasked(query, row)}, retrieve)

    def _turns(self, query: Query, candidates: Candidates, shown: Rows | None) -> Iterator[tuple[Turn, int]]:
        """The turns of a list that was shown, with this policy's chances; None: of the greedy one."""
        if shown is None:
            return walk(query, candidates, self.objectives, Greedy(), lambda turn: int(turn.gains.argmax()))
        still = shown[np.isin(shown, candidates.rows)]
        return walk(query, candidates, self.objectives, self.policy, along(candidates, still))

    def _unasked(self, query: Query, row: int) -> dict[str, Rows]:
        """The item, by the filter for whose sake sources leave it out from the first."""
        one = Candidates.of("asked", np.array([row]), np.zeros(1))
        own = {name: rule for name, rule in self.filters.items() if isinstance(rule, Allowed)}
        return {name: one.rows for name, rule in own.items() if not rule.keep(query, one).any()}


def _asked(retriever: Retriever, queries: Sequence[Query], k: int) -> list[Candidates] | None:
    """What a source proposes; None where it is unavailable now."""
    try:
        return retriever.retrieve_many(queries, k)
    except Unavailable:
        return None
