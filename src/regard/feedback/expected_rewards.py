"""Expected rewards: what each action would probably have brought at each slot, learned from other slots of the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput
from regard.feedback.logged_actions import LoggedActions

Floats: TypeAlias = NDArray[np.float64]
RewardModel: TypeAlias = Callable[[LoggedActions, int], Scores]  # (log, A) -> (n, A) within the log's bounds


@dataclass(frozen=True, slots=True)
class ExpectedRewards:
    """q(x, a, k) = f(x, k) + g_a(x): ridge regression on moment and position, then one for each action's own part.

    An action without context gets the mean reward of its slots shrunk as if it had been shown `penalty` more times
    with an average result. Each slot is foretold by a fit on the units of the other `folds` (cross-fitting,
    Chernozhukov et al. 2018), so that no slot meets its own reward again.
    """

    penalty: float = 30.0
    folds: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.penalty > 0:
            raise InvalidInput("ExpectedRewards.penalty", "a number > 0", repr(self.penalty))
        if self.folds < 2:
            raise InvalidInput("ExpectedRewards.folds", "at least 2", repr(self.folds))

    def __call__(self, log: LoggedActions, actions: int) -> Scores:
        """Expected rewards (n, actions) within the log's bounds."""
        shared, own = _shared(log), _own(log)
        found = np.empty((len(log), actions))
        fold = self._fold(log.units)
        for held in range(self.folds):
            seen, unseen = fold != held, fold == held
            if not seen.any() or not unseen.any():
                found[unseen] = log.reward.mean()
                continue
            mean = log.reward[seen].mean()
            f = _ridge(shared[seen], log.reward[seen] - mean, self.penalty)
            left = log.reward[seen] - mean - shared[seen] @ f
            g = _ridge_each(own[seen], left, log.action[seen], actions, self.penalty)
            found[unseen] = mean + (shared[unseen] @ f)[:, None] + own[unseen] @ g.T
        return np.asarray(np.clip(found, *log.bounds))

    def _fold(self, units: Rows) -> Rows:
        order = np.random.default_rng(self.seed).permutation(int(units.max()) + 1)
        return np.asarray(order[units] % self.folds)


def _scaled(log: LoggedActions) -> Floats:
    """The context in units of its spread, (n, d)."""
    if log.context is None:
        return np.zeros((len(log), 0))
    x = np.asarray(log.context, np.float64)
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _shared(log: LoggedActions) -> Floats:
    """What all actions share: the moment and a column for each position, (n, d + k)."""
    return np.hstack([_scaled(log), np.eye(int(log.places.max()) + 1)[log.places]])


def _own(log: LoggedActions) -> Floats:
    """What each action takes in its own way: 1 and the moment, (n, 1 + d)."""
    return np.hstack([np.ones((len(log), 1)), _scaled(log)])


def _ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    """(x'x + penalty I)^-1 x'y, (p,)."""
    return np.asarray(np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y))


def _ridge_each(x: Floats, y: Floats, group: Rows, groups: int, penalty: float) -> Floats:
    """The ridge regression of each group's own rows, (groups, p)."""
    p = x.shape[1]
    pick = sparse.csr_array((np.ones(len(x)), (group, np.arange(len(x)))), shape=(groups, len(x)))
    square = (pick @ (x[:, :, None] * x[:, None, :]).reshape(len(x), p * p)).reshape(groups, p, p)
    right = pick @ (x * y[:, None])
    return np.asarray(np.linalg.solve(square + penalty * np.eye(p), right[:, :, None])[:, :, 0])
