"""Cold items: a split that holds them back together with one warm event of some people, and its four judgings."""

from __future__ import annotations

import numpy as np

from benchmarks.benchmark import View
from regard.domain.arrays import Mask
from regard.domain.dataset import Dataset
from regard.measurement.splits import TEST, TRAIN, UNUSED, VALIDATION, Split, cold_items
from regard.measurement.truth import Protocol

PEOPLE = 2_000  # at most that judge cold items, and that judge warm ones; each wants a list of the whole catalogue


def cold_and_warm(data: Dataset, share: float, at_least: int, seed: int) -> Split:
    """`cold_items`, where one random event of PEOPLE people with two or more warm ones leaves train too.

    Test are the cold items' events of PEOPLE people, those of others are unused. The held-back warm events
    (VALIDATION) judge what cold items cost the others.
    """
    split = cold_items(data, share, at_least, seed)
    rng, user = np.random.default_rng(seed), data.events.user
    warm = np.flatnonzero(split.part == TRAIN)
    order = warm[np.lexsort((rng.random(len(warm)), user[warm]))]
    _, first, count = np.unique(user[order], return_index=True, return_counts=True)
    able, judges = order[first[count > 1]], np.unique(user[split.part == TEST])
    judges = rng.choice(judges, min(PEOPLE, len(judges)), replace=False)
    part = split.part.copy()
    part[rng.choice(able, min(PEOPLE, len(able)), replace=False)] = VALIDATION
    part[(part == TEST) & ~np.isin(user, judges)] = UNUSED
    return Split(data, part, f"{split.name}, judged by {len(judges)} people, with one warm event of {PEOPLE} at most")


def cold_mask(split: Split) -> Mask:
    """The items that nothing teaches about, (I,)."""
    cold = split.data.events.item[np.isin(split.part, (TEST, UNUSED))]
    return np.asarray(np.bincount(cold, minlength=len(split.data.items)) > 0)


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
