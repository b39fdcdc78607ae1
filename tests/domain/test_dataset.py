from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.request import History, Query, Slot, history_matrix
from regard.domain.weights import EventWeight, Weighting
from regard.models.fields import said_by

FRAME = pl.DataFrame(
    {
        "user_id": [7, 7, 8, 7],
        "movieId": ["b", "a", "b", "c"],
        "rating": [5.0, 4.0, 2.0, 1.0],
        "timestamp": [30, 10, 5, 20],
    }
)


@pytest.mark.parametrize("frame", [FRAME, FRAME.to_pandas(), FRAME.to_arrow(), FRAME.lazy()], ids=str)
def test_every_table_people_hold_gives_the_same_data(frame: object) -> None:
    data = Dataset.from_frame(frame)
    assert list(data.users) == ["7", "8"]
    assert list(data.items) == ["b", "a", "c"]
    history = data.history(data.users.row("7"))
    assert [data.items[r] for r in history.rows] == ["a", "c", "b"]  # oldest first
    assert history.weights.tolist() == [1, 0, 1]  # rating >= 4
    assert data.at == 30


def test_datetimes_become_unix_seconds() -> None:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    data = Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["i"], "time": [moment]}))
    assert data.events.time.tolist() == [moment.timestamp()]


def test_items_bring_titles_and_stay_without_events() -> None:
    items = pl.DataFrame({"id": ["z", "a"], "title": ["Zed", "Ay"], "tags": [["x"], ["x", "y"]]})
    data = Dataset.from_frame(FRAME, items=items)
    assert list(data.items) == ["z", "a", "b", "c"]
    assert data.titles == ["Zed", "Ay", "b", "c"]
    assert data.item_column("tags") == [["x"], ["x", "y"], None, None]


def test_users_bring_attributes_to_their_query() -> None:
    users = pd.DataFrame({"id": ["8"], "age": [31.0]})
    data = Dataset.from_frame(FRAME, users=users)
    assert data.query("8").attributes == {"age": 31.0}
    assert data.query("7").attributes == {}


def test_attributes_of_a_query_are_read_as_a_fit_reads_them() -> None:
    told = {"since": [datetime(2020, 1, 1, tzinfo=UTC), None], "langs": [["en", "de"], []], "age": [31.0, float("nan")]}
    data = Dataset.from_frame(FRAME, users=pl.DataFrame({"id": ["7", "8"], **told}))
    assert [data.query(name).attributes for name in ("7", "8")] == said_by(data.user_attributes)
    assert data.query("7").attributes == {"since": 1577836800.0, "langs": ("en", "de"), "age": 31.0}


def test_another_table_of_weights_changes_what_counts() -> None:
    data = Dataset.from_frame(FRAME).weighted([EventWeight("rating", 1.0)])
    assert data.matrix().nnz == 4


def test_where_keeps_rows_and_order() -> None:
    data = Dataset.from_frame(FRAME)
    left = data.where(data.events.time > 10)
    assert len(left.users) == 2
    assert [left.items[r] for r in left.history(0).rows] == ["c", "b"]
    assert len(left.history(1)) == 0


def test_a_query_s_row_equals_the_matrix_row() -> None:
    data = Dataset.from_frame(FRAME)
    weighting = Weighting(half_life=1e-4, recency=0.7)
    alone = history_matrix([data.query("7"), data.query("8")], len(data.items), weighting)
    assert np.array_equal(alone.toarray(), data.matrix(weighting).toarray())


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pl.DataFrame({"user": ["u"]}), "item"),
        (pl.DataFrame({"user": ["u"], "item": [None]}, schema_overrides={"item": pl.String}), "item"),
        (pl.DataFrame({"user": ["u"], "item": ["i"], "value": [float("nan")]}), r"frame\[0\]\.value"),
        (pl.DataFrame({"user": ["u"], "item": ["i"], "value": ["much"]}), "much"),
        ([("u", "i")], "list"),
    ],
)
def test_a_bad_table_is_refused_in_words(frame: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Dataset.from_frame(frame)


def test_an_unknown_person_is_answered_with_a_near_one() -> None:
    data = Dataset.from_frame(pl.DataFrame({"user": ["alice"], "item": ["i"]}))
    with pytest.raises(NotFound, match="Did you mean alice"):
        data.query("alise")


def test_a_history_without_an_item_forgets_each_of_its_events() -> None:
    history = History(np.array([1, 2, 1]), np.ones(3, np.float32), np.arange(3.0))
    assert history.without([1]).rows.tolist() == [2]


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(InvalidInput, match="slot"):
        Query(at=0, k=0)
    with pytest.raises(InvalidInput, match="propensity"):
        Slot(0, 1, 1.0, 0.0, "a", ("a",), {})


def test_a_history_says_what_was_done_and_how_much() -> None:
    frame = pl.DataFrame(
        {"user": ["u"] * 3, "item": ["a", "b", "a"], "type": ["view", "rating", "view"], "value": [1.0, 4.0, 1.0]}
    )
    history = Dataset.from_frame(frame).history(0)
    assert [history.types[action] for action in history.actions] == ["view", "rating", "view"]
    assert history.without([0]).values.tolist() == [4.0]
    assert History(np.array([3, 4]), np.ones(2), np.zeros(2)).actions.tolist() == [-1, -1]
