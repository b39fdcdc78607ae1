"""Neighbours against likeness worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.models.alike import TermWeights
from regard.models.neighbours import ItemKNN, UserKNN
from tests.contracts.subjects import ask, dataset

# items 0: people 0, 1, 2; 1: people 0, 1; 2: person 2; 3: nobody
DATA = dataset([0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 2], 3, 4)


def test_item_likeness_is_the_shrunk_cosine() -> None:
    likeness = ItemKNN(k=9, shrinkage=1.0, likeness="cosine").fit(DATA).similar.toarray()
    assert likeness[0, 1] == pytest.approx(2 / (np.sqrt(3 * 2) + 1))
    assert likeness[0, 2] == pytest.approx(1 / (np.sqrt(3 * 1) + 1))
    assert likeness[1, 2] == 0
    assert np.diag(likeness).tolist() == [0, 0, 0, 0]


def test_only_the_k_nearest_of_the_scored_item_count() -> None:
    model = ItemKNN(k=1, shrinkage=0.0, likeness="cosine").fit(DATA)
    assert np.flatnonzero(model.similar.toarray()[:, 0]).tolist() == [1]  # .816 against item 2's .577
    assert model.scores([ask(2)])[0].tolist() == [0, 0, 0, 0]
    assert model.scores([ask(1, 2)])[0].tolist() == pytest.approx([2 / np.sqrt(6), 0, 0, 0])


def test_equal_neighbours_are_taken_by_row() -> None:
    data = dataset([0, 0, 0, 0], [0, 1, 2, 3], 1, 4)
    similar = ItemKNN(k=2, shrinkage=0.0, likeness="cosine").fit(data).similar.toarray()
    assert [np.flatnonzero(column).tolist() for column in similar.T] == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_people_are_folded_in_by_their_history() -> None:
    model = UserKNN(k=9, shrinkage=0.0, likeness="cosine").fit(DATA)
    # the history {1} against {0, 1}, {0, 1}, {0, 2}: likeness 2 ** -.5 twice, 0 once
    assert model.scores([ask(1)])[0].tolist() == pytest.approx([2**0.5, 2**0.5, 0, 0])


def test_a_persons_own_row_is_no_neighbour() -> None:
    model = UserKNN(k=1, shrinkage=0.0, likeness="cosine").fit(DATA)
    # person 2's own row {0, 2} would be nearest; the next are persons 0 and 1, both 1 / 2: the lower row
    assert model.scores([ask(0, 2, user=2)])[0].tolist() == pytest.approx([0.5, 0.5, 0, 0])
    assert model.scores([ask(0, 2)])[0].tolist() == pytest.approx([1, 0, 1, 0])


def test_term_weights_by_hand() -> None:
    matrix = DATA.matrix()  # documents are the 3 people; items are held by 3, 2, 1 and 0 of them; each holds 2
    smoothed = TermWeights.of(matrix, "tfidf").weigh(matrix).toarray()
    assert smoothed[0].tolist() == pytest.approx([np.log(4 / 4) + 1, np.log(4 / 3) + 1, 0, 0])
    bm25 = TermWeights.of(matrix, "bm25").weigh(matrix).toarray()
    # tf part: 1 * 2.2 / (1.2 * (.25 + .75 * 2 / 2) + 1) = 1; idf: log(1 + (3 - n + .5) / (n + .5))
    assert bm25[2].tolist() == pytest.approx([np.log(1 + 0.5 / 3.5), 0, np.log(1 + 2.5 / 1.5), 0])


@pytest.mark.parametrize("recipe", [ItemKNN(), UserKNN()])
@pytest.mark.parametrize("wrong", [{"k": 0}, {"shrinkage": -1.0}, {"likeness": "euclid"}])
def test_bounds(recipe: ItemKNN | UserKNN, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=f"{type(recipe).__name__}.{next(iter(wrong))}"):
        replace(recipe, **wrong)  # type: ignore[arg-type]
