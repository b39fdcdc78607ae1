from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.protocols import Gain, Objective, Policy
from regard.domain.request import Query
from regard.recommending import slots as slots_module
from regard.recommending.diversity import DPP, MMR
from regard.recommending.objectives import GroupCap, Pin
from regard.recommending.policies import Boltzmann, Epsilon, Greedy, certain
from regard.recommending.slots import draw, fill_slots, replay, score_of, walk
from tests.recommending.linear import Constant, person, scored

SCORES = st.lists(st.integers(-1000, 1000), min_size=1, max_size=25)
POLICIES = st.sampled_from([Greedy(), Boltzmann(0.05), Boltzmann(1.0), Epsilon(0.3)])
VECTORS = np.random.default_rng(0).normal(size=(25, 6)).astype(np.float32)
GROUPS = np.arange(25) % 6
RNG = np.random.default_rng(0)


def _objectives(cap: int, pins: dict[int, int]) -> dict[str, Objective]:
    return {"mmr": MMR(VECTORS, 0.5), "dpp": DPP(VECTORS, 0.2), "cap": GroupCap(GROUPS, cap), "pin": Pin(pins)}


@given(scores=SCORES, k=st.integers(1, 30), policy=POLICIES, seed=st.integers(0, 99), cap=st.integers(1, 4))
def test_no_item_twice_caps_hold_and_chances_replay(
    scores: list[int], k: int, policy: Policy, seed: int, cap: int
) -> None:
    candidates, query = scored(scores), person(k=k)
    objectives = _objectives(cap, {3: 1})
    slots = fill_slots(query, candidates, objectives, policy, np.random.default_rng(seed))
    rows = np.array([slot.row for slot in slots])
    assert len(slots) <= min(k, len(scores))
    assert len(set(rows.tolist())) == len(rows)
    assert [slot.position for slot in slots] == list(range(len(slots)))
    assert np.bincount(GROUPS[rows]).max() <= cap
    logged = [slot.propensity for slot in slots]
    np.testing.assert_array_equal(replay(query, candidates, objectives, policy, rows), logged)


@given(scores=SCORES, k=st.integers(1, 30), policy=POLICIES, seed=st.integers(0, 99))
def test_nothing_is_shortened_where_nothing_forbids(scores: list[int], k: int, policy: Policy, seed: int) -> None:
    objectives: dict[str, Objective] = {"mmr": MMR(VECTORS), "pin": Pin({0: 0, 5: 2, 24: 3})}
    slots = fill_slots(person(k=k), scored(scores), objectives, policy, np.random.default_rng(seed))
    assert len(slots) == min(k, len(scores))


@given(scores=SCORES, k=st.integers(1, 30))
def test_without_objectives_the_order_is_that_of_the_scores(scores: list[int], k: int) -> None:
    slots = fill_slots(person(k=k), scored(scores), {}, Greedy(), np.random.default_rng(0))
    expected = np.argsort(-np.array(scores), kind="stable")[:k]
    assert [slot.row for slot in slots] == expected.tolist()
    assert all(slot.propensity == 1.0 for slot in slots)


@given(
    scores=st.lists(st.integers(-9, 9), min_size=6, max_size=25),
    positions=st.permutations(range(6)),
    n_pins=st.integers(0, 6),
    policy=POLICIES,
)
def test_each_pin_lands(scores: list[int], positions: list[int], n_pins: int, policy: Policy) -> None:
    pins = dict(enumerate(positions[:n_pins]))
    slots = fill_slots(person(k=6), scored(scores), {"pin": Pin(pins)}, policy, np.random.default_rng(0))
    landed = {slot.row: slot.position for slot in slots}
    assert {row: landed.get(row) for row in pins} == pins


@given(scores=SCORES, seed=st.integers(0, 99))
def test_the_parts_of_a_slot_sum_to_the_gain_by_which_it_won(scores: list[int], seed: int) -> None:
    candidates, query = scored(scores), person(k=5)
    slots = fill_slots(query, candidates, {"mmr": MMR(VECTORS)}, Greedy(), np.random.default_rng(seed))
    for i, slot in enumerate(slots):
        closest = max((_cosine(slot.row, before.row) for before in slots[:i]), default=0.0)
        assert slot.parts["score"] == score_of(candidates)[slot.row]
        assert slot.parts["mmr"] == pytest.approx(-0.3 * closest, abs=1e-5)


@given(scores=SCORES, k=st.integers(1, 30), policy=POLICIES, seed=st.integers(0, 99), cap=st.integers(1, 4))
def test_a_cap_that_yields_shortens_nothing_and_chances_replay(
    scores: list[int], k: int, policy: Policy, seed: int, cap: int
) -> None:
    candidates, query = scored(scores), person(k=k)
    objectives: dict[str, Objective] = {"mmr": MMR(VECTORS), "cap": GroupCap(GROUPS, cap, yields=True)}
    slots = fill_slots(query, candidates, objectives, policy, np.random.default_rng(seed))
    rows = np.array([slot.row for slot in slots])
    assert len(set(rows.tolist())) == min(k, len(scores))
    held, there = np.bincount(GROUPS[rows], minlength=6), np.bincount(GROUPS[: len(scores)], minlength=6)
    assert (held >= np.minimum(there, held.max() - 1)).all() or held.max() <= cap
    logged = [slot.propensity for slot in slots]
    np.testing.assert_array_equal(replay(query, candidates, objectives, policy, rows), logged)


@given(
    scores=st.lists(st.integers(0, 30), min_size=9, max_size=25),
    weight=st.sampled_from([0.0, 0.02, 0.5, 3.0]),
    groups=st.integers(1, 6),
    yields=st.booleans(),
)
def test_a_greedy_slate_of_the_few_is_that_of_all(scores: list[int], weight: float, groups: int, yields: bool) -> None:
    candidates, query = scored(scores), person(k=2)
    cap = GroupCap(np.sort(GROUPS % groups), 1, yields=yields)  # with few groups the best are all of one
    objectives: dict[str, Objective] = {"mmr": MMR(VECTORS, weight), "cap": cap}
    walked = walk(query, candidates, objectives, Greedy(), lambda turn: int(turn.gains.argmax()))
    rows = [int(candidates.rows[index]) for _, index in walked]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots_module, "FEW", 2)
        slots = fill_slots(query, candidates, objectives, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == rows


@pytest.mark.parametrize("seed", range(20))
def test_copies_come_in_the_same_order_among_few_and_among_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = np.repeat(rng.normal(size=(40, 512)).astype(np.float32), 10, axis=0)[rng.permutation(400)]
    candidates, query = scored(np.repeat(rng.random(40), 10)), person(k=10)
    objectives: dict[str, Objective] = {"mmr": MMR(vectors, 0.05)}
    slots = fill_slots(query, candidates, objectives, Greedy(), rng)
    shown = np.array([slot.row for slot in slots])
    assert replay(query, candidates, objectives, Greedy(), shown).tolist() == [1.0] * 10


def test_a_policy_of_its_own_decides() -> None:
    class Last(Greedy):
        def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
            return certain(int(np.flatnonzero(gains > -np.inf)[-1]), len(gains))

    slots = fill_slots(person(k=2), scored(np.arange(50.0)[::-1]), {}, Last(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == [49, 48]


class Loss:
    """Takes away this much from the first six, and adds nothing; keeps count of whom it was asked about."""

    def __init__(self, amount: float, ceiling: float = 0.0) -> None:
        self.amount, self.most, self.seen = amount, ceiling, list[int]()

    def ceiling(self, query: Query) -> float:
        return self.most

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        self.seen.append(len(candidates))
        return lambda last: np.where(candidates.rows < 6, -self.amount, 0.0)


@pytest.mark.parametrize(("amount", "seen", "winner"), [(0.1, [6], 0), (0.7, [6], 0), (0.95, [6, 13], 6)])
def test_few_are_looked_at_only_where_nobody_else_could_win(amount: float, seen: list[int], winner: int) -> None:
    scores, loss = [1.0, 0.99, 0.98, 0.5, 0.5, 0.5, *[0.1] * 6, 0.0], Loss(amount)
    slots = fill_slots(person(k=1), scored(scores), {"loss": loss}, Greedy(), RNG)
    assert (loss.seen, slots[0].row) == (seen, winner)


def test_as_many_are_looked_at_as_what_objectives_may_add_asks_for() -> None:
    scores = [1.0, 0.99, 0.98, 0.97, 0.6, 0.5, *[0.1] * 6, 0.0]
    wide = Loss(0.1, ceiling=0.2)  # so that 1.0 may fall to .8, and .6 rise to it
    slots = fill_slots(person(k=1), scored(scores), {"loss": wide}, Greedy(), RNG)
    assert (wide.seen, slots[0].row) == ([5], 0)


def _cosine(a: int, b: int) -> float:
    left, right = VECTORS[a].astype(float), VECTORS[b].astype(float)
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))


@pytest.mark.parametrize("policy", [Greedy(), Boltzmann(0.4), Epsilon(0.3)])
def test_the_chances_of_all_slates_sum_to_one(policy: Policy) -> None:
    candidates, query = scored([0.3, 0.1, 0.9, 0.5]), person(k=3)
    objectives: dict[str, Objective] = {"mmr": MMR(VECTORS, 0.6)}
    chances = [
        np.prod(replay(query, candidates, objectives, policy, np.array(rows))) for rows in permutations(range(4), 3)
    ]
    assert sum(chances) == pytest.approx(1.0, abs=1e-9)


def test_the_draws_follow_the_chances() -> None:
    candidates, query = scored([0.0, 1.0, 0.5]), person(k=1)
    rng = np.random.default_rng(5)
    drawn = [fill_slots(query, candidates, {}, Boltzmann(1.0), rng)[0].row for _ in range(4000)]
    # exp of 0, 1, .5 = 1, 2.71828, 1.64872; their sum 5.36700
    np.testing.assert_allclose(np.bincount(drawn) / 4000, [0.18632, 0.50648, 0.30720], atol=0.03)


def test_one_seed_gives_one_slate() -> None:
    candidates, query = scored(np.arange(20.0)), person(k=8)
    first, second = (
        [slot.row for slot in fill_slots(query, candidates, {}, Boltzmann(0.5), np.random.default_rng(3))]
        for _ in range(2)
    )
    assert first == second


def test_a_slate_with_an_item_that_is_no_candidate_has_no_chance_from_there_on() -> None:
    candidates, query = scored([3.0, 2.0, 1.0]), person(k=3)
    assert replay(query, candidates, {}, Greedy(), np.array([0, 77, 1])).tolist() == [1.0, 0.0, 0.0]
    assert replay(query, candidates, {}, Greedy(), np.array([1, 0, 2])).tolist() == [0.0, 1.0, 1.0]
    assert replay(query, candidates, {}, Greedy(), np.array([0, 0])).tolist() == [1.0, 0.0]


def test_forbidding_beats_pinning() -> None:
    objectives: dict[str, Objective] = {"pin": Pin({2: 0}), "forbid": Constant({2: -np.inf})}
    slots = fill_slots(person(k=3), scored([3.0, 2.0, 1.0]), objectives, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == [0, 1]


def test_no_candidates_make_an_empty_slate() -> None:
    assert fill_slots(person(), scored([]), _objectives(1, {}), Greedy(), np.random.default_rng(0)) == ()


def test_equal_scores_stand_in_the_order_of_proposal() -> None:
    assert score_of(scored([2.0, 2.0])).tolist() == [0.0, 0.0]
    slots = fill_slots(person(k=2), scored([2.0, 2.0, 2.0], [9, 4, 7]), {}, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == [9, 4]


def test_a_draw_never_takes_what_has_no_chance() -> None:
    class Highest(np.random.Generator):
        def random(self, *_: object) -> float:  # type: ignore[override]
            return float(np.nextafter(1.0, 0.0))

    top = Highest(np.random.PCG64(0))
    for chances in ([0.5, 0.5, 0.0], [0.1] * 10 + [0.0], [1.0, 0.0]):
        assert chances[draw(np.array(chances), top)] > 0
