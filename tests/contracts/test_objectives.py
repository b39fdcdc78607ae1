"""What every objective keeps to. A new objective adds one line to SUBJECTS."""

from dataclasses import replace

import numpy as np
import pytest

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.protocols import Objective
from regard.domain.request import Query
from regard.recommending.calibration import Calibration, shares
from regard.recommending.columns import directions
from regard.recommending.diversity import DPP, MMR
from regard.recommending.less_like import LessLike
from regard.recommending.more_like import MoreLike
from regard.recommending.objectives import Fatigue, GroupCap, LongTail, Pin
from tests.recommending.linear import person, scored, shuffled

N = 20
RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(N, 8)).astype(np.float32)
UNIT = directions(VECTORS, np.arange(N))
GROUPS = RNG.integers(-1, 5, N)
TAGS = shares([[f"t{t}" for t in RNG.integers(0, 6, 2)] for _ in range(N)])
SUBJECTS: dict[str, Objective] = {
    "mmr": MMR(VECTORS),
    "mmr, growing": MMR(lambda: VECTORS),
    "dpp": DPP(VECTORS),
    "calibration": Calibration(TAGS),
    "calibration, growing": Calibration(lambda: TAGS),
    "fatigue": Fatigue(),
    "fatigue of groups": Fatigue(groups=GROUPS),
    "long tail": LongTail(np.arange(N) < 15, share=0.5),
    "group cap": GroupCap(GROUPS, most=1),
    "more like": MoreLike([UNIT, lambda: UNIT[:5]]),
    "less like": LessLike(VECTORS, near=0.2),
    "pin": Pin({3: 1, 11: 4, 99: 2}),
}
QUERIES = [person(), person(1, 3, 9), person(1, 3, 9, 250), replace(person(1), seed_item=4)]


def _gains(subject: Objective, query: Query, batch: Candidates, picks: list[int]) -> list[Scores]:
    gain = subject.begin(query, batch)
    return [np.array(gain(last)) for last in (None, *picks)]


@pytest.fixture(params=list(SUBJECTS.values()), ids=list(SUBJECTS))
def subject(request: pytest.FixtureRequest) -> Objective:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("query", QUERIES)
def test_it_says_a_number_of_each_at_every_turn(subject: Objective, query: Query) -> None:
    for gains in _gains(subject, query, scored(np.arange(N + 5.0)), [4, 11, 3, 22]):
        assert gains.shape == (N + 5,)
        assert not np.isnan(gains).any()


@pytest.mark.parametrize("query", QUERIES)
def test_two_slates_do_not_touch_each_other(subject: Objective, query: Query) -> None:
    batch = scored(np.arange(N + 5.0))
    first = _gains(subject, query, batch, [4, 11, 3, 22])
    _gains(subject, query, batch, [0, 1, 2])
    np.testing.assert_array_equal(first, _gains(subject, query, batch, [4, 11, 3, 22]))


@pytest.mark.parametrize("query", QUERIES)
def test_it_is_blind_to_the_order_of_candidates(subject: Objective, query: Query) -> None:
    batch, picks = scored(np.arange(N + 5.0)), [4, 11, 3, 22]
    order = np.random.default_rng(1).permutation(N + 5)
    place = np.argsort(order)
    moved = _gains(subject, query, shuffled(batch, order), [int(place[p]) for p in picks])
    for ours, theirs in zip(_gains(subject, query, batch, picks), moved, strict=True):
        np.testing.assert_allclose(theirs, ours[order], atol=1e-6)


def test_it_takes_an_item_newer_than_its_columns(subject: Objective) -> None:
    for gains in _gains(subject, person(1), scored([0.5, 0.2], [10**6, 10**6 + 1]), [0]):
        assert np.isfinite(gains).all()


@pytest.mark.parametrize("query", QUERIES)
def test_it_never_adds_more_than_it_says(subject: Objective, query: Query) -> None:
    most = getattr(subject, "ceiling", None)
    ceiling = np.inf if most is None else most(query)
    for gains in _gains(subject, query, scored(np.arange(N + 5.0)), [4, 11, 3, 22]):
        assert gains.max() <= ceiling + 1e-6
