"""Cutting: who and what leaves the data, and how it is asked for; nothing that is asked for was seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.request import UNKNOWN, History, Query
from regard.domain.run import Run
from regard.models.cutting import Asked, fit_all, held_out, known_items, newest_of_all, parted
from tests.models.planted import Seer, town


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.05, 0.9), st.booleans())
def test_a_cut_takes_a_share_of_each_person_and_whole_pairs(seed: int, share: float, newest: bool) -> None:
    data = town(seed, people=8)
    held = held_out(data, share, None if newest else np.random.default_rng(seed))
    for user in range(len(data.users)):
        mine = held[data.events.offsets[user] : data.events.offsets[user + 1]]
        assert mine.sum() == (max(1, int(share * len(mine))) if len(mine) > 1 else 0)
        if newest:
            assert (np.diff(mine.astype(int)) >= 0).all()  # events are oldest first


def test_repeated_pairs_leave_together() -> None:
    frame = pl.DataFrame({"user": ["u"] * 4, "item": ["a", "b", "c", "a"], "time": [1.0, 2.0, 3.0, 4.0]})
    assert held_out(Dataset.from_frame(frame), 0.3, None).tolist() == [True, False, False, True]


def test_the_newest_of_all_leave_whatever_they_are_worth_and_whosever_they_are() -> None:
    frame = pl.DataFrame({"user": list("uuvv"), "item": list("abab"), "time": [1.0, 4.0, 3.0, 2.0]})
    data = Dataset.from_frame(frame)
    data = replace(data, events=replace(data.events, weight=np.array([1, 0, 1, 1], np.float32)))
    assert data.events.time.tolist() == [1, 4, 2, 3]
    assert newest_of_all(data, 0.5).tolist() == [False, True, False, True]
    assert newest_of_all(data, 0.01).sum() == 1


def test_validation_data_take_the_place_of_a_cut() -> None:
    data = town(0, people=8)
    held = held_out(data, 0.3, None)
    rest, asked_for = parted(data.where(~held), 0.3, "newest", Run(validation=data.where(held)))
    assert (len(rest.events), len(asked_for.events)) == ((~held).sum(), held.sum())
    with pytest.raises(InvalidInput, match="same people"):
        parted(data, 0.3, "newest", Run(validation=town(0, people=7)))


def test_cold_people_keep_what_is_not_history() -> None:
    frame = pl.DataFrame({"user": ["u", "u", "v", "v"], "item": ["a", "b", "a", "c"], "time": [1.0, 2.0, 1.0, 2.0]})
    data = Dataset.from_frame(frame, users=pl.DataFrame({"id": ["u", "v"], "city": ["Ulm", "Ulm"]}))
    asked = Asked.of(*parted(data, 0.5, "newest", Run()), people=9, rng=np.random.default_rng(0))
    cold = asked.cold()
    assert asked.lengths().tolist() == [1, 1]
    assert cold.lengths().tolist() == [0, 0]
    assert [query.user for query in cold.queries] == [UNKNOWN, UNKNOWN]
    assert [query.attributes["city"] for query in cold.queries] == ["Ulm", "Ulm"]
    assert [rows.tolist() for rows in cold.met] == [[0], [0]]
    assert [rows.tolist() for rows in cold.targets] == [[1], [2]]
    assert len(asked.where(np.array([False, True]))) == 1


def test_no_more_people_than_asked_for_and_the_same_ones_by_seed() -> None:
    parts = parted(town(0, people=30), 0.3, "newest", Run())
    first, again = (Asked.of(*parts, people=7, rng=np.random.default_rng(3)) for _ in range(2))
    assert len(first) == 7
    assert [query.user for query in first.queries] == [query.user for query in again.queries]


def test_what_was_liked_counts_once() -> None:
    past = History(np.array([4, 4, 7, 9]), np.array([1.0, 0.5, 1.0, -1.0], np.float32), np.zeros(4))
    assert known_items(Query(at=0.0, history=past)) == 2  # 4 and 7


def test_a_warm_start_and_a_folder_reach_the_source_that_they_are_for(tmp_path: Path) -> None:
    data = town(0, people=8)
    folders: list[Path | None] = []

    class Told(Seer):
        def fit(self, data: Dataset, *, run: Run = Run()) -> object:  # type: ignore[override]  # noqa: B008
            folders.append(run.folder)
            return super().fit(data, run=run)

    one, other = Told(data, 1, 1), Told(data, 1, 1)
    fit_all([("one", one), ("other", other)], data, Run(folder=tmp_path, warm_start="not theirs"), {"one": "before"})
    assert (one.heard, other.heard) == (["before"], [None])
    assert folders == [tmp_path / "one", tmp_path / "other"]
