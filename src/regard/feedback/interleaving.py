"""Interleaving: two rankers share one list; whose items are clicked more often is the better one, with few visits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from regard.domain.arrays import Mask, Rows, Scores, check_shape
from regard.domain.errors import InvalidInput

FIRST, SECOND, NOBODY = 0, 1, -1  # teams


@dataclass(frozen=True, slots=True, eq=False)
class Interleaved:
    """Lists (B, k) that two rankers filled together, -1 where both ran out, and the `team` of each slot (B, k)."""

    rows: Rows
    team: Rows

    def credit(self, clicked: Mask) -> Scores:
        """Clicks on the first ranker's items less those on the second's, for each list (B,)."""
        check_shape("credit.clicked", clicked, self.rows.shape)
        side = np.array([1.0, -1.0, 0.0])[self.team]  # NOBODY is the last
        return np.asarray((clicked * side).sum(axis=1))


def team_draft(first: Rows, second: Rows, k: int, rng: np.random.Generator) -> Interleaved:
    """Interleave B pairs of lists (B, n) of item rows, -1 past the end (Radlinski et al. 2008, algorithm 2).

    As in a school yard: the captain with the smaller team picks next, a coin decides ties, and each takes their best
    item that is still free. So both rankers stand equally high on average, and each item counts for who picked it.
    """
    check_shape("team_draft.first", first, (len(first), None))
    check_shape("team_draft.second", second, (len(first), None))
    if k < 1:
        raise InvalidInput("team_draft.k", "at least 1 slot", str(k))
    everybody = np.arange(len(first))
    rows, team = np.full((len(first), k), -1), np.full((len(first), k), NOBODY)
    size = np.zeros((2, len(first)), np.int64)
    for slot in range(k):
        best = [_best_free(ranking, rows[:, :slot]) for ranking in (first, second)]
        turn = np.where(size[0] == size[1], rng.integers(0, 2, len(first)), size[0] > size[1])
        turn = np.where(best[0] < 0, SECOND, np.where(best[1] < 0, FIRST, turn))
        picked = np.where(turn == FIRST, *best)
        rows[:, slot] = picked
        team[:, slot] = np.where(picked >= 0, turn, NOBODY)
        size[turn, everybody] += picked >= 0
    return Interleaved(rows, team)


def _best_free(ranking: Rows, taken: Rows) -> Rows:
    """The first item of each ranking (B, n) that is not in `taken` (B, j), -1 where none is left, (B,)."""
    free = (ranking >= 0) & ~(ranking[:, :, None] == taken[:, None, :]).any(axis=2)
    place = np.argmax(free, axis=1)
    everybody = np.arange(len(ranking))
    return np.where(free[everybody, place], ranking[everybody, place], -1)


@dataclass(frozen=True, slots=True)
class Preference:
    """How many more clicks a person gives to the first ranker than to the second, with 95% bounds and p."""

    people: int
    difference: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        if self.p >= 0.05:
            return f"{self.people:,} people prefer neither (p {self.p:.2f})"
        side = "first" if self.difference > 0 else "second"
        return f"{self.people:,} people prefer the {side} (p {self.p:.2g})"


def preference(credit: Scores, person: Rows) -> Preference:
    """From the credit (B,) of lists and whose they were (B,): a t-test over people, who may come more than once."""
    check_shape("preference.person", person, credit.shape)
    each = np.bincount(np.unique(person, return_inverse=True)[1].reshape(-1), credit)
    n, mean = len(each), float(each.mean())
    error = float(each.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    if error == 0 or not math.isfinite(error):
        return Preference(n, mean, -math.inf, math.inf, 1.0)
    half = float(student.ppf(0.975, n - 1)) * error
    return Preference(n, mean, mean - half, mean + half, float(2 * student.sf(abs(mean) / error, n - 1)))
