import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.candidates import Candidates, Scored, union
from regard.domain.errors import InvalidInput


def _batch(source: str, *pairs: tuple[int, float]) -> Candidates:
    return Candidates.of(source, np.array([p[0] for p in pairs], int), np.array([p[1] for p in pairs]))


def test_the_first_proposer_keeps_an_item_and_all_are_remembered() -> None:
    both = union({"a": _batch("a", (5, 0.9), (2, 0.5)), "b": _batch("b", (2, 7.0), (8, 6.0))})
    assert both.rows.tolist() == [5, 2, 8]
    assert both.proposers(range(3)) == [("a",), ("a", "b"), ("b",)]
    assert both.proposals[1].tolist() == [0.5, 7.0]


def test_nobody_proposes_nothing() -> None:
    assert len(union({})) == 0
    assert len(union({"a": _batch("a")})) == 0


def test_the_first_of_a_batch_keep_their_scores() -> None:
    batch = _batch("a", (5, 0.9), (2, 0.5))
    assert batch.first(1).rows.tolist() == [5]
    assert batch.first(1).scores.tolist() == [0.9]
    assert batch.first(2) is batch


def test_columns_follow_the_rows() -> None:
    batch = _batch("a", (5, 0.9), (2, 0.5)).with_features(["age"], np.array([[1.0], [2.0]]))
    batch = batch.scored(Scored(np.array([1.0, 3.0]), np.zeros(2))).where(np.array([False, True]))
    assert batch.feature("age").tolist() == [2.0]
    assert batch.mean is not None
    assert batch.mean.tolist() == [3.0]


@pytest.mark.parametrize("mean", [[np.nan, 0.0], [np.inf, 0.0]])
def test_a_score_is_finite(mean: list[float]) -> None:
    with pytest.raises(InvalidInput, match="finite"):
        Scored(np.array(mean), np.zeros(2))


def test_rows_are_unique() -> None:
    with pytest.raises(InvalidInput, match="unique"):
        _batch("a", (5, 1.0), (5, 2.0))


def test_an_unknown_feature_is_named() -> None:
    with pytest.raises(InvalidInput, match="age"):
        _batch("a", (5, 1.0)).feature("age")


@given(st.lists(st.dictionaries(st.integers(0, 30), st.floats(-9, 9), max_size=12), max_size=5), st.booleans())
def test_a_union_holds_what_each_source_said_in_the_order_of_who_came_first(
    said: list[dict[int, float]], far: bool
) -> None:
    step = 2**33 if far else 1  # rows of any size
    batches = {f"s{n}": _batch("s", *((row * step, score) for row, score in own.items())) for n, own in enumerate(said)}
    both = union(batches)
    assert both.rows.tolist() == list(dict.fromkeys(row * step for own in said for row in own))
    for place, row in enumerate((both.rows // step).tolist()):
        assert [own.get(row) for own in said] == [None if x != x else x for x in both.proposals[place].tolist()]
