import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.recommending.diversity import DPP, MMR
from regard.recommending.policies import Greedy
from regard.recommending.slots import fill_slots, score_of
from tests.recommending.linear import person, scored


def _kernel(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    S = np.asarray((1 + unit @ unit.T) / 2)
    np.fill_diagonal(S, 1.0)
    return S


def _naive_greedy(quality: np.ndarray, S: np.ndarray, weight: float, k: int) -> list[int]:
    L = np.exp(quality / (2 * weight))[:, None] * S * np.exp(quality / (2 * weight))[None, :]
    chosen: list[int] = []
    for _ in range(k):
        volumes = [
            -np.inf if i in chosen else np.linalg.slogdet(L[np.ix_([*chosen, i], [*chosen, i])])[1]
            for i in range(len(L))
        ]
        chosen.append(int(np.argmax(volumes)))
    return chosen


@given(seed=st.integers(0, 10_000), weight=st.floats(0.05, 2.0), width=st.integers(8, 24))
def test_the_fast_dpp_equals_the_naive_greedy_item_for_item(seed: int, weight: float, width: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(24, width)).astype(np.float32)
    candidates = scored(rng.normal(size=24))
    slots = fill_slots(person(k=7), candidates, {"dpp": DPP(vectors, weight)}, Greedy(), rng)
    expected = _naive_greedy(score_of(candidates), _kernel(vectors.astype(float)), weight, 7)
    assert [slot.row for slot in slots] == expected


@pytest.mark.parametrize("seed", range(20))
def test_many_copies_of_an_item_leave_a_dpp_finite(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(1, 8)).astype(np.float32).repeat(60, axis=0) * rng.uniform(0.1, 9, (60, 1)).astype("f4")
    gain = DPP(vectors).begin(person(k=60), scored(np.arange(60.0)))
    taken: list[int | None] = [None, *rng.permutation(60).tolist()]
    assert all(np.isfinite(gain(last)).all() for last in taken)


def test_the_gains_of_a_dpp_sum_to_the_volume_of_the_list() -> None:
    vectors = np.random.default_rng(1).normal(size=(9, 12)).astype(np.float32)
    slots = fill_slots(
        person(k=5), scored(np.arange(9.0)), {"dpp": DPP(vectors, 1.0)}, Greedy(), np.random.default_rng()
    )
    rows = [slot.row for slot in slots]
    S = _kernel(vectors.astype(float))[np.ix_(rows, rows)]
    assert sum(slot.parts["dpp"] for slot in slots) == pytest.approx(np.linalg.slogdet(S)[1], abs=1e-4)


def test_mmr_by_hand() -> None:
    # cosines to item 0: item 1 = 1, item 2 = 0, item 3 = -1; scaled scores 1, .9, .5, 0; weight .5
    # slot 0: item 0. slot 1: .9 - .5 = .4 | .5 - 0 = .5 | 0 + .5 = .5 (tie: the first) -> item 2
    # slot 2: item 1: .9 - .5 * max(1, 0) = .4; item 3: 0 - .5 * max(-1, 0) = 0 -> item 1
    vectors = np.array([[1, 0], [2, 0], [0, 3], [-1, 0]], np.float32)
    candidates = scored([10.0, 9.0, 5.0, 0.0])
    slots = fill_slots(person(k=4), candidates, {"mmr": MMR(vectors, 0.5)}, Greedy(), np.random.default_rng(0))
    assert [slot.row for slot in slots] == [0, 2, 1, 3]
    assert [slot.parts["mmr"] for slot in slots] == pytest.approx([0.0, 0.0, -0.5, 0.0])


def test_copies_are_pushed_back_but_never_forbidden() -> None:
    vectors = np.ones((4, 3), np.float32)
    for objective in (MMR(vectors), DPP(vectors)):
        slots = fill_slots(person(k=4), scored([4.0, 3, 2, 1]), {"d": objective}, Greedy(), np.random.default_rng(0))
        assert [slot.row for slot in slots] == [0, 1, 2, 3]
        assert all(np.isfinite(slot.parts["d"]) for slot in slots)


@pytest.mark.parametrize("kind", [MMR, DPP])
@pytest.mark.parametrize("weight", [-0.1, np.inf, np.nan])
def test_a_weight_is_a_number(kind: type, weight: float) -> None:
    with pytest.raises(InvalidInput, match="weight"):
        kind(np.ones((2, 2)), weight)
