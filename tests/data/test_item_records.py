"""Records of items out of a Dataset: row for row, whatever its columns hold."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from regard.data import item_records
from regard.data.catalogue import Catalogue
from regard.data.item_records import record, records
from regard.domain.dataset import Dataset
from regard.domain.records import Item


def _data(items: pl.DataFrame) -> Dataset:
    return Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["b"]}), items=items)


def test_a_dataset_gives_its_items_back() -> None:
    items = {
        "id": ["a", "b"],
        "title": ["A", None],
        "tags": [["x", "y"], None],
        "year": [1999, 2000],
        "new": [True, None],
    }
    assert list(records(_data(pl.DataFrame(items)))) == [
        Item("a", title="A", tags=("x", "y"), attributes={"year": 1999.0, "new": True}),
        Item("b", attributes={"year": 2000.0}),
    ]
    assert list(records(_data(pl.DataFrame({"id": ["a", "b"]})))) == [Item("a"), Item("b")]


def test_an_item_may_be_valid_between_dates() -> None:
    ends = {"valid_from": [date(1970, 1, 2), None], "valid_until": [datetime(1970, 1, 2, 1), None]}
    data = _data(pl.DataFrame({"id": ["a", "b"], **ends}))
    assert record(data, 0) == Item("a", valid_from=86_400.0, valid_until=90_000.0)
    catalogue = Catalogue.of(data)
    assert catalogue.valid_from.tolist() == [86_400.0, float("-inf")]
    assert catalogue.valid_until.tolist() == [90_000.0, float("inf")]


def test_one_tag_is_a_list_of_one() -> None:
    assert record(_data(pl.DataFrame({"id": ["a", "b"], "tags": ["crime", None]})), 0) == Item("a", tags=("crime",))


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
def test_however_many_are_read_at_once_all_come_in_order(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(item_records, "AT_ONCE", at_once)
    ids = ["b", *(f"i{n}" for n in range(6))]
    data = _data(pl.DataFrame({"id": ids, "title": [f"title of {name}" for name in ids]}))
    assert [(item.id, item.title) for item in records(data)] == [(name, f"title of {name}") for name in ids]
    assert [item.id for item in records(data, 2, 5)] == ids[2:5]
