import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given as random
from hypothesis import settings
from hypothesis import strategies as st

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.measurement import splits


def events(rows: Sequence[tuple[str, str, float]]) -> Dataset:
    return Dataset.from_frame(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"))


TEN = events([(f"u{n % 2}", f"i{n}", 100.0 + n) for n in range(10)])


def item_ids(data: Dataset | None) -> set[str]:
    assert data is not None
    return {data.items[i] for i in data.events.item}


def test_by_time_cuts_all_people_at_one_moment() -> None:
    split = splits.by_time(TEN)
    assert item_ids(split.train) == {f"i{n}" for n in range(8)}
    assert item_ids(split.validation) == {"i8"}
    assert item_ids(split.test) == {"i9"}
    assert split.train.at == 107.0  # the moment of what was known, so that nothing later leaks into requests


def test_by_time_keeps_one_second_together_on_the_later_side() -> None:
    same = events([("u", f"i{n}", 7.0 if n >= 7 else float(n)) for n in range(10)])
    split = splits.by_time(same)
    assert set(split.test.events.time) == {7.0}
    assert not (split.train.events.time >= 7.0).any()


def test_by_time_refuses_events_without_times() -> None:
    with pytest.raises(InvalidInput, match="random_per_person"):
        splits.by_time(events([("u", "a", 0.0), ("u", "b", 0.0)]))


def test_leave_last_two_out_with_validation() -> None:
    split = splits.leave_last_out(TEN, test=1, validation=1)
    assert item_ids(split.test) == {"i8", "i9"}  # the last of u0 and of u1
    assert item_ids(split.validation) == {"i6", "i7"}


def test_leave_last_out_lets_people_with_few_events_only_teach() -> None:
    split = splits.leave_last_out(events([("u", "a", 1), ("v", "a", 1), ("v", "b", 2)]))
    assert split.test.events.user.tolist() == [split.data.users.row("v")]
    assert len(split.train.events) == 2


def test_user_holdout_keeps_held_people_out_of_train_and_knows_their_older_events() -> None:
    data = events([(f"u{n // 5}", f"i{n % 5}", n) for n in range(50)])
    split = splits.user_holdout(data, people=0.2, fold_in=0.6)
    held = set(split.test.events.user)
    assert len(held) == 2
    assert not held & set(split.train.events.user)
    for user in held:
        known, judged = split.known.history(int(user)), split.test.history(int(user))
        assert (len(known), len(judged)) == (3, 2)
        assert known.times.max() < judged.times.min()


def test_random_per_person_takes_the_share_and_keeps_one() -> None:
    data = events([("u", f"i{n}", n) for n in range(10)] + [("v", "i0", 0)])
    split = splits.random_per_person(data, test=0.3, validation=0.2, seed=1)
    assert split.validation is not None
    assert (len(split.test.events), len(split.validation.events), len(split.train.events)) == (3, 2, 6)
    other = splits.random_per_person(data, test=0.3, validation=0.2, seed=2)
    assert split.sha256 != other.sha256
    assert split.sha256 == splits.random_per_person(data, test=0.3, validation=0.2, seed=1).sha256


def test_cold_items_are_unknown_to_train() -> None:
    data = events([(f"u{n}", f"i{n % 7}", n) for n in range(70)])
    split = splits.cold_items(data, share=0.3, at_least=10)
    assert len(item_ids(split.test)) == 2
    assert not item_ids(split.test) & item_ids(split.train)


def test_given_takes_a_mask_or_a_table_of_pairs() -> None:
    mask = TEN.events.item >= 8
    table = pl.DataFrame({"user": ["u0", "u1"], "item": ["i8", "i9"]})
    by_mask, by_table = splits.given(TEN, mask), splits.given(TEN, table)
    assert by_mask.sha256 == by_table.sha256
    with pytest.raises(InvalidInput, match="pairs that are all in the data"):
        splits.given(TEN, pl.DataFrame({"user": ["u0"], "item": ["i9"]}))


def test_hash_is_that_of_the_sorted_test_events_whatever_the_order_of_rows() -> None:
    split = splits.given(TEN, TEN.events.item >= 8)
    expected = hashlib.sha256(b"u0\x1fi8\x1f108.000000\nu1\x1fi9\x1f109.000000\n").hexdigest()
    assert split.sha256 == expected
    shuffled = events([(f"u{n % 2}", f"i{n}", 100.0 + n) for n in (9, 3, 5, 0, 1, 2, 8, 7, 6, 4)])
    assert splits.by_time(shuffled).sha256 == splits.by_time(TEN).sha256


def test_tuning_never_shows_test_events_and_refit_learns_from_validation() -> None:
    split = splits.by_time(TEN, validation=0.2, test=0.2)
    assert item_ids(split.tuning().test) == {"i6", "i7"}
    assert not item_ids(split.tuning().data.where(split.tuning().part > 0)) & {"i8", "i9"}
    assert item_ids(split.refit().train) == {f"i{n}" for n in range(8)}
    assert split.refit().sha256 == split.sha256


def test_a_split_that_judges_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one test event"):
        splits.leave_last_out(events([("u", "a", 1), ("v", "a", 1)]))


@settings(max_examples=40, deadline=None)
@random(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 30)), min_size=8, max_size=60))
def test_parts_are_disjoint_keep_rows_and_lose_nothing(rows: list[tuple[int, int, int]]) -> None:
    data = events([(f"u{u}", f"i{i}", float(t)) for u, i, t in rows])
    for cut in (splits.by_time, splits.leave_last_out, splits.random_per_person, splits.user_holdout):
        try:
            split = cut(data)
        except InvalidInput:
            continue
        parts = [split.train, split.test, *([split.validation] if split.validation else [])]
        fold_in = int((split.part == splits.FOLD_IN).sum())
        assert sum(len(p.events) for p in parts) + fold_in == len(data.events)
        assert all(p.users is data.users and p.items is data.items for p in parts)


def test_later_events_never_teach_what_judges_earlier_ones() -> None:
    rng = np.random.default_rng(0)
    data = events([(f"u{n % 5}", f"i{n}", float(t)) for n, t in enumerate(rng.integers(0, 50, 80))])
    split = splits.by_time(data)
    assert split.validation is not None
    assert split.train.events.time.max() < split.validation.events.time.min()
    assert split.validation.events.time.max() < split.test.events.time.min()
