"""A small additive model and corridors around it, for tests."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from regard.domain.candidates import Candidates, Scored
from regard.domain.protocols import Evidence, Gain
from regard.domain.request import NO_ROWS, History, Query

Numbers = NDArray[np.float64]


class Linear:
    """score(i) = prior[i] + the sum of B[j, i] over the items j of the history; B is (I, I)."""

    def __init__(self, B: Numbers, prior: Numbers | None = None, kind: str = "liked") -> None:
        self.B, self.kind = B, kind
        self.prior = np.zeros(len(B)) if prior is None else prior

    def _scores(self, query: Query) -> Numbers:
        return np.asarray(self.prior + self.B[np.unique(query.history.rows)].sum(axis=0))

    def retrieve(self, query: Query, k: int) -> Candidates:
        scores = self._scores(query)
        rows = np.argsort(-scores, kind="stable") if len(query.history) or self.prior.any() else NO_ROWS
        rows = rows[query.lets(rows)][:k]
        return Candidates.of("linear", rows, scores[rows])

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]

    def score(self, query: Query, candidates: Candidates) -> Scored:
        return Scored(self._scores(query)[candidates.rows], np.zeros(len(candidates)))

    def contributions(self, query: Query, row: int) -> Evidence:
        met = np.unique(query.history.rows)
        other = {"prior": float(self.prior[row])} if self.prior[row] else {}
        return Evidence(self.kind, met, self.B[met, row], other)


def random_linear(n: int, seed: int = 0) -> Linear:
    """A random additive model over n items."""
    return Linear(np.random.default_rng(seed).normal(size=(n, n)).round(3))


def person(*rows: int, k: int = 10, at: float = 1e6, **asked: object) -> Query:
    """A request of somebody who liked `rows`, one a minute until `at`."""
    times = at - 60.0 * np.arange(len(rows), 0, -1)
    return Query(at=at, k=k, history=History(np.array(rows, np.int64), np.ones(len(rows)), times), **asked)  # type: ignore[arg-type]


def scored(scores: Sequence[float] | Numbers, rows: Sequence[int] | None = None) -> Candidates:
    """Candidates with these scores; rows 0, 1, 2 ... unless given."""
    mean = np.asarray(scores, np.float64)
    chosen = np.arange(len(mean)) if rows is None else np.asarray(rows, np.int64)
    return Candidates.of("test", chosen, mean).scored(Scored(mean, np.zeros(len(mean))))


def unsure(scores: Sequence[float] | Numbers, spread: Numbers) -> Candidates:
    """Candidates with these scores and spreads, rows 0, 1, 2 ..."""
    mean = np.asarray(scores, np.float64)
    return Candidates.of("test", np.arange(len(mean)), mean).scored(Scored(mean, spread))


def shuffled(candidates: Candidates, order: NDArray[np.integer]) -> Candidates:
    """The same candidates in another order."""
    mean = candidates.mean if candidates.mean is not None else np.zeros(len(candidates))
    return scored(mean[order], candidates.rows[order].tolist())


class Constant:
    """Adds `values[row]`, 0 elsewhere, to each slot alike."""

    def __init__(self, values: Mapping[int, float]) -> None:
        self.values = values

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        gains = np.array([self.values.get(int(row), 0.0) for row in candidates.rows])
        return lambda last: gains
