import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.recommending.calibration import Calibration, shares
from regard.recommending.policies import Greedy
from regard.recommending.slots import fill_slots
from tests.recommending.linear import person, scored


def _divergence(p: np.ndarray, q: np.ndarray, alpha: float) -> float:
    return float(sum(x * np.log(x / ((1 - alpha) * y + alpha * x)) for x, y in zip(p, q, strict=True) if x > 0))


def test_the_gains_of_one_slot_by_hand() -> None:
    # history: 3 x drama, 1 x war: p = (.75, .25). alpha .1. An empty list counts as p: KL = 0
    # after a drama: q~ = (.975, .025): KL = .75 log(.75/.975) + .25 log(.25/.025) = -.196773 + .575646 = .378873
    # after a war:   q~ = (.075, .925): KL = .75 log(.75/.075) + .25 log(.25/.925) = 1.726939 - .327083 = 1.399856
    # after an item without tags: q~ = .1 p: KL = log 10 = 2.302585
    table = shares([["drama"], ["drama"], ["drama"], ["war"], ["drama"], ["war"], None])
    gain = Calibration(table, weight=1.0, alpha=0.1).begin(person(0, 1, 2, 3, k=1), scored([0.0] * 3, [4, 5, 6]))
    np.testing.assert_allclose(gain(None), [-0.378873, -1.399856, -2.302585], atol=1e-6)


@given(seed=st.integers(0, 1000), k=st.integers(1, 6))
def test_the_gains_of_a_list_sum_to_its_divergence(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    table = shares([[f"t{t}" for t in rng.integers(0, 7, rng.integers(0, 4))] for _ in range(30)])
    query, candidates = person(*range(10), k=k), scored(rng.normal(size=20), list(range(10, 30)))
    slots = fill_slots(query, candidates, {"c": Calibration(table, 1.0)}, Greedy(), rng)
    p = table.toarray()[:10].sum(axis=0)
    if not p.any():
        return
    q = table.toarray()[[slot.row for slot in slots]].mean(axis=0)
    divergence = _divergence(p / p.sum(), q, 0.01)
    assert sum(slot.parts["c"] for slot in slots) == pytest.approx(-divergence, abs=1e-9)


def test_a_list_takes_the_proportions_of_the_history() -> None:
    table = shares([["a"]] * 7 + [["b"]] * 3 + [["a"]] * 20 + [["b"]] * 20)
    scores = np.r_[np.linspace(1.0, 0.9, 20), np.linspace(0.6, 0.5, 20)]  # by score alone: no b among ten
    query, candidates = person(*range(10), k=10), scored(scores, list(range(10, 50)))
    slots = fill_slots(query, candidates, {"c": Calibration(table, 100.0)}, Greedy(), np.random.default_rng(0))
    assert sum(slot.row >= 30 for slot in slots) == 3


def test_it_says_nothing_of_a_stranger() -> None:
    gain = Calibration(shares([["a"], ["b"]])).begin(person(), scored([1.0, 2.0]))
    assert gain(None).tolist() == [0.0, 0.0]


def test_events_without_weight_are_no_interest() -> None:
    from dataclasses import replace

    query = person(0, 1)
    query = query.with_history(replace(query.history, weights=np.array([1.0, 0.0])))
    gain = Calibration(shares([["a"], ["b"], ["a"], ["b"]])).begin(query, scored([0.0, 0.0], [2, 3]))
    assert gain(None)[0] > gain(None)[1]


@pytest.mark.parametrize("alpha", [0.0, 1.0, np.nan])
def test_smoothing_is_a_share(alpha: float) -> None:
    with pytest.raises(InvalidInput, match="alpha"):
        Calibration(shares([["a"]]), alpha=alpha)


def test_a_table_of_ones_means_the_same_as_shares() -> None:
    table = shares([["a", "b"], ["b"], ["a", "c"], None, ["b", "c"]])
    ones = table.copy()
    ones.data[:] = 1.0
    query, batch = person(0, 1), scored([0.0] * 3, [2, 3, 4])
    np.testing.assert_array_equal(
        Calibration(ones).begin(query, batch)(None), Calibration(table).begin(query, batch)(None)
    )
