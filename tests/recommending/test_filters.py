import numpy as np

from regard.recommending.filters import NotBlocked, NotExcluded, NotHidden, NotSeen, ValidNow
from tests.recommending.linear import person, scored

BATCH = scored(np.zeros(4))


def test_seen_excluded_blocked_hidden() -> None:
    query = person(1, exclude=np.array([2]), blocked=np.array([3]), seed_item=0)
    assert NotSeen().keep(query, BATCH).tolist() == [True, False, True, True]
    assert NotExcluded().keep(query, BATCH).tolist() == [False, True, False, True]
    assert NotBlocked().keep(query, BATCH).tolist() == [True, True, True, False]
    assert NotHidden(np.array([False, True])).keep(query, BATCH).tolist() == [True, False, True, True]


def test_an_item_is_valid_from_its_first_second_until_before_its_last() -> None:
    opens, closes = np.array([100.0, 101.0, -np.inf, np.nan]), np.array([np.inf, np.inf, 100.0, np.nan])
    assert ValidNow(opens, closes).keep(person(at=100.0), BATCH).tolist() == [True, False, False, True]
    assert ValidNow(opens, closes).keep(person(at=99.9), BATCH).tolist() == [False, False, True, True]


def test_columns_that_grow_are_read_at_each_request() -> None:
    hidden: list[bool] = [False]
    rule = NotHidden(lambda: np.array(hidden))
    assert rule.keep(person(), BATCH).all()
    hidden.append(True)
    assert rule.keep(person(), BATCH).tolist() == [True, False, True, True]
