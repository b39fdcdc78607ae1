"""UnseenFigure against lists worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.domain.request import Query
from regard.models.scoring import FullScores
from regard.models.unseen_figure import UnseenFigure
from tests.contracts.subjects import dataset


class Rising(FullScores):
    """The item of the highest row is the best for everybody."""

    @property
    def n_items(self) -> int:
        return 5

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        return np.tile(np.arange(5, dtype=np.float32), (len(queries), 1))


def test_each_persons_unmet_items_are_ranked() -> None:
    past = dataset([0, 0, 1, 3], [4, 0, 0, 1], 4, 5)
    later = dataset([0, 0, 1, 2, 3], [3, 4, 2, 1, 1], 4, 5)
    # person 0 sees 3, 2, 1, and 4 is no news: 3 is first. Person 1 sees 4, 3, 2: 2 is third, the gain 1 / log2(4).
    # Person 2 has no past, person 3 met nothing new: neither is judged.
    figure = UnseenFigure.of(past, later)
    assert [query.user for query in figure.queries] == [0, 1]
    assert figure(Rising()) == pytest.approx((1 + 1 / log2(4)) / 2)


def test_nobody_to_judge_is_nothing() -> None:
    past = dataset([0], [0], 2, 5)
    assert UnseenFigure.of(past, dataset([1], [1], 2, 5))(Rising()) == 0.0
