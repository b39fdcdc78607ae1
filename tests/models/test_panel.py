"""What sources propose together and say of items, against values worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.domain.request import Query
from regard.models.panel import Panel
from regard.models.scoring import FullScores
from tests.contracts.subjects import ask


@dataclass(frozen=True, eq=False)
class Fixed(FullScores):
    """The same scores for everybody with a history."""

    said: tuple[float, ...]
    name: str = "fixed"

    @property
    def n_items(self) -> int:
        return len(self.said)

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        return np.array([self.said if len(q.history) else [0.0] * len(self.said) for q in queries], np.float32)


PANEL = Panel({"one": Fixed((0.5, 0.4, 0.3, 0.2, 0.1)), "other": Fixed((0.0, 0.0, 0.0, 7.0))}, breadth=2)


def test_each_source_proposes_its_best_beside_what_was_met() -> None:
    rows, columns = PANEL.propose([ask(0), ask()])
    assert [found.tolist() for found in rows] == [[0, 1, 2, 3], []]  # best 2 + 1 of each: 0, 1, 2 and 3, 0, 1
    assert columns.shape == (4, 4)
    assert PANEL.propose([ask(0)], met=False)[0][0].tolist() == [1, 2, 3]  # 1, 2 and 3, 1


def test_scores_and_places_by_hand() -> None:
    """Of what the person has not met, 1 and 2 are the best two of the first source: higher than item 4 stand 2."""
    said = PANEL.hear([ask(0)], [np.array([1, 4, 9])])
    np.testing.assert_allclose(said[0], [0.4, 0.0, 0.0, np.log1p(1)], rtol=1e-6)
    np.testing.assert_allclose(said[1], [0.1, np.log1p(2), np.nan, np.nan], rtol=1e-6)
    assert np.isnan(said[2]).all()  # nobody knows item 9
    assert PANEL.names == ("one", "one, place", "other", "other, place")


def test_a_source_without_a_word_says_nan() -> None:
    assert np.isnan(PANEL.hear([ask()], [np.array([0, 1])])).all()


def test_what_is_said_of_an_item_depends_on_no_other() -> None:
    queries = [ask(0), ask(1, 2), ask()]
    together = PANEL.hear(queries, [np.arange(5)] * 3)
    for place, query in enumerate(queries):
        for row in range(5):
            alone = PANEL.hear([query], [np.array([row])])
            assert alone.tobytes() == together[5 * place + row].tobytes()


@pytest.mark.parametrize("asked", [None, [np.array([2, 1])]])
def test_nobody_on_the_panel(asked: list[NDArray[np.int64]] | None) -> None:
    nobody = Panel({}, 3)
    if asked is None:
        assert [len(rows) for rows in nobody.propose([ask(0)])[0]] == [0]
    else:
        assert nobody.hear([ask(0)], asked).shape == (2, 0)
