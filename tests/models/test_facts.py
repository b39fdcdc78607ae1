"""What examples say, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from regard.domain.dataset import Dataset
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.domain.request import History, Query
from regard.models.examples import Examples
from regard.models.facts import LENT, NAMES, Facts

DAY = 86_400.0


def shop() -> Dataset:
    """Person 0 met items 0, 1, 0 on days 0, 1, 2 and item 2 at the same moment of day 2; person 1 item 1 on day 3."""
    events = sorted_events(
        n_users=2,
        user=np.array([0, 0, 0, 0, 1]),
        item=np.array([0, 1, 0, 2, 1]),
        time=DAY * np.array([0.0, 1, 2, 2, 3]),
        types=("view", "buy"),
        type=np.array([0, 1, 0, 1, 1], np.int16),
        weight=np.array([1.0, 0, 1, 1, 1], np.float32),
        context=pa.table({"device": ["phone", "desk", "phone", "phone", "desk"]}),
    )
    items = pa.table({"tags": [["a"], ["a", "b"], ["b"]], "valid_from": [None, -DAY, None]})
    people = pa.table({"taste": ["x", "y"]})
    users, names = Index("user", ["u", "v"]), Index("item", ["i", "j", "k"])
    return Dataset(users, names, events, people, items, at=4 * DAY)


def column(examples: Examples, name: str) -> list[float]:
    return [float(value) for value in examples.columns[:, NAMES.index(name)]]


def test_an_event_is_judged_by_what_came_strictly_before_it() -> None:
    data = shop()
    examples = Facts.learn(data, 3).of_events(data, data)
    assert examples.history.tolist() == [[-1, -1, -1], [-1, -1, 0], [-1, 0, 1], [-1, 0, 1], [-1, -1, -1]]
    assert examples.actions.tolist() == [[-1, -1, -1], [-1, -1, 0], [-1, 0, 1], [-1, 0, 1], [-1, -1, -1]]
    assert column(examples, "own events") == pytest.approx(np.log1p([0, 1, 2, 2, 0]))
    assert column(examples, "met before") == pytest.approx(np.log1p([0, 0, 1, 0, 0]))
    assert column(examples, "item events") == pytest.approx(np.log1p([0, 0, 1, 0, 1]))
    rate = 4 / 5
    expected = [rate, rate, (1 + LENT * rate) / (1 + LENT), rate, (0 + LENT * rate) / (1 + LENT)]
    assert column(examples, "item liked") == pytest.approx(expected)
    ages = np.log1p([np.nan, 2, 2, np.nan, 4])  # item 1 dates itself, item 0 was first met on day 0
    np.testing.assert_allclose(column(examples, "item age"), ages, rtol=1e-6)


def test_an_event_s_own_outcome_changes_nothing_of_its_example() -> None:
    data, e = shop(), shop().events
    facts = Facts.learn(data, 3)
    for event in range(len(e)):
        other = e.weight.copy()
        other[event] = 1 - other[event]
        changed = replace(data, events=replace(e, weight=other))
        one, two = facts.of_events(data, data), facts.of_events(changed, changed)
        assert one.columns[event].tobytes() == two.columns[event].tobytes()


def test_a_request_after_everything_says_what_an_event_would() -> None:
    data = shop()
    facts = Facts.learn(data, 3)
    later = sorted_events(
        n_users=2,
        user=np.array([0, 0]),
        item=np.array([0, 2]),
        time=np.array([5 * DAY, 5 * DAY]),
        types=("view", "buy"),
        context=pa.table({"device": ["desk", "desk"]}),
    )
    asked = replace(data, events=later)
    by_event = facts.of_events(asked, data)
    query = data.query(0, at=5 * DAY, context={"device": "desk"})
    by_request = facts.of_requests([query], [np.array([0, 2])])
    for name in ("person", "item", "at", "columns", "history", "actions"):
        np.testing.assert_array_equal(getattr(by_event, name), getattr(by_request, name), err_msg=name)
    for name in ("people", "items", "context"):
        np.testing.assert_array_equal(getattr(by_event, name).toarray(), getattr(by_request, name).toarray())


def test_the_context_of_a_request_is_read() -> None:
    facts = Facts.learn(shop(), 0)
    phone, desk = facts.moments.words["device", "phone"], facts.moments.words["device", "desk"]
    for said, other, device in ((phone, desk, "phone"), (desk, phone, "desk")):
        row = facts.of_requests([Query(at=0.0, context={"device": device})], [np.array([0])]).context.toarray()[0]
        assert (row[said], row[other]) == (1, 0)


def test_an_item_that_came_since_speaks_by_its_attributes_only() -> None:
    data = shop()
    facts = Facts.learn(data, 2)
    table = pa.table({"tags": [["a"], ["a", "b"], ["b"], ["b"]], "valid_from": [None, -DAY, None, 3 * DAY]})
    before = facts.of_requests([data.query(0)], [np.array([3])])
    after = facts.grown(table).of_requests([data.query(0)], [np.array([3])])
    assert before.items.nnz == 0
    assert np.isnan(column(before, "item age")[0])
    assert after.items.toarray()[0, facts.items.words["tags", "b"]] == 1
    assert column(after, "item age") == pytest.approx([np.log1p(1.0)])
    assert column(after, "item events") == [0.0]


def test_types_of_another_log_are_recoded() -> None:
    facts = Facts.learn(shop(), 2)
    past = History(np.array([1, 2]), np.ones(2), np.zeros(2), np.array([0, 1]), np.ones(2), ("buy", "wave"))
    assert facts.of_requests([Query(at=1.0, history=past)], [np.array([0])]).actions.tolist() == [[1, -1]]


def test_facts_are_read_back_as_they_were() -> None:
    data = shop()
    facts = Facts.learn(data, 2)
    again = Facts.from_arrays(facts.arrays())
    one, two = facts.of_events(data, data), again.of_events(data, data)
    assert one.columns.tobytes() == two.columns.tobytes()
    assert again.names == facts.names
    assert len(facts.names) == sum(getattr(one, name).shape[1] for name in ("people", "items", "context"))
