"""Splits: which events teach and which ones judge, each with the hash of what it judges on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.arrays import Array, Mask, check_shape
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput

UNUSED, TRAIN, VALIDATION, TEST, FOLD_IN = range(5)  # what an event is for
Parts = NDArray[np.int8]  # (n,)
FEW = "Too few events for this split: add some, or split otherwise."


@dataclass(frozen=True, eq=False)
class Split:
    """Every event of `data` gets its part: train, validation, test, fold-in (known at request time only) or unused.

    All parts are Datasets on the same user and item rows.
    """

    data: Dataset
    part: Parts
    name: str

    def __post_init__(self) -> None:
        check_shape("Split.part", self.part, (len(self.data.events),))
        for code, what in ((TRAIN, "train"), (TEST, "test")):
            if not (self.part == code).any():
                raise InvalidInput(f"Split({self.name})", f"at least one {what} event", "none", FEW)

    @cached_property
    def train(self) -> Dataset:
        """What models are fitted on; its moment is its newest event."""
        return self._of(TRAIN)

    @cached_property
    def test(self) -> Dataset:
        """What judges."""
        return self._of(TEST)

    @cached_property
    def validation(self) -> Dataset | None:
        """What hyper-parameters are chosen on, where the split has it."""
        return self._of(VALIDATION) if (self.part == VALIDATION).any() else None

    @cached_property
    def known(self) -> Dataset:
        """What requests know of people: train, and the fold-in events of held-out people."""
        return self._of(TRAIN, FOLD_IN)

    @cached_property
    def sha256(self) -> str:
        """The hash of the sorted (user id, item id, time) of the test events: equal hash, equal questions."""
        test, e = self.data, self.test.events
        lines = sorted(
            f"{test.users[u]}\x1f{test.items[i]}\x1f{t:.6f}\n"
            for u, i, t in zip(e.user.tolist(), e.item.tolist(), e.time.tolist(), strict=True)
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def tuning(self) -> Split:
        """The same split one step earlier: fit on train, judge on validation. Test events are gone."""
        part = np.where(self.part == TEST, UNUSED, np.where(self.part == VALIDATION, TEST, self.part))
        return Split(self.data, part.astype(np.int8), f"{self.name}, validation")

    def refit(self) -> Split:
        """The last step: fit on train and validation together, judge on test."""
        part = np.where(self.part == VALIDATION, TRAIN, self.part)
        return Split(self.data, part.astype(np.int8), f"{self.name}, refit with validation")

    def _of(self, *codes: int) -> Dataset:
        chosen = self.data.where(np.isin(self.part, codes))
        return replace(chosen, at=float(chosen.events.time.max()) if len(chosen.events) else self.data.at)


def by_time(data: Dataset, validation: float = 0.1, test: float = 0.1) -> Split:
    """One moment for everybody: the newest `test` share of all events judges, the `validation` share before it tunes.

    Events of one second stay together, on the later side.
    """
    _check_share("by_time", validation + test)
    time = data.events.time
    if len(time) == 0 or time.min() == time.max():
        raise InvalidInput("by_time", "events at different times", "one time for all", "Use random_per_person.")
    ordered = np.sort(time)
    cut_validation = ordered[int(len(time) * (1 - validation - test) + 1e-9)]
    cut_test = ordered[int(len(time) * (1 - test) + 1e-9)]
    part = np.where(time >= cut_test, TEST, np.where((time >= cut_validation) & (validation > 0), VALIDATION, TRAIN))
    return Split(data, part.astype(np.int8), f"global time, {validation:.0%} validation, {test:.0%} test")


def leave_last_out(data: Dataset, test: int = 1, validation: int = 0) -> Split:
    """The last `test` events of each person judge, the `validation` ones before them tune.

    People with too few events to keep one in train only teach.
    """
    from_end, count = _places(data)
    enough = count > test + validation
    part = np.where(from_end < test, TEST, np.where(from_end < test + validation, VALIDATION, TRAIN))
    name = f"leave last {test} out" + (f", {validation} before for validation" if validation else "")
    return Split(data, np.where(enough, part, TRAIN).astype(np.int8), name)


def random_per_person(data: Dataset, test: float = 0.2, validation: float = 0.0, seed: int = 0) -> Split:
    """A random share of each person's events; at least one of each person stays in train."""
    _check_share("random_per_person", validation + test)
    place, count = _shuffled_places(data, seed)
    n_test = np.minimum(np.round(test * count), count - 1)
    n_validation = np.minimum(np.round(validation * count), count - 1 - n_test)
    part = np.where(place < n_test, TEST, np.where(place < n_test + n_validation, VALIDATION, TRAIN))
    return Split(data, part.astype(np.int8), f"random {test:.0%} of each person, seed {seed}")


def user_holdout(data: Dataset, people: float = 0.1, fold_in: float = 0.8, seed: int = 0) -> Split:
    """A random share of people never teaches: requests know the older `fold_in` share of their events, the rest judges.

    Strong generalisation (Marlin 2004; Liang et al. 2018). Held-out people have at least two events.
    """
    _check_share("user_holdout", people)
    _check_share("user_holdout.fold_in", fold_in)
    from_end, count = _places(data)
    able = np.flatnonzero(np.diff(data.events.offsets) >= 2)
    chosen = np.random.default_rng(seed).choice(able, max(1, round(people * len(able))), replace=False)
    held = np.isin(data.events.user, chosen)
    judging = np.clip(np.round((1 - fold_in) * count), 1, count - 1)
    part = np.where(held, np.where(from_end < judging, TEST, FOLD_IN), TRAIN)
    return Split(data, part.astype(np.int8), f"{people:.0%} of people held out, seed {seed}")


def cold_items(data: Dataset, share: float = 0.2, at_least: int = 5, seed: int = 0) -> Split:
    """All events of a random share of the items with `at_least` events judge; the models never meet those items."""
    _check_share("cold_items", share)
    able = np.flatnonzero(np.bincount(data.events.item, minlength=len(data.items)) >= at_least)
    chosen = np.random.default_rng(seed).choice(able, max(1, round(share * len(able))), replace=False)
    part = np.where(np.isin(data.events.item, chosen), TEST, TRAIN)
    return Split(data, part.astype(np.int8), f"{share:.0%} cold items of at least {at_least} events, seed {seed}")


def given(data: Dataset, test: Any, validation: Any = None, name: str = "given") -> Split:
    """Somebody else's split: `test` and `validation` are masks over the events (n,), or tables of `user` and `item`."""
    is_test = _mask(data, "test", test)
    is_validation = np.zeros(len(is_test), np.bool_) if validation is None else _mask(data, "validation", validation)
    part = np.where(is_test, TEST, np.where(is_validation, VALIDATION, TRAIN))
    return Split(data, part.astype(np.int8), name)


def _mask(data: Dataset, what: str, given: Any) -> Mask:
    if isinstance(given, np.ndarray):
        check_shape(f"given.{what}", given, (len(data.events),))
        return given.astype(np.bool_)
    pairs = pl.DataFrame(given).select(pl.col("user", "item").cast(pl.String))
    users, items = data.users.rows(pairs["user"]), data.items.rows(pairs["item"])
    found = np.isin(_keys(data, data.events.user, data.events.item), _keys(data, users, items))
    if len(np.unique(_keys(data, users, items))) != len(np.unique(_keys(data, *_chosen(data, found)))):
        raise InvalidInput(
            f"given.{what}", "pairs that are all in the data", "others too", "Import those events first."
        )
    return found


def _chosen(data: Dataset, mask: Mask) -> tuple[Array, Array]:
    return data.events.user[mask], data.events.item[mask]


def _keys(data: Dataset, users: Array, items: Array) -> NDArray[np.int64]:
    return np.where((users >= 0) & (items >= 0), users.astype(np.int64) * len(data.items) + items, -1)


def _places(data: Dataset) -> tuple[Array, Array]:
    """Each event's place from its person's newest (0), and how many events that person has; (n,) both."""
    e = data.events
    return e.offsets[1:][e.user] - 1 - np.arange(len(e)), np.diff(e.offsets)[e.user]


def _shuffled_places(data: Dataset, seed: int) -> tuple[Array, Array]:
    order = np.lexsort((np.random.default_rng(seed).random(len(data.events)), data.events.user))
    from_end, count = _places(data)
    place = np.empty(len(order), np.int64)
    place[order] = from_end
    return place, count


def _check_share(where: str, share: float) -> None:
    if not 0 < share < 1:
        raise InvalidInput(where, "a share between 0 and 1", repr(share))
