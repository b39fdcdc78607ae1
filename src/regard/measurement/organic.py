"""How the town's people come by themselves: how active each one is, when they come, what they have heard of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY

PER_SITTING = 2.5  # events of one person in a row, on average
BETWEEN = 900.0  # seconds between two events of a sitting
DAY_PART_SHARES = (0.05, 0.15, 0.3, 0.5)  # night, morning, afternoon, evening
FEWEST = 5  # events of the least active person, where there are enough


def awareness(prominence: NDArray[np.float64], rng: np.random.Generator, skew: float = 0.8) -> NDArray[np.float64]:
    """The chance (I,) that an item comes to mind: Zipf with exponent `skew` over a noisy order of prominence."""
    spread = prominence.std() or 1.0
    noisy = prominence + 0.3 * spread * rng.standard_normal(len(prominence))
    rank = np.empty(len(prominence))
    rank[np.argsort(-noisy, kind="stable")] = np.arange(len(prominence))
    weights = (rank + 10.0) ** -skew
    return np.asarray(weights / weights.sum())


def visiting_times(
    activity: NDArray[np.float64], n_events: int, between: tuple[float, float], rng: np.random.Generator
) -> tuple[Rows, NDArray[np.float64], Rows]:
    """Who (n,), when (n,) in unix seconds, and the how-manieth of that person (n,); sorted by the last, then by person.

    `activity` (U,) are shares that sum to 1. People join over the first 70% of the time and come in sittings.
    """
    start, end = between
    if n_events < 1 or not end > start:
        raise InvalidInput("Town.visit", "at least one event, and an end after the start", f"{n_events}, {between}")
    counts = _counts(activity, n_events)
    user = np.repeat(np.arange(len(activity)), counts)
    nth = np.arange(n_events) - np.repeat(np.cumsum(counts) - counts, counts)
    joined = start + 0.7 * (end - start) * rng.random(len(activity))
    opens = rng.random(n_events) < 1 / PER_SITTING
    opens[nth == 0] = True
    sitting = np.cumsum(opens) - 1
    first = np.flatnonzero(opens)
    begins = _moments(joined[user[first]], end, rng)
    place = np.arange(n_events) - first[sitting]
    time = np.minimum(begins[sitting] + place * BETWEEN, end)
    order = np.lexsort((time, user))
    by_nth = np.argsort(nth, kind="stable")
    return user[order][by_nth], time[order][by_nth], nth[by_nth]


def _counts(activity: NDArray[np.float64], n_events: int) -> Rows:
    """Whole events per person that sum to n_events, by largest remainder above the fewest."""
    fewest = min(FEWEST, n_events // len(activity))
    share = activity * (n_events - fewest * len(activity))
    counts = np.floor(share).astype(np.int64)
    left = n_events - fewest * len(activity) - int(counts.sum())
    counts[np.argsort(counts - share, kind="stable")[:left]] += 1
    return np.asarray(counts + fewest)


def _moments(joined: NDArray[np.float64], end: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """One moment (n,) after each joining, in the hours in which people come."""
    anywhere = joined + (end - joined) * rng.random(len(joined))
    part = rng.choice(len(DAY_PART_SHARES), len(joined), p=DAY_PART_SHARES)
    hours = (part + rng.random(len(joined))) / len(DAY_PART_SHARES)
    return np.asarray(np.clip(anywhere // DAY * DAY + DAY * hours, joined, end))
