"""Counterfactuals: the smallest part of a history without which an item would not be shown, verified by re-scoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from regard.domain.request import Query
from regard.recommending.recommender import Recommender


def counterfactual(
    recommender: Recommender, query: Query, row: int, suspects: Sequence[int], most: int = 10
) -> tuple[int, ...]:
    """History rows, as few as we find, without which `row` leaves the list; () where there are none among `suspects`.

    `suspects` are history rows, the largest contribution first; at most `most` of them are removed. Single ones are
    tried first, then growing prefixes, of which each item that is not needed is put back (as PRINCE, Ghazimatin et al.
    2020, and ACCENT, Tran et al. 2021, search). Every set is verified: the greedy corridor is asked again with the
    history without those items, which themselves stay out of the list, so that nothing leaves because they return.
    """
    corridor = recommender.deterministic()

    def gone(removed: Sequence[int]) -> bool:
        return row not in corridor.recommend(_without(query, removed)).rows

    suspects = list(suspects[:most])
    if gone([]):
        return ()  # chance alone shows it
    for suspect in suspects:
        if gone([suspect]):
            return (suspect,)
    for size in range(2, len(suspects) + 1):
        if gone(suspects[:size]):
            return tuple(_needed(suspects[:size], gone))
    return ()


def _needed(removed: list[int], gone: Callable[[Sequence[int]], bool]) -> list[int]:
    for suspect in reversed(removed[:-1]):  # the last one tipped it, so it is needed
        fewer = [other for other in removed if other != suspect]
        if gone(fewer):
            removed = fewer
    return removed


def _without(query: Query, removed: Sequence[int]) -> Query:
    rows = np.asarray(removed, np.int64)
    return replace(query, history=query.history.without(rows), exclude=np.concatenate([query.exclude, rows]))
