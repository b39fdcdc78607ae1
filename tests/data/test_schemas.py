"""Rows at the edge: records or named refusals, and the same verdicts one by one and in bulk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.cleaning import COLUMNS, Cleaner
from regard.data.files.delimited import ROW, Batch, Delimited
from regard.data.files.naming import Kind
from regard.data.files.source import Source
from regard.data.schemas import parse_event, parse_item, parse_user
from regard.domain.errors import InvalidInput

NOW = 1_700_000_000.0
CELLS = st.sampled_from(
    [None, "a", " a ", "", " ", "u\n1", "x" * 257, "é" * 256, "1", "-1", "+2.5", "1e5", "1e300", ".5", "5.", "1_000",
     "1,5", "nan", "inf", "١", "0", "true", "No", "maybe", "1600000000", "1600000000123", "1600000000123456", "1e11",
     "1700086400", "1700086401", "-5", "2020-09-13", "2020-09-13T12:26:40Z", "2020-09-13 12:26:40+02:00", "2020-13-01",
     "1969-12-31", "{}", '{"a": 1}', "[1]", '["a", "b"]', "a|b", '{"a": NaN}', "rating", "view", "\x07", "1000001",
     "3.5"]
)  # fmt: skip


def cleaned(kind: Kind, rows: list[dict[str, Any]], type_: str = "view") -> tuple[dict[int, Any], dict[int, str]]:
    columns = COLUMNS[kind]
    schema = dict.fromkeys(columns, pl.String) | {ROW: pl.Int64}
    frame = pl.DataFrame([{**row, ROW: n} for n, row in enumerate(rows)], schema=schema)
    source = Source(Path("t"), kind, "t", Delimited(",", (), False), {}, type=type_)
    good, bad = Cleaner(source, NOW).clean(Batch(frame.with_columns(pl.col(pl.String).replace("", None))))
    return {row[ROW]: row for row in good.to_dicts()}, dict(bad.select("row", "field").rows())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS["events"], CELLS)), min_size=1, max_size=8))
def test_events_are_judged_alike_one_by_one_and_in_bulk(rows: list[dict[str, Any]]) -> None:
    good, bad = cleaned("events", rows)
    refused = set()
    for n, row in enumerate(rows):
        try:
            event = parse_event({**row, "type": row["type"] or "view"}, "row", now=NOW)
        except InvalidInput:
            refused.add(n)
            continue
        bulk = good[n]
        said = (event.user, event.item, event.type, event.time, event.id, event.slate, event.position)
        assert said == (bulk["user"], bulk["item"], bulk["type"], bulk["time"], bulk["id"] or "", bulk["slate"] or "",
                        bulk["position"])  # fmt: skip
        assert event.value == pytest.approx(bulk["value"])
        assert dict(event.context) == json.loads(bulk["context"] or "{}")
    assert refused == set(bad)


@pytest.mark.parametrize(
    "number",
    [0, 7, -1, 2.5, 1_000_001, 1600000000, 1600000000123, 1.6e15, 1.6e18, NOW + 86_400, NOW + 86_401, 1e30, 1.1e30,
     10**400, float("nan"), float("inf"), -0.0, True],
)  # fmt: skip
@pytest.mark.parametrize("field", ["time", "value", "position"])
def test_a_number_is_judged_as_if_it_were_written(field: str, number: float) -> None:
    said = []
    for value in (number, json.dumps(number)):
        try:
            event = parse_event({"user": "a", "item": "b", "time": NOW, field: value}, "row", now=NOW)
            said.append(repr(getattr(event, field)))
        except InvalidInput as refused:
            said.append(refused.expected)
    assert said[0] == said[1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS["items"], CELLS)), min_size=1, max_size=8))
def test_items_are_judged_alike_one_by_one_and_in_bulk(rows: list[dict[str, Any]]) -> None:
    good, bad = cleaned("items", rows)
    refused = set()
    for n, row in enumerate(rows):
        try:
            item = parse_item(row, "row")
        except InvalidInput:
            refused.add(n)
            continue
        bulk = good[n]
        assert (item.id, item.title, item.valid_from) == (bulk["id"], bulk["title"] or "", bulk["valid_from"])
        assert list(item.tags) == json.loads(bulk["tags"] or "[]")
        assert item.hidden == bool(bulk["hidden"])
    assert refused == set(bad)


def test_gorse_and_personalize_words_are_understood() -> None:
    gorse = {
        "FeedbackType": "star",
        "UserId": "bob",
        "ItemId": "a:b",
        "Value": 1.0,
        "Timestamp": "2022-02-24",
        "Comment": "",
    }
    event = parse_event(gorse, "body[0]", now=NOW)
    # 2022-02-24T00:00Z is 1645660800
    assert (event.user, event.item, event.type, event.value, event.time) == ("bob", "a:b", "star", 1.0, 1_645_660_800.0)
    item = parse_item(
        {"ItemId": "i", "IsHidden": True, "Categories": ["x"], "Labels": {"size": 3}, "Comment": "nice"}, "body"
    )
    assert (item.hidden, item.tags, dict(item.attributes), item.text) == (True, ("x",), {"size": 3.0}, "nice")
    row = {"USER_ID": 7, "ITEM_ID": "i", "TIMESTAMP": 1600000000, "EVENT_TYPE": "Watch", "device": "tv"}
    assert dict(parse_event(row, "row 1", now=NOW).context) == {"device": "tv"}


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ({"item": "i"}, "events[3].user"),
        ({"user": ["u"], "item": "i"}, "events[3].user"),
        ({"user": "u", "item": "i", "value": "many"}, "events[3].value"),
        ({"user": "u", "item": "i", "time": NOW + 90_000}, "events[3].time"),
        ({"user": "u", "item": "i", "type": "rating"}, "events[3].value"),
        ({"user": "u", "item": "i", "context": [1]}, "events[3].context"),
        ("u,i", "events[3]"),
    ],
)
def test_refusals_name_row_and_field(raw: Any, where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_event(raw, "events[3]", now=NOW)
    assert refused.value.where == where
    assert refused.value.expected
    assert refused.value.got


def test_users_carry_typed_attributes_and_consent() -> None:
    user = parse_user({"id": 5, "age": 30, "langs": ["en", "de"], "vip": True, "consent": {"mood": False}}, "users[0]")
    assert (user.id, dict(user.consent)) == ("5", {"mood": False})
    assert dict(user.attributes) == {"age": 30.0, "langs": ("en", "de"), "vip": True}
    with pytest.raises(InvalidInput, match=r"consent\.mood"):
        parse_user({"id": "u", "consent": {"mood": "perhaps"}}, "users[0]")
