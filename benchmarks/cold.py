"""Cold items: a split that holds them back together with one warm event of each person, and its four judgings."""

from __future__ import annotations

import numpy as np

from benchmarks.benchmark import View
from regard.domain.arrays import Mask
from regard.domain.dataset import Dataset
from regard.measurement.splits import TEST, TRAIN, UNUSED, VALIDATION, Split, cold_items
from regard.measurement.truth import Protocol


def cold_and_warm(data: Dataset, share: float, at_least: int, seed: int) -> Split:
    """`cold_items`, where one random event of each person with two or more warm ones leaves train too (VALIDATION).

    Test are the events of cold items. The held-back warm events judge what cold items cost the others.
    """
    split = cold_items(data, share, at_least, seed)
    warm = np.flatnonzero(split.part == TRAIN)
    order = warm[np.lexsort((np.random.default_rng(seed).random(len(warm)), data.events.user[warm]))]
    people, first, count = np.unique(data.events.user[order], return_index=True, return_counts=True)
    part = split.part.copy()
    part[order[first[count > 1]]] = VALIDATION
    name = f"{split.name}, one warm event of each of {int((count > 1).sum())} of {len(people)} people held back"
    return Split(data, part, name)


def cold_mask(split: Split) -> Mask:
    """The items that nothing teaches about, (I,)."""
    return np.asarray(np.bincount(split.test.events.item, minlength=len(split.data.items)) > 0)


def among_cold(split: Split) -> Protocol:
    """Only the cold items are ranked."""
    return Protocol(among=cold_mask(split), slices=False)


def _cold_among_all(split: Split) -> tuple[Split, Protocol]:
    return split, Protocol(slices=False)


def _warm(split: Split) -> tuple[Split, Protocol]:
    part = np.where(split.part == TEST, UNUSED, np.where(split.part == VALIDATION, TEST, split.part))
    return Split(split.data, part.astype(np.int8), f"{split.name}: warm"), Protocol(slices=False)


def _warm_among_warm(split: Split) -> tuple[Split, Protocol]:
    return _warm(split)[0], Protocol(among=~cold_mask(split), slices=False)


def _both(split: Split) -> tuple[Split, Protocol]:
    part = np.where(split.part == VALIDATION, TEST, split.part)
    return Split(split.data, part.astype(np.int8), f"{split.name}: all"), Protocol(slices=False)


AMONG_ALL = View("cold among all", _cold_among_all)
VIEWS = (
    AMONG_ALL,
    View("warm among all", _warm),  # divided by the next one: what cold items in the lists cost
    View("warm among warm", _warm_among_warm),
    View("cold and warm", _both),
)
