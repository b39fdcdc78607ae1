"""Filters: who may drop an item, and why. Nothing else in the corridor drops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import Mask, among
from regard.domain.candidates import Candidates
from regard.domain.request import Query
from regard.recommending.columns import Column, take


@dataclass(frozen=True, slots=True)
class NotSeen:
    """Drops what the person has already met: every item of the history, and those met before it."""

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        return ~among(candidates.rows, np.concatenate([query.history.rows, query.met]))


@dataclass(frozen=True, slots=True)
class NotExcluded:
    """Drops what this answer must not show: `query.exclude`, and the item that "more like this" was asked of."""

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        kept = ~among(candidates.rows, query.exclude)
        return kept if query.seed_item is None else kept & (candidates.rows != query.seed_item)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Drops what the request's own filter does not let through: rows where `query.allowed` (I,) is false or ends.

    Most sources do not propose them in the first place: of a large catalogue a filter may let through a few.
    """

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        return query.lets(candidates.rows)


@dataclass(frozen=True, slots=True)
class NotBlocked:
    """Drops what the person blocked for good."""

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        return ~among(candidates.rows, query.blocked)


@dataclass(frozen=True, slots=True, eq=False)
class NotHidden:
    """Drops items that are hidden from everybody. `hidden` (I,) is true for them; a newer item is not hidden."""

    hidden: Column

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        return ~np.asarray(take(self.hidden, candidates.rows, missing=False), np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class ValidNow:
    """Drops items outside valid_from <= query.at < valid_until (I,), unix seconds.

    An open end is -inf, +inf or NaN; an item newer than the columns is valid.
    """

    valid_from: Column
    valid_until: Column

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        """(n,)"""
        early = query.at < take(self.valid_from, candidates.rows, missing=-np.inf)
        late = query.at >= take(self.valid_until, candidates.rows, missing=np.inf)
        return np.asarray(~(early | late), np.bool_)  # a comparison with NaN is false: open
