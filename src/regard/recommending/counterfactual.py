"""Counterfactuals: what of a history, with nothing to spare, keeps an item in the list; verified by re-scoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.protocols import Evidence, Explainer
from regard.domain.request import Query
from regard.recommending.recommender import Recommender

RIVALS = 20  # how many items beyond the list may take the place


def counterfactual(
    recommender: Recommender, explainer: Explainer, query: Query, row: int, most: int = 20
) -> tuple[int, ...]:
    """History rows, as few as we find, without which `row` leaves the list; () where no `most` of them suffice.

    Suspects are put in order by contributions: the next is the one without which the k-th rival comes nearest to, or
    farthest above, the item (as ACCENT, Tran, Ghazimatin & Saha Roy 2021, does for the first place). From the prefix
    on that should suffice by those sums, the first is taken that does, and what of it is not needed is put back. Every
    set is verified: the greedy corridor is asked again with the history without those items, which stay out of the
    list, so that none leaves because they return.
    """
    if most < 1:
        return ()
    corridor = recommender.deterministic()
    rivals = corridor.recommend(replace(query, k=query.k + RIVALS)).rows

    def gone(removed: Sequence[int]) -> bool:
        return row not in corridor.recommend(_without(query, removed)).rows

    if gone([]):  # gone without removing anything: chance alone showed it
        return ()
    suspects, enough = _suspects(explainer, query, row, rivals[rivals != row], most)
    for size in range(enough, len(suspects) + 1):
        if gone(suspects[:size]):
            return tuple(_needed(suspects[:size], gone))
    return ()


def _suspects(explainer: Explainer, query: Query, row: int, rivals: Rows, most: int) -> tuple[list[int], int]:
    """At most `most` history rows, the one that brings the item nearest to leaving first, and how many should do."""
    mine = explainer.contributions(query, row)
    if not len(mine.rows):
        return [], 1
    others = [explainer.contributions(query, int(rival)) for rival in rivals]
    leads = np.array([[mine.total - other.total] for other in others]).reshape(-1, 1)  # (m, 1) over each rival
    parts = np.array([mine.amounts - _aligned(other, mine.rows) for other in others]).reshape(-1, len(mine.rows))
    chosen: list[int] = []
    enough = 1
    for _ in range(min(most, len(mine.rows))):
        after = leads - parts  # (m, h): the lead over each rival without each history item
        kth = min(query.k, len(after)) - 1  # the list is left when k rivals lead
        lead = np.partition(after, kth, axis=0)[kth] if len(after) else -mine.amounts
        lead[chosen] = np.inf
        chosen.append(int(np.argmin(lead)))
        leads = after[:, chosen[-1:]]
        enough += int(lead[chosen[-1]] > 0)
    return [int(mine.rows[index]) for index in chosen], min(enough, len(chosen))


def _aligned(evidence: Evidence, rows: Rows) -> NDArray[np.float64]:
    """The amounts of `rows` (h,) in another item's evidence; 0 where it does not name them."""
    amount = dict(zip(evidence.rows.tolist(), evidence.amounts.tolist(), strict=True))
    return np.array([amount.get(row, 0.0) for row in rows.tolist()])


def _needed(removed: list[int], gone: Callable[[Sequence[int]], bool]) -> list[int]:
    """A part of `removed` that still suffices and of which nothing more can be put back."""
    for suspect in removed:
        fewer = [other for other in removed if other != suspect]
        if fewer and gone(fewer):
            return _needed(fewer, gone)
    return removed


def _without(query: Query, removed: Sequence[int]) -> Query:
    rows = np.asarray(removed, np.int64)
    unwanted = query.unwanted[~np.isin(query.unwanted, rows)]
    exclude = np.concatenate([query.exclude, rows])
    return replace(query, history=query.history.without(rows), unwanted=unwanted, exclude=exclude)
