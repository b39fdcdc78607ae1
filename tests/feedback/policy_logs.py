"""Logs for tests: one that fits on a hand, and worlds of any size whose truth is known."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import Scores
from regard.feedback.logged_actions import LoggedActions, Target

EVEN = np.full((4, 2), 0.5)
KEEN = np.tile([0.8, 0.2], (4, 1))


def by_hand() -> LoggedActions:
    """Four slots of an even policy over two actions."""
    return LoggedActions(np.array([0, 1, 1, 1]), np.array([1.0, 0, 1, 1]), np.full(4, 0.5), chances=EVEN)


def keen(log: LoggedActions) -> Target:
    """The first action four times of five: weights 1.6 and .4."""
    return Target.of(log, KEEN, "keen")


def drawn(n: int, rng: np.random.Generator, chances: Scores, rates: Scores) -> LoggedActions:
    """n slots where action a is shown with `chances` (A,) and clicked with `rates` (A,)."""
    action = rng.choice(len(chances), n, p=chances)
    reward = (rng.random(n) < rates[action]).astype(np.float64)
    return LoggedActions(action, reward, chances[action], chances=np.tile(chances, (n, 1)))
