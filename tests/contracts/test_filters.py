"""What every filter keeps to. A new filter adds one line to SUBJECTS."""

import numpy as np
import pytest

from regard.domain.candidates import Candidates
from regard.domain.protocols import Filter
from regard.domain.request import Query
from regard.recommending.filters import Allowed, NotBlocked, NotExcluded, NotHidden, NotSeen, ValidNow
from tests.recommending.linear import person, scored, shuffled

HIDDEN = np.array([True, False, True, False])
OPENS, CLOSES = np.array([-np.inf, 0, 2e6, 0]), np.array([np.inf, 1e6, np.inf, np.nan])
SUBJECTS: dict[str, Filter] = {
    "not seen": NotSeen(),
    "not excluded": NotExcluded(),
    "allowed": Allowed(),
    "not blocked": NotBlocked(),
    "not hidden": NotHidden(HIDDEN),
    "not hidden, growing": NotHidden(lambda: HIDDEN),
    "valid now": ValidNow(OPENS, CLOSES),
}
QUERIES = [
    person(),
    person(1, 3, 9),
    person(2, exclude=np.array([0, 7]), blocked=np.array([5, 1]), seed_item=4),
    person(2, met=np.array([6, 40]), allowed=np.arange(9) % 2 == 0),
]


@pytest.fixture(params=list(SUBJECTS.values()), ids=list(SUBJECTS))
def subject(request: pytest.FixtureRequest) -> Filter:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("query", QUERIES)
def test_it_says_yes_or_no_to_each(subject: Filter, query: Query) -> None:
    kept = subject.keep(query, scored(np.arange(12.0)))
    assert kept.dtype == np.bool_
    assert kept.shape == (12,)


@pytest.mark.parametrize("query", QUERIES)
def test_it_judges_each_item_alone_and_is_blind_to_order(subject: Filter, query: Query) -> None:
    batch = scored(np.arange(12.0))
    kept = subject.keep(query, batch)
    order = np.random.default_rng(0).permutation(12)
    assert (subject.keep(query, shuffled(batch, order)) == kept[order]).all()
    assert [bool(subject.keep(query, scored([1.0], [row]))[0]) for row in range(12)] == kept.tolist()


def test_it_takes_an_empty_batch(subject: Filter) -> None:
    assert subject.keep(person(1), Candidates.of("none", np.empty(0, np.int64), np.empty(0))).shape == (0,)


def test_an_item_newer_than_its_columns_passes(subject: Filter) -> None:
    assert subject.keep(person(), scored([1.0], [10**6])).tolist() == [True]


def test_it_can_drop(subject: Filter) -> None:
    assert not all(subject.keep(query, scored(np.arange(12.0))).all() for query in QUERIES)
