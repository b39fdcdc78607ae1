"""Fields: what rows say, token by token."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from regard.domain.records import Value
from regard.models.fields import CLOCK, Fields, clock, distinct, said_by

ROWS: list[dict[str, Value]] = [
    {"genre": ("war", "drama"), "age": 20.0, "member": True},
    {"genre": ("drama",), "age": 40.0, "member": True},
    {"genre": ("war",), "age": 60.0, "title": "never read"},
]


def value(fields: Fields, row: Mapping[str, Value], name: str, word: str) -> float:
    return float(fields.read([row]).toarray()[0, fields.columns.index((name, word))])


def test_words_share_one_field_and_numbers_are_deviations_and_eighths() -> None:
    fields = Fields.learn(ROWS)
    assert "title" not in fields.kinds
    assert np.isclose(value(fields, ROWS[0], "genre", "war"), 2**-0.5)
    assert value(fields, ROWS[1], "genre", "drama") == 1.0
    # ages 20, 40, 60: mean 40, deviation sqrt(800 / 3) = 16.33
    assert np.isclose(value(fields, ROWS[2], "age", "="), 20 / (800 / 3) ** 0.5)
    assert value(fields, {"age": 1e9}, "age", "=") == 4.0
    assert value(fields, ROWS[0], "age", "0") == 1.0
    assert value(fields, ROWS[1], "member", "True") == 1.0


def test_what_is_not_said_or_not_known_is_missing() -> None:
    fields = Fields.learn(ROWS)
    unknown: list[Mapping[str, Value]] = [{}, {"genre": ("sport",)}, {"genre": ()}]
    for row in unknown:
        assert value(fields, row, "genre", "") == 1.0
    assert value(fields, ROWS[0], "genre", "") == 0.0
    assert value(fields, {"age": "old"}, "age", "") == 1.0
    for number in (float("nan"), float("inf")):
        assert value(fields, {"age": number}, "age", "") == 1.0
    assert fields.read([]).shape == (0, fields.width)


def test_rare_words_are_not_learned_and_a_mixed_field_is_words() -> None:
    fields = Fields.learn([{"x": "a", "y": 1.0}, {"x": "a", "y": "one"}, {"x": "b"}])
    assert [word for name, word in fields.columns if name == "x"] == ["a", ""]
    assert fields.kinds["y"] == "word"


def test_arrays_round_trip() -> None:
    fields = Fields.learn(ROWS)
    again = Fields.from_arrays("item", fields.arrays("item"))
    assert (again.read(ROWS) != fields.read(ROWS)).nnz == 0
    assert again.columns == fields.columns
    empty = Fields.learn([])
    assert Fields.from_arrays("none", empty.arrays("none")).width == 0


def test_tables_give_rows_and_equal_rows_are_read_once() -> None:
    day = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)
    table = pa.table({"genre": [["war"], [], None], "since": [day, None, None], "x": [1.0, float("nan"), 2.0]})
    rows = said_by(table)
    assert rows == [{"genre": ("war",), "since": 86_400.0, "x": 1.0}, {}, {"x": 2.0}]
    asked: list[int] = []
    fields = Fields.learn(rows)

    def read(said: list[dict[str, Value]]) -> sparse.csr_array:
        asked.append(len(said))
        return fields.read(said)

    repeated = pa.concat_tables([table, table])
    assert (distinct(repeated, read).toarray() == fields.read(rows + rows).toarray()).all()
    assert asked == [3]


def test_dates_are_numbers_and_without_a_zone_they_are_of_utc(elsewhere: None) -> None:
    told = {"day": [dt.date(1970, 1, 2), None], "moment": [dt.datetime(1970, 1, 2, 1), dt.datetime(1970, 1, 3)]}
    rows = said_by(pa.table(told))
    assert rows == [{"day": 86_400.0, "moment": 90_000.0}, {"moment": 172_800.0}]
    assert Fields.learn(rows).kinds == {"day": "number", "moment": "number"}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is not that of UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_clock_knows_hours_and_days() -> None:
    noon_friday = 86_400.0 * 1.5
    found = clock(np.array([noon_friday, noon_friday + 7 * 86_400]))
    assert found.shape == (2, CLOCK)
    assert np.allclose(found[0], found[1])
    assert np.allclose(found[0, :4], [0, -1, 0, 1], atol=1e-6)
    assert found[0, 4:].argmax() == 4  # Monday is 0


def test_an_empty_word_says_nothing() -> None:
    rows: list[Mapping[str, Value]] = [{"kind": ""}, {"kind": ""}, {"kind": "a"}, {"kind": "a"}]
    fields = Fields.learn(rows)
    assert fields.columns == (("kind", "a"), ("kind", ""))
    assert fields.read(rows).toarray().tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]
