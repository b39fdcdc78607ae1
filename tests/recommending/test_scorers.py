"""Scorers: hand-computed products, blind to order, finite for items without a vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.arrays import Vectors
from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.scorers import DotProduct, Sum


class Fixed:
    """Encoder[Query]: (3, 4) for everyone."""

    def encode(self, entities: Sequence[Query]) -> Vectors:
        return np.tile(np.array([3, 4], np.float32), (len(entities), 1))


ITEMS = np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32)


def _candidates(*rows: int) -> Candidates:
    return Candidates.of("s", np.array(rows, np.int64), np.zeros(len(rows)))


def test_products_and_the_newest_item() -> None:
    scored = DotProduct(Fixed(), ITEMS, spread=0.5).score(Query(at=0), _candidates(2, 0, 7))
    assert scored.mean.tolist() == [3.5, 3.0, 0.0]  # .5*3 + .5*4; 1*3; no vector
    assert scored.spread.tolist() == [0.5, 0.5, 5.0]  # |(3, 4)| = 5


@given(st.permutations([0, 1, 2, 3]))
def test_blind_to_order(order: list[int]) -> None:
    scorer = DotProduct(Fixed(), ITEMS)
    straight = scorer.score(Query(at=0), _candidates(0, 1, 2, 3)).mean
    assert np.array_equal(scorer.score(Query(at=0), _candidates(*order)).mean, straight[order])


class Says:
    """A scorer that says one thing of everyone."""

    def __init__(self, mean: float, spread: float) -> None:
        self.mean, self.spread = mean, spread

    def score(self, query: Query, candidates: Candidates) -> Scored:
        return Scored(np.full(len(candidates), self.mean), np.full(len(candidates), self.spread))


def test_a_weighted_sum() -> None:
    scorer = Sum({"a": Says(1, 3), "b": Says(10, 2)}, {"a": 1.0, "b": 2.0})
    scored = scorer.score(Query(at=0), _candidates(0))
    assert scored.mean.tolist() == [21.0]  # 1*1 + 2*10
    assert scored.spread.tolist() == [5.0]  # sqrt((1*3)^2 + (2*2)^2)


def test_bounds() -> None:
    with pytest.raises(InvalidInput, match="one weight"):
        Sum({"a": Says(1, 1)}, {"b": 1.0})
    with pytest.raises(InvalidInput, match="spread"):
        DotProduct(Fixed(), ITEMS, spread=-1)
