"""The eight protocols. Axes: U users, I items, n candidates, k slots, d width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

import numpy as np

from regard.domain.arrays import Mask, Rows, Scores, Vectors, check_shape
from regard.domain.candidates import Candidates, Scored
from regard.domain.dataset import Dataset
from regard.domain.request import Query
from regard.domain.run import Run

Entity = TypeVar("Entity", contravariant=True)  # Item, User or Query
Fitted = TypeVar("Fitted", covariant=True)
Gain: TypeAlias = Callable[[int | None], Scores]  # (index last picked | None) -> (n,), incremental


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Why one item: amounts (m,) from the person's own items `rows` (m,), plus named amounts that have no item.

    Where the model is additive, amounts.sum() + sum(other.values()) is the score (1e-6). `kind` says which sentence
    fits: "liked" (their own items), "people" (similar people's), "content", "popular".
    """

    kind: str
    rows: Rows
    amounts: Scores
    other: dict[str, float] = field(default_factory=dict)  # e.g. popularity prior, bias, share of a source
    exact: bool = True

    def __post_init__(self) -> None:
        check_shape("Evidence.amounts", self.amounts, (len(self.rows),))

    @property
    def total(self) -> float:
        """What the amounts sum to."""
        return float(np.sum(self.amounts)) + sum(self.other.values())


class Encoder(Protocol[Entity]):
    """Entities to vectors; Entity is Item, User or Query."""

    def encode(self, entities: Sequence[Entity]) -> Vectors:
        """(n,) -> (n, d)"""
        ...


class Retriever(Protocol):
    """Proposes items; those that `query.allowed` bars need not be among them."""

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k, best first, unique."""
        ...

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles; for evaluation and batch."""
        ...


class Filter(Protocol):
    """What may be shown at all; the only stage that drops."""

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        ...


class Scorer(Protocol):
    """How good each one is on its own, and how sure; blind to candidate order."""

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """mean (n,) finite, spread (n,) >= 0"""
        ...


class Objective(Protocol):
    """What each one adds to the slate so far; -inf forbids, +inf pins.

    One whose gains do not depend on who else is a candidate, and that knows the most that it ever adds for a query, may
    say so as `ceiling(query)`: fewer candidates are looked at.
    """

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate: (index of the last picked candidate | None) -> (n,)."""
        ...


class Policy(Protocol):
    """Gains to the chance of taking the next slot."""

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,), sums to 1; +inf gets 1, -inf gets 0"""
        ...


class Explainer(Protocol):
    """Why this one: evidence rows and amounts."""

    def contributions(self, query: Query, row: int) -> Evidence:
        """Amounts sum to the score where the model is additive."""
        ...


class Estimator(Protocol[Fitted]):
    """A frozen recipe; its fields are the hyper-parameters."""

    def fit(self, data: Dataset, *, run: Run = ...) -> Fitted:
        """A ready thing; nothing is ever "not fitted yet"."""
        ...
