"""A world of lists: people walk down from the top, click, and stop after a click with a chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from regard.domain.arrays import Mask, Rows, Scores
from regard.feedback.logged_actions import LoggedActions, Target

ACTIONS, SLOTS, STOPS = 12, 4, 0.6


@dataclass(frozen=True, eq=False)
class ListWorld:
    """Chances of a click on what is looked at (ACTIONS,); whoever clicked stops with chance STOPS."""

    appeal: Scores

    @classmethod
    def settle(cls, rng: np.random.Generator) -> ListWorld:
        """Another world."""
        return cls(rng.beta(2, 6, ACTIONS))

    def beliefs(self, wrong: float, heat: float, rng: np.random.Generator) -> Scores:
        """Logits (ACTIONS,) of a policy that sees the appeal with errors of spread `wrong`; slots without repeats."""
        return (self.appeal + rng.normal(0, wrong, ACTIONS)) / heat

    def shown(self, logits: Scores, n: int, rng: np.random.Generator) -> tuple[Rows, Scores]:
        """n lists (n, SLOTS) by Plackett-Luce and the chances of every action at each slot, (n, SLOTS, ACTIONS)."""
        rows = np.argsort(-(logits + rng.gumbel(size=(n, ACTIONS))), axis=1)[:, :SLOTS]
        return rows, chances(logits, rows)

    def clicks(self, rows: Rows, rng: np.random.Generator) -> Mask:
        """What is clicked, (n, SLOTS)."""
        wanted = rng.random(rows.shape) < self.appeal[rows]
        stops = wanted & (rng.random(rows.shape) < STOPS)
        looked = np.ones(rows.shape, np.bool_)
        looked[:, 1:] = ~np.logical_or.accumulate(stops, axis=1)[:, :-1]
        return np.asarray(wanted & looked)

    def log(self, logits: Scores, n: int, rng: np.random.Generator) -> LoggedActions:
        """n lists as slots."""
        rows, everything = self.shown(logits, n, rng)
        flat, every = rows.ravel(), everything.reshape(-1, ACTIONS)
        place, slate = np.tile(np.arange(SLOTS), n), np.repeat(np.arange(n), SLOTS)
        reward = self.clicks(rows, rng).ravel().astype(np.float64)
        return LoggedActions(flat, reward, every[np.arange(len(flat)), flat], place, slate=slate, chances=every)

    def target(self, logits: Scores, log: LoggedActions) -> Target:
        """Another policy at the slots of a log, given what stood above them there."""
        return Target.of(log, chances(logits, log.action.reshape(-1, SLOTS)).reshape(-1, ACTIONS))


def chances(logits: Scores, rows: Rows) -> Scores:
    """Plackett-Luce: the chance of every action at each slot of lists (n, SLOTS) given those above it."""
    left = np.broadcast_to(logits, (len(rows), ACTIONS)).copy()
    found = np.empty((len(rows), SLOTS, ACTIONS))
    for slot in range(SLOTS):
        found[:, slot] = softmax(left, axis=1)
        left[np.arange(len(rows)), rows[:, slot]] = -np.inf
    return found
