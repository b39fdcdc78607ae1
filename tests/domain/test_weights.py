import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY, DEFAULT_WEIGHTS, EventWeight, Weighting, weigh


def test_the_first_row_that_fits_decides() -> None:
    types = ("rating", "view", "wish")
    codes = np.array([0, 0, 1, 2])
    values = np.array([5.0, 3.0, 1.0, 1.0])
    # rating 5 >= 4 -> 1; rating 3 -> 0; view -> .1; "wish" has no row -> 1
    assert weigh(types, codes, values, DEFAULT_WEIGHTS).tolist() == pytest.approx([1, 0, 0.1, 1])


def test_a_scaled_weight_multiplies_the_value() -> None:
    table = [EventWeight("rating", 0.5, scaled=True)]
    assert weigh(("rating",), np.array([0]), np.array([4.0]), table).tolist() == [2.0]


def test_a_type_whose_rows_all_fail_weighs_nothing() -> None:
    table = [EventWeight("rating", 1.0, at_least=4)]
    assert weigh(("rating",), np.array([0]), np.array([3.0]), table).tolist() == [0.0]


def _row(weighting: Weighting, items: list[int], weights: list[float], times: list[float], n: int = 4) -> list[float]:
    offsets = np.array([0, len(items)])
    matrix = weighting.matrix(offsets, np.array(items, int), np.array(weights), np.array(times), n)
    return [float(x) for x in matrix.toarray()[0]]


def test_half_life_counts_from_the_person_s_newest_event() -> None:
    # ages 2, 1, 0 days, half-life 1 day -> 1/4, 1/2, 1
    got = _row(Weighting(half_life=1), [0, 1, 2], [1, 1, 1], [0, DAY, 2 * DAY])
    assert got == pytest.approx([0.25, 0.5, 1, 0])


def test_recency_counts_places_from_the_newest() -> None:
    assert _row(Weighting(recency=0.5), [0, 1, 2], [1, 1, 1], [0, 0, 0]) == pytest.approx([0.25, 0.5, 1, 0])


@pytest.mark.parametrize(
    ("repeats", "worth"),
    [("max", 3.0), ("sum", 5.0), ("log", np.log(6.0))],  # weights 2 and 3 on one item
)
def test_repeats_combine(repeats: str, worth: float) -> None:
    weighting = Weighting(repeats=repeats, binary=False)  # type: ignore[arg-type]
    assert _row(weighting, [1, 1], [2, 3], [0, 0]) == pytest.approx([0, worth, 0, 0])


def test_dislikes_and_items_newer_than_the_model_do_not_enter() -> None:
    assert _row(Weighting(), [0, 1, 9], [-1, 1, 1], [0, 0, 0]) == [0, 1, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e6)), max_size=20))
def test_an_empty_or_any_history_makes_a_canonical_row(events: list[tuple[int, float]]) -> None:
    events.sort(key=lambda e: e[1])
    items, times = [e[0] for e in events], [e[1] for e in events]
    weighting = Weighting(half_life=1.0)
    matrix = weighting.matrix(np.array([0, len(items)]), np.array(items, int), np.ones(len(items)), np.array(times), 4)
    assert matrix.nnz == len(set(items))
    assert matrix.has_sorted_indices
    assert (matrix.data <= 1).all()


@pytest.mark.parametrize("wrong", [{"half_life": 0.0}, {"recency": 0.0}, {"recency": 1.5}])
def test_impossible_fields_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Weighting(**wrong)  # type: ignore[arg-type]
