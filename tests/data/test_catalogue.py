"""The catalogue: rows that never move, new items with everything at once, readers that wait for nobody."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.attributes import columns_of
from regard.data.catalogue import Catalogue
from regard.data.item_records import members, members_of, record
from regard.domain.arrays import Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.records import Item


class Lengths:
    """A toy encoder: the lengths of title and text."""

    def encode(self, entities: Sequence[Item]) -> Vectors:
        return np.array([[len(item.title), len(item.text)] for item in entities], np.float32).reshape(-1, 2)


def data() -> Dataset:
    items = pl.DataFrame(
        {
            "id": ["a", "b"],
            "title": ["Aa", None],
            "tags": [["x", "y"], []],
            "creator": ["me", ""],
            "genres": [["g"], ["g", "h"]],
            "year": [1999.0, None],
            "valid_from": [5.0, None],
            "hidden": [False, True],
        }
    )
    events = pl.DataFrame({"user": ["u", "u"], "item": ["a", "c"]})
    return Dataset.from_frame(events, items=items)


def test_of_a_dataset_row_for_row() -> None:
    catalogue = Catalogue.of(data(), {"lengths": Lengths()})
    assert (len(catalogue), list(catalogue.titles)) == (3, ["Aa", "b", "c"])
    assert catalogue.rows(["c", "zzz", "a"]).tolist() == [2, -1, 0]
    assert (catalogue.row("b"), catalogue.id(2), "c" in catalogue, "zzz" in catalogue) == (1, "c", True, False)
    assert catalogue.hidden.tolist() == [False, True, False]
    assert catalogue.valid_from.tolist() == [5.0, -np.inf, -np.inf]
    assert catalogue.valid_until.tolist() == [np.inf] * 3
    assert catalogue.creators.tolist() == [0, -1, -1]
    assert catalogue.vectors("lengths").tolist() == [[2, 0], [0, 0], [0, 0]]
    expected = Item(
        "a", "Aa", tags=("x", "y"), creator="me", attributes={"genres": ("g",), "year": 1999.0}, valid_from=5.0
    )
    assert catalogue.item(0) == expected
    assert catalogue.item(2) == Item("c")


def having(catalogue: Catalogue, name: str) -> dict[str, str]:
    """The ids of the items that have each value of a field, as one word."""
    masks = {value: catalogue.having(name, [value]) for value in catalogue._memberships(name).names}
    return {
        value: "".join(catalogue.id(int(row)) for row in np.flatnonzero(mask))
        for value, mask in masks.items()
        if mask is not None and mask.any()
    }


def test_groups_of_tags_attributes_and_creators() -> None:
    catalogue = Catalogue.of(data())
    assert having(catalogue, "genres") == {"g": "ab", "h": "b"}
    assert having(catalogue, "creator") == {"me": "a"}
    assert having(catalogue, "year") == {"1999": "a"}
    assert (having(catalogue, "unheard"), catalogue.having("unheard", ["x"])) == ({}, None)
    catalogue.upsert([Item("d", attributes={"genres": ("new", "h")})])
    assert having(catalogue, "genres") == {"g": "ab", "h": "bd", "new": "d"}
    some = catalogue.having("genres", ["new", "g", "unheard"])
    assert some is not None
    assert some.tolist() == [True, True, False, True]
    catalogue.upsert([Item("a", attributes={"genres": "h"})])
    assert having(catalogue, "genres") == {"g": "b", "h": "abd", "new": "d"}
    assert having(catalogue, "genres") == having(Catalogue.of(data_with(catalogue)), "genres")


def data_with(catalogue: Catalogue) -> Dataset:
    """What the catalogue holds, as a Dataset."""
    said = [members(catalogue.item(row), "genres") for row in range(len(catalogue))]
    items = pl.DataFrame({"id": [catalogue.id(row) for row in range(len(catalogue))], "genres": said})
    return Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["a"]}), items=items)


def test_many_changes_of_an_item_leave_one_membership_and_no_rubbish() -> None:
    catalogue = Catalogue.of(data())
    assert having(catalogue, "tags") == {"x": "a", "y": "a"}
    for n in range(50):
        catalogue.upsert([Item("a", tags=(f"t{n}",)), Item("b", tags=("x", f"t{n}"))])
    assert having(catalogue, "tags") == {"x": "b", "t49": "ab"}
    assert len(catalogue._groups["tags"]._held[0]) < 12


def test_a_field_that_nobody_has_is_not_remembered() -> None:
    catalogue = Catalogue.of(data())
    assert [catalogue.having(f"nonsense {n}", ["x"]) for n in range(3)] == [None] * 3
    assert not catalogue._groups
    catalogue.upsert([Item("d", attributes={"nonsense 1": "x"})])
    assert having(catalogue, "nonsense 1") == {"x": "d"}


def test_a_dictionary_may_hold_null_as_a_value() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2]), pa.array(["x", None, "y"]))
    plain = Dataset.from_frame(
        pl.DataFrame({"user": ["u"], "item": ["a"]}), items=pl.DataFrame({"id": list("abcd"), "it": list("xxyy")})
    )
    rows, codes, names = members_of(replace(plain, item_attributes=pa.table({"it": column})), "it")
    assert [(row, names[code]) for row, code in zip(rows.tolist(), codes.tolist(), strict=True)] == [(0, "x"), (3, "y")]


def test_a_field_of_which_nothing_is_left_is_as_one_that_was_never_there() -> None:
    catalogue = Catalogue.of(data())
    catalogue.upsert([Item("d", attributes={"mood": "calm"})])
    assert having(catalogue, "mood") == {"calm": "d"}
    catalogue.follow([], gone=[3], upto=1)
    assert catalogue.having("mood", ["calm"]) is None


COLUMNS: dict[str, pl.Series] = {
    "words": pl.Series(["x", "", None, "y"]),
    "lists": pl.Series([["x", ""], [], None, ["y", None]]),
    "numbers": pl.Series([1.0, 2.5, None, 1234567.0]),
    "whole": pl.Series([1, 2, None, 1]),
    "truths": pl.Series([True, False, None, True]),
    "categories": pl.Series(["x", "", None, "x"], dtype=pl.Categorical),
    "enums": pl.Series(["x", "y", None, "x"], dtype=pl.Enum(["x", "y"])),
    "lists of categories": pl.Series([["x", "y"], ["y"], None, []], dtype=pl.List(pl.Categorical)),
    "pairs": pl.Series([["x", "y"], ["y", "z"], None, ["x", "x"]], dtype=pl.Array(pl.String, 2)),
    "structs": pl.Series([{"a": 1}, {"a": 2}, None, {"a": 1}]),
    "dates": pl.Series([date(2026, 1, 2), date(2026, 1, 3), None, date(2026, 1, 2)]),
    "lists of numbers": pl.Series([[1.0, 2.5], [1.0], None, []]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_any_kind_is_read_at_once_as_it_is_item_by_item(name: str) -> None:
    items = pl.DataFrame({"id": list("abcd"), "it": COLUMNS[name]})
    whole = Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["a"]}), items=items)
    rows, codes, names = members_of(whole, "it")
    found: list[list[str]] = [[] for _ in range(4)]
    for row, code in zip(rows.tolist(), codes.tolist(), strict=True):
        if code >= 0:
            found[row].append(names[code])
    assert found == [list(members(record(whole, row), "it")) for row in range(4)]
    assert any(found)
    assert not found[2]


def test_numbers_never_fall_together_in_a_group_and_truths_are_written_as_in_json() -> None:
    """Whether an item came with the data or since; in a column of its own or beside words."""
    items = {"id": ["a", "b"], "sku": [1234567, 1234568], "share": [0.1234567, 0.12345678], "new": [True, False]}
    catalogue = Catalogue.of(
        Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["a"]}), items=pl.DataFrame(items))
    )
    catalogue.upsert([Item("c", attributes={"sku": 1234568.0, "share": 0.1234567, "new": True})])
    for name, groups in (
        ("sku", ["1234567", "1234568"]),
        ("share", ["0.1234567", "0.12345678"]),
        ("new", ["true", "false"]),
    ):
        first, second = ("a", "bc") if name == "sku" else ("ac", "b")
        assert having(catalogue, name) == dict(zip(groups, (first, second), strict=True))
    mixed = columns_of([(0, {"all": 1234567.0}), (1, {"all": "x"}), (2, {"all": True})], 3)["all"]
    assert mixed.to_pylist() == ["1234567", "x", "true"]


def test_a_new_item_has_everything_at_once() -> None:
    catalogue = Catalogue.of(data(), {"lengths": Lengths()})
    rows = catalogue.upsert(
        [Item("d", "four", "12345", ("z",), "you", valid_until=7.0), Item("e"), Item("d", hidden=True)]
    )
    assert rows.tolist() == [3, 4, 3]
    assert catalogue.hidden.tolist() == [False, True, False, True, False]
    assert catalogue.valid_until.tolist() == [np.inf, np.inf, np.inf, 7.0, np.inf]
    assert catalogue.creators.tolist() == [0, -1, -1, 1, -1]
    assert catalogue.vectors("lengths")[3].tolist() == [4, 5]
    assert list(catalogue.titles)[3:] == ["four", "e"]
    assert catalogue.item(3).hidden


def test_a_known_item_changes_by_field_and_takers_keep_what_they_took() -> None:
    catalogue = Catalogue.of(data(), {"lengths": Lengths()})
    before = catalogue.hidden, catalogue.valid_from
    catalogue.upsert([Item("a", text="123", attributes={"year": 2000.0}, valid_from=6.0, hidden=True)])
    assert (before[0].tolist()[0], before[1].tolist()[0]) == (False, 5.0)
    assert (bool(catalogue.hidden[0]), catalogue.valid_from[0]) == (True, 6.0)
    assert catalogue.item(0).attributes == {"genres": ("g",), "year": 2000.0}
    assert (catalogue.item(0).title, catalogue.item(0).tags) == ("Aa", ("x", "y"))
    assert catalogue.vectors("lengths")[0].tolist() == [2, 3]
    catalogue.follow([(0, replace(catalogue.item(0), hidden=False))])
    assert not catalogue.hidden[0]
    assert not catalogue.item(0).hidden


def test_starts_empty_and_vectors_without_an_encoder_are_zero() -> None:
    catalogue = Catalogue({"lengths": Lengths()})
    assert (len(catalogue), catalogue.having("tags", ["x"])) == (0, None)
    catalogue.upsert([Item("a", "xyz")])
    assert catalogue.vectors("lengths").tolist() == [[3, 0]]
    given_ = Catalogue.of(data().with_vectors("given", np.ones((3, 4), np.float32)))
    given_.upsert([Item("d")])
    assert given_.vectors("given").sum(axis=1).tolist() == [4, 4, 4, 0]


def test_says_what_it_does_not_know() -> None:
    catalogue = Catalogue.of(data())
    with pytest.raises(NotFound, match="zzz"):
        catalogue.row("zzz")
    with pytest.raises(NotFound, match="item row"):
        catalogue.id(3)
    with pytest.raises(NotFound, match="content vectors"):
        catalogue.vectors("words")


def test_columns_cannot_be_written_from_outside() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Catalogue.of(data()).hidden[0] = True


def test_an_encoder_that_fails_changes_nothing() -> None:
    class Wide:
        def encode(self, entities: Sequence[Item]) -> Vectors:
            return np.zeros((len(entities), 9), np.float32)

    catalogue = Catalogue.of(data().with_vectors("lengths", np.zeros((3, 2), np.float32)), {"lengths": Wide()})
    with pytest.raises(InvalidInput, match="lengths"):
        catalogue.upsert([Item("d"), Item("a", hidden=True)])
    assert (len(catalogue), "d" in catalogue, catalogue.hidden.tolist()) == (3, False, [False, True, False])


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=4), max_size=12))
@settings(max_examples=40, deadline=None)
def test_rows_are_append_only(batches: list[list[tuple[int, bool]]]) -> None:
    catalogue = Catalogue({"lengths": Lengths()})
    order: list[str] = []
    for batch in batches:
        items = [Item(str(n), "t" * n, tags=(str(n % 3),), hidden=hidden) for n, hidden in batch]
        rows = catalogue.upsert(items)
        order += [name for name in dict.fromkeys(str(n) for n, _ in batch) if name not in order]
        assert [order[row] for row in rows] == [item.id for item in items]
        assert [catalogue.id(row) for row in range(len(catalogue))] == order
        assert catalogue.vectors("lengths")[:, 0].tolist() == [float(name) for name in order] if order else True
        of = having(catalogue, "tags")
        assert {name: tag for tag in of for name in of[tag]} == {name: str(int(name) % 3) for name in order}


def test_readers_see_whole_rows_while_a_writer_adds() -> None:
    catalogue = Catalogue({"lengths": Lengths()})
    catalogue.upsert([Item("i0", "t")])
    wrong: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            n = len(catalogue)
            columns = (catalogue.hidden, catalogue.creators, catalogue.vectors("lengths"), catalogue.titles)
            if min(map(len, columns)) < n or catalogue._memberships("tags")._held[2] < n:
                wrong.append("a row without a column")
            if (catalogue.vectors("lengths")[:n, 0] == 0).any() or catalogue.row(f"i{n - 1}") != n - 1:
                wrong.append("half a row")

    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        for n in range(1, 300):
            catalogue.upsert([Item(f"i{n}", "t", tags=(str(n % 5),))])
        done.set()
        for reader in readers:
            reader.result()
    assert wrong == []
