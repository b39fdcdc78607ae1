"""Who scores: the inner product of two encoders, and a weighted sum of scorers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Vectors, check_finite, check_shape
from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Encoder, Scorer
from regard.domain.request import Query
from regard.recommending.retrievers import dots


@dataclass(frozen=True, eq=False)
class DotProduct:
    """The inner product of the query's vector with each item's, (I, d); 0 and a larger spread beyond the last row.

    The spread of a known item is `spread`, that of one without a vector is the norm of the query's vector: the
    largest score that an item of length 1 could have.
    """

    encoder: Encoder[Query]
    items: Vectors
    spread: float = 0.0
    name: str = "dot"

    def __post_init__(self) -> None:
        check_shape("DotProduct.items", self.items, (None, None))
        check_finite("DotProduct.items", self.items)
        if not self.spread >= 0:
            raise InvalidInput("DotProduct.spread", "a number >= 0", repr(self.spread))

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """(n,) -> mean (n,), spread (n,)"""
        vector = np.asarray(self.encoder.encode([query])[0], np.float32)
        known = (candidates.rows < len(self.items)) & (candidates.rows >= 0)
        mean = np.zeros(len(candidates))
        mean[known] = dots(self.items[candidates.rows[known]], vector)
        spread = np.where(known, self.spread, max(self.spread, float(np.linalg.norm(vector))))
        return Scored(mean, spread)


@dataclass(frozen=True, eq=False)
class Sum:
    """A weighted sum of scorers; spreads add as those of independent errors."""

    scorers: Mapping[str, Scorer]
    weights: Mapping[str, float]
    name: str = "sum"

    def __post_init__(self) -> None:
        if set(self.scorers) != set(self.weights) or not self.scorers:
            raise InvalidInput(
                "Sum.weights", f"one weight for each of {sorted(self.scorers)}", f"{sorted(self.weights)}"
            )

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """(n,) -> mean (n,), spread (n,)"""
        said: Sequence[tuple[float, Scored]] = [
            (self.weights[name], scorer.score(query, candidates)) for name, scorer in self.scorers.items()
        ]
        mean = np.sum([weight * one.mean for weight, one in said], axis=0)
        return Scored(mean, np.sqrt(np.sum([(weight * one.spread) ** 2 for weight, one in said], axis=0)))
