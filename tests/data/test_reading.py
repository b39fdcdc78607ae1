"""Items are followed without an encoder; their words are read when it is asked, and what is unread is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from regard.data.catalogue import Catalogue
from regard.data.reading import AsOf
from regard.domain.arrays import Mask, Vectors
from regard.domain.errors import InvalidInput
from regard.domain.records import Item
from tests.data.test_catalogue import Lengths, data


def noted(catalogue: Catalogue) -> tuple[list[list[float]], tuple[int, ...], AsOf]:
    """Vectors, what is unread, and how it stands."""
    assert catalogue.coming == catalogue.as_of
    return catalogue.vectors("lengths").tolist(), tuple(catalogue.unread), catalogue.as_of


def test_changes_are_followed_without_an_encoder_and_words_are_read_when_it_is_asked() -> None:
    catalogue = Catalogue.of(data(), {"lengths": Lengths()})
    catalogue.follow([(0, Item("a", "four", hidden=True)), (3, Item("d", "12", valid_until=7.0))], gone=[1], upto=5)
    assert (catalogue.hidden.tolist(), catalogue.valid_until[3]) == ([True, True, False, False], 7.0)
    assert noted(catalogue) == ([[0, 0]] * 4, (1, 0, 3), AsOf(5, ((0, 2), (3, 4))))
    before = catalogue.changed(3)
    assert catalogue.read([3, 2]).tolist() == [3]
    assert noted(catalogue) == ([[0, 0]] * 3 + [[2, 0]], (1, 0), AsOf(5, ((0, 2),)))
    assert catalogue.changed(3) == before
    assert catalogue.changed(3) is not before  # so that what was made of it is made anew
    assert catalogue.read().tolist() == [1, 0]
    assert noted(catalogue) == ([[4, 0], [0, 0], [0, 0], [2, 0]], (), AsOf(5))
    catalogue.leave_unread([0, 2])
    assert noted(catalogue) == ([[0, 0]] * 3 + [[2, 0]], (0, 2), AsOf(5, ((0, 1), (2, 3))))
    catalogue.leave_unread([3])
    assert noted(catalogue) == ([[4, 0], [0, 0], [0, 0], [0, 0]], (3,), AsOf(5, ((3, 4),)))


def test_words_that_are_recalled_need_no_encoder() -> None:
    def recall(items: Sequence[Item]) -> tuple[Vectors, Mask]:
        return Lengths().encode(items), np.array([len(item.title) != 2 for item in items])

    catalogue = Catalogue.of(data(), {"lengths": Lengths()}, {"lengths": recall})
    catalogue.follow([(0, Item("a", "four")), (3, Item("d", "12")), (4, Item("e", "123"))], upto=1)
    assert noted(catalogue) == ([[4, 0], [0, 0], [0, 0], [0, 0], [3, 0]], (3,), AsOf(1, ((3, 4),)))


def test_what_changes_while_it_is_read_stays_unread_and_an_error_changes_nothing() -> None:
    class Meddling(Lengths):
        def encode(self, entities: Sequence[Item]) -> Vectors:
            if len(entities) == 2:
                catalogue.follow([(4, Item("e", "other"))], upto=2)
            if entities == [Item("e", "other")]:
                raise InvalidInput("e", "words", "none")
            return super().encode(entities)

    catalogue = Catalogue({"lengths": Meddling()})
    catalogue.upsert([Item("a"), Item("b"), Item("c")])
    catalogue.follow([(3, Item("d", "12")), (4, Item("e", "123"))], upto=1)
    assert catalogue.read().tolist() == [3]
    stands = [[0, 0]] * 3 + [[2, 0], [0, 0]], (4,), AsOf(2, ((4, 5),))
    assert noted(catalogue) == stands
    with pytest.raises(InvalidInput, match="words"):
        catalogue.read()
    assert noted(catalogue) == stands
    catalogue.upsert([Item("e", "five5")])
    assert noted(catalogue)[1:] == ((), AsOf(2))
