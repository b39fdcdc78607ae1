"""LoggedLists: lists that people saw, out of what each was chosen, with which chance, and what every slot brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Scores, check_finite, check_shape
from regard.domain.errors import InvalidInput
from regard.domain.request import Query

EMPTY = -1  # a slot or a candidate that is none


@dataclass(frozen=True, eq=False)
class LoggedLists:
    """n lists of k slots, each out of its own c candidates; what was known then stands in its query.

    `candidates` hold item rows, EMPTY past the end of a short batch, and `said` what the scorer made of each. `shown`
    are places among the candidates, EMPTY past the end of a short list. `propensity` is a slot's chance given the slots
    above it, `looked` the chance that a place is looked at. What was clicked has a positive reward.
    """

    queries: Sequence[Query]
    candidates: Rows  # (n, c)
    said: NDArray[np.float64]  # (n, c)
    shown: Rows  # (n, k)
    propensity: NDArray[np.float64]  # (n, k)
    reward: NDArray[np.float64]  # (n, k)
    looked: Scores  # (k,)

    def __post_init__(self) -> None:
        n, k = len(self.queries), self.shown.shape[1]
        check_shape("LoggedLists.candidates", self.candidates, (n, None))
        for name in ("shown", "propensity", "reward"):
            check_shape(f"LoggedLists.{name}", getattr(self, name), (n, k))
        check_shape("LoggedLists.said", self.said, self.candidates.shape)
        check_shape("LoggedLists.looked", self.looked, (k,))
        for name in ("said", "reward"):
            check_finite(f"LoggedLists.{name}", getattr(self, name))
        if not ((self.looked > 0) & (self.looked <= 1)).all():
            raise InvalidInput("LoggedLists.looked", "chances in (0, 1]", repr(self.looked.tolist()))
        chances = self.propensity[self.shown != EMPTY]
        if not ((chances > 0) & (chances <= 1 + 1e-9)).all():
            raise InvalidInput("LoggedLists.propensity", "chances in (0, 1] of what was shown", "others")
        if self.shown.max(initial=EMPTY) >= self.candidates.shape[1] or (self.rows[self.shown != EMPTY] == EMPTY).any():
            raise InvalidInput("LoggedLists.shown", "places of candidates", "others")

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def rows(self) -> Rows:
        """The item rows shown, (n, k); EMPTY where a slot is."""
        found = np.take_along_axis(self.candidates, np.maximum(self.shown, 0), axis=1)
        return np.where(self.shown == EMPTY, EMPTY, found)

    @property
    def clicked(self) -> Rows:
        """The rows shown that brought something, (n, k); EMPTY elsewhere."""
        return np.where(self.reward > 0, self.rows, EMPTY)

    @property
    def earned(self) -> Scores:
        """What each list brought, (n,)."""
        return np.asarray(np.where(self.shown != EMPTY, self.reward, 0.0).sum(axis=1))

    def following(self) -> Rows:
        """The next list of the same person, (n,); EMPTY for the last one, and where nobody knows whose it is."""
        user = np.array([query.user for query in self.queries], np.int64)
        order = np.lexsort((np.array([query.at for query in self.queries]), user))
        found = np.full(len(self), EMPTY, np.int64)
        same = (user[order][1:] == user[order][:-1]) & (user[order][1:] >= 0)
        found[order[:-1][same]] = order[1:][same]
        return found

    def later(self, discount: float) -> Scores:
        """sum_m discount^m of what the m-th later list of the same person brought, m from 1 on, (n,)."""
        following, earned = self.following(), self.earned
        found = np.zeros(len(self))
        for place in np.argsort([-query.at for query in self.queries], kind="stable"):  # the newest first
            if following[place] != EMPTY:
                found[place] = discount * (earned[following[place]] + found[following[place]])
        return found
