"""More like this: what is near to the item of the page is proposed and lifted; without one nothing is said."""

from dataclasses import replace

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.request import Query
from regard.recommending.more_like import Alike, MoreLike, likeness
from tests.recommending.linear import scored

WORDS = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0], [0, 0], [0.8, 0.6]], np.float32)
PEOPLE = np.array([[0, 1], [0, 1], [1, 0]], np.float32)  # the items from 3 on are newer


def test_likeness_is_the_mean_of_the_cosines_of_the_kinds_that_know_the_item() -> None:
    assert likeness([WORDS], 0).tolist() == pytest.approx([1, 0.6, 0, 0, 0, 0.8])
    assert likeness([WORDS, PEOPLE], 0).tolist() == pytest.approx([1, 0.8, 0, 0, 0, 0.4])
    assert likeness([WORDS, PEOPLE], 5).tolist() == pytest.approx([0.8, 0.96, 0.6, 0, 0, 1])  # no people know it
    assert likeness([WORDS, PEOPLE], 0, np.array([5, 1, 99])).tolist() == pytest.approx([0.4, 0.8, 0])
    assert likeness([WORDS], 4).tolist() == [0.0] * 6  # without a vector it is like nothing
    assert likeness([WORDS], 99, np.array([0])).tolist() == [0.0]
    assert likeness([], 0).tolist() == []


def test_the_nearest_are_proposed_of_those_that_the_request_lets_through() -> None:
    asked = Query(at=0, seed_item=0)
    assert Alike([WORDS]).retrieve(asked, 3).rows.tolist() == [0, 5, 1]
    allowed = np.array([False, True, True, True])  # what is newer than the filter is not allowed
    assert Alike([WORDS]).retrieve(replace(asked, allowed=allowed), 3).rows.tolist() == [1]
    assert len(Alike([WORDS]).retrieve(Query(at=0), 3)) == 0


def test_what_is_like_it_is_lifted_and_nothing_without_an_item() -> None:
    batch, lift = scored([0.0] * 4, [1, 2, 5, 3]), MoreLike([WORDS])
    assert lift.begin(Query(at=0, seed_item=0), batch)(None).tolist() == pytest.approx([3, 0, 4, 0])
    assert lift.begin(Query(at=0), batch)(3).tolist() == [0.0] * 4
    assert lift.ceiling(Query(at=0)) == 0.0
    with pytest.raises(InvalidInput):
        MoreLike([WORDS], weight=-1)
