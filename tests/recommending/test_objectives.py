from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.recommending.objectives import Fatigue, GroupCap, LongTail, Pin, head
from regard.recommending.policies import Boltzmann, Greedy
from regard.recommending.slots import fill_slots
from tests.recommending.linear import person, scored

DAY = 86_400.0


def test_fatigue_fades_with_its_half_life() -> None:
    # met once, about now or two half lives ago: exposure 1 and .25; loss 1 - e^-1 = .632121, 1 - e^-.25 = .221199
    fresh = Fatigue(weight=1.0, half_life=60 / DAY * 1000).begin(person(5), scored([0.0, 0.0], [5, 6]))(None)
    old = Fatigue(weight=1.0, half_life=30 / DAY).begin(person(5), scored([0.0, 0.0], [5, 6]))(None)
    np.testing.assert_allclose(fresh, [-0.632121, 0.0], atol=1e-3)
    np.testing.assert_allclose(old, [-0.221199, 0.0], atol=1e-6)


def test_fatigue_of_a_group_adds_up_and_an_item_without_group_stands_alone() -> None:
    groups = np.array([7, 7, 7, 8, -1, -1])
    gains = Fatigue(1.0, 1e6, groups).begin(person(0, 1, 4), scored([0.0] * 4, [2, 3, 5, 4]))(None)
    # two events of group 7: 1 - e^-2 = .864665; none of group 8; 5 never met; 4 met once: 1 - e^-1 = .632121
    np.testing.assert_allclose(gains, [-0.864665, 0.0, 0.0, -0.632121], atol=1e-4)


def test_fatigue_reads_a_feature_where_there_is_one() -> None:
    batch = scored([0.0, 0.0]).with_features(["times_seen"], np.array([[0.0], [1.0]]))
    gains = Fatigue(0.5, feature="times_seen").begin(person(), batch)(None)
    np.testing.assert_allclose(gains, [0.0, -0.5 * 0.632121], atol=1e-6)


@given(share=st.floats(0, 1), k=st.integers(1, 12), seed=st.integers(0, 99))
def test_the_long_tail_gets_its_share(share: float, k: int, seed: int) -> None:
    in_head = np.arange(30) < 15
    scores = np.random.default_rng(seed).normal(size=30) + 3 * in_head
    slots = fill_slots(person(k=k), scored(scores), {"t": LongTail(in_head, share)}, Greedy(), np.random.default_rng())
    tail = np.cumsum([not in_head[slot.row] for slot in slots])
    assert (tail >= np.floor(share * np.arange(1, k + 1))).all()


def test_a_list_that_holds_its_share_is_left_alone() -> None:
    slots = fill_slots(
        person(k=4),
        scored([4.0, 3.0, 2.0, 1.0]),
        {"t": LongTail(np.array([True, False, True, True]), 0.25)},
        Greedy(),
        np.random.default_rng(),
    )
    assert [slot.row for slot in slots] == [0, 1, 2, 3]
    assert all(slot.parts["t"] == 0 for slot in slots)


def test_the_head_carries_its_mass() -> None:
    assert head(np.array([10, 50, 30, 10, 0]), 0.5).tolist() == [False, True, False, False, False]
    assert head(np.array([10, 50, 30, 10, 0]), 0.9).tolist() == [True, True, True, False, False]
    assert not head(np.zeros(3)).any()


def test_a_cap_counts_pins_too_and_spares_items_without_group() -> None:
    groups = np.array([1, 1, 1, -1, -1, 2])
    slots = fill_slots(
        person(k=6),
        scored([6.0, 5, 4, 3, 2, 1]),
        {"cap": GroupCap(groups, 1), "pin": Pin({2: 0})},
        Boltzmann(0.1),
        np.random.default_rng(0),
    )
    assert slots[0].row == 2
    assert {slot.row for slot in slots} == {2, 3, 4, 5}


def test_a_cap_that_yields_lets_each_group_hold_one_more_once_nobody_else_is_left() -> None:
    groups = np.array([1, 1, 1, 1, 2, 2, 3])
    capped = {"cap": GroupCap(groups, 1, yields=True)}
    slots = fill_slots(person(k=7), scored([7.0, 6, 5, 4, 3, 2, 1]), capped, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == [0, 4, 6, 1, 5, 2, 3]
    short = fill_slots(person(k=2), scored([7.0, 6, 5, 4, 3, 2, 1]), capped, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in short] == [0, 4]


@pytest.mark.parametrize(("field", "rows"), [("creator", [0, 1, 2]), ("tags", [0, 3, 4])])
def test_a_cap_forbids_nothing_where_the_request_chose_the_groups(field: str, rows: list[int]) -> None:
    query = replace(person(k=3), filtered=frozenset({field}))
    cap = {"cap": GroupCap(np.array([1, 1, 1, 2, 3]), 1, field="creator")}
    slots = fill_slots(query, scored([5.0, 4, 3, 2, 1]), cap, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == rows


def test_a_pinned_item_waits_for_its_turn() -> None:
    slots = fill_slots(person(k=3), scored([9.0, 5, 4, 3]), {"pin": Pin({0: 2})}, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == [1, 2, 0]


def test_pins_move_up_in_a_short_list_and_say_nothing_beyond_it() -> None:
    short = fill_slots(person(k=9), scored([2.0, 1.0]), {"pin": Pin({0: 5, 1: 3})}, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in short] == [1, 0]
    beyond = fill_slots(person(k=2), scored([2.0, 1.0]), {"pin": Pin({0: 5})}, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in beyond] == [0, 1]


@pytest.mark.parametrize("slots", [{1: 0, 2: 0}, {1: -1}])
def test_two_items_cannot_hold_one_slot(slots: dict[int, int]) -> None:
    with pytest.raises(InvalidInput, match="position"):
        Pin(slots)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fatigue(half_life=0.0),
        lambda: Fatigue(weight=-1.0),
        lambda: LongTail(np.zeros(1, bool), share=1.5),
        lambda: GroupCap(np.zeros(1, int), most=0),
    ],
)
def test_hyper_parameters_have_bounds(make: object) -> None:
    with pytest.raises(InvalidInput):
        make()  # type: ignore[operator]
