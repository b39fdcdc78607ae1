"""The guard: watches what people do with a release that is on trial, at every moment, and says when to take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import logsumexp

from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput
from regard.domain.worths import DEFAULT_WORTHS, Worth, within
from regard.feedback.canary import VISIT
from regard.feedback.impressions import Joined
from regard.feedback.rewards import Rewarding

Floats: TypeAlias = NDArray[np.float64]
BETS = np.geomspace(0.02, 0.9, 8)  # shares of the wealth that are bet on each comparison
LOSSES = 201  # losses between -1 and 1 that the interval is looked for in


@dataclass(frozen=True, slots=True)
class Watched:
    """What the guard knows after `exposed` requests: the mean `loss` a request against the release before, in units of
    the figure's range, with an interval (low, high) that is right at every moment at once; `after`: the number of
    exposed requests after which it took the release back, None while it stays."""

    figure: str
    exposed: int
    loss: float
    low: float
    high: float
    after: int | None
    tolerated: float

    def condition(self) -> Condition:
        """The line of a table."""
        words = f"loss {self.loss:+.4f} [{self.low:+.4f}, {self.high:+.4f}] after {self.exposed:,} requests"
        return Condition(f"guard: {self.figure}", self.low, self.tolerated, words=words)


@dataclass(frozen=True, slots=True)
class Guard:
    """Takes a release back when its loss is surely more than `tolerated`, in units of the figure's range.

    The release on trial and the one before share the traffic at every moment, so requests are compared with those of
    the same minutes: a block ends as soon as both have answered in it, and gives D = mean(before) - mean(on trial) in
    [-1, 1]. A gambler who bets that D is more than m owns, after t blocks,

        W_t(m) = mean over bets b of prod_{i <= t} (1 + b / (1 + m) * (D_i - m)),

    a martingale at best if the mean of D is at most m, so that W ever reaches 1 / alarms with at most the chance
    `alarms` (Ville's inequality): false rollbacks are that rare however often one looks. Losses m with W_t(m) >=
    1 / alarms at some t so far are excluded: a confidence sequence by betting (Waudby-Smith & Ramdas 2024, section 4;
    a mixture of fixed bets in place of their adaptive one). Nothing is decided before `least` requests.
    """

    alarms: float = 0.008
    tolerated: float = 0.0
    least: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.alarms < 1:
            raise InvalidInput("Guard.alarms", "a chance in (0, 1)", repr(self.alarms))
        if not 0 <= self.tolerated < 1:
            raise InvalidInput("Guard.tolerated", "a loss in [0, 1)", repr(self.tolerated))
        if self.least < 1:
            raise InvalidInput("Guard.least", "at least 1 request", repr(self.least))

    def log_wealth(self, differences: Floats, loss: float) -> Floats:
        """log W_t(loss) after each of T blocks, for `differences` (T, ...) in [-1, 1]; the same shape."""
        gain = np.zeros((len(BETS), *differences.shape))
        for bet, row in zip(BETS, gain, strict=True):
            np.cumsum(np.log1p(bet / (1 + loss) * (differences - loss)), axis=0, out=row)
        return np.asarray(logsumexp(gain, axis=0) - np.log(len(BETS)))

    def stops(self, differences: Floats, exposed: Floats) -> NDArray[np.int64]:
        """The first block of each run at which it takes back, -1 where it never does.

        `differences` (T, R) of R runs; `exposed` (T, R): the requests of the release on trial until each block.
        """
        over = (self.log_wealth(differences, self.tolerated) >= -np.log(self.alarms)) & (exposed >= self.least)
        return np.where(over.any(axis=0), over.argmax(axis=0), -1)

    def watch(self, figure: str, values: Floats, trial: NDArray[np.bool_]) -> Watched:
        """What is known of n requests in the order of time: `values` (n,) of the figure in [0, 1], the higher the
        better; `trial` (n,): the release on trial answered."""
        if len(values) and not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise InvalidInput("Guard.watch.values", "numbers in [0, 1]", f"{values.min()} to {values.max()}")
        differences, exposed = blocks(values, trial)
        low, high = self._interval(differences)
        stop = int(self.stops(differences[:, None], exposed[:, None])[0]) if len(differences) else -1
        loss = float(differences.mean()) if len(differences) else 0.0
        after = int(exposed[stop]) if stop >= 0 else None
        return Watched(figure, int(trial.sum()), loss, low, high, after, self.tolerated)

    def _interval(self, differences: Floats) -> tuple[float, float]:
        """The losses that no moment so far has excluded; each end errs with at most the chance `alarms`."""
        losses = np.linspace(-1, 1, LOSSES)[1:-1]
        if not len(differences):
            return -1.0, 1.0
        bound = -np.log(self.alarms)
        more = np.array([self.log_wealth(differences, m).max() for m in losses]) >= bound  # surely more than m
        less = np.array([self.log_wealth(-differences, -m).max() for m in losses]) >= bound
        low = losses[more].max() if more.any() else -1.0
        return float(low), float(losses[less].min() if less.any() else 1.0)


def blocks(values: Floats, trial: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """D of each block (T,), and the requests of the release on trial until its end (T,); what is left over waits."""
    n = len(values)
    if not n or trial.all() or not trial.any():
        return np.empty(0), np.empty(0)
    changes = np.flatnonzero(np.diff(trial)) + 1
    other = np.append(changes, n)[np.searchsorted(changes, np.arange(n), side="right")].tolist()
    ends, end = [], other[0]  # a block ends where the other release first answers
    while end < n:
        ends.append(end)
        end = other[end + 1] if end + 1 < n else n
    edges = np.r_[0, np.array(ends) + 1]
    block = np.repeat(np.arange(len(ends)), np.diff(edges))
    used = slice(0, edges[-1])
    mean = [
        np.bincount(block, values[used] * side[used], len(ends)) / np.bincount(block, side[used], len(ends))
        for side in (trial, ~trial)
    ]
    return mean[1] - mean[0], np.cumsum(trial)[ends].astype(np.float64)


def visits(joined: Joined, at: float, worths: Sequence[Worth] = DEFAULT_WORTHS, visit: float = VISIT) -> pl.DataFrame:
    """One row per visit of a known person that is over at `at` (unix seconds), in the order of time:

    `at` (its first list), `user`, `release`, `lists`, and the figures that a guard watches, by the signs of the worths
    of what was done within `visit` seconds of a list: `liked`, the share of its lists with something good, `unspoilt`,
    of those without anything bad. The visit is what a coin deals to a release (canary.py), so visits are compared.
    """
    slots = Rewarding(within(worths, visit)).of(joined, at).filter(pl.col("user") >= 0)
    lists = slots.group_by("slate", maintain_order=True).agg(
        pl.col("at", "user", "release").first(),
        (pl.col("reward") > 0).any().cast(pl.Float64).alias("liked"),
        (~(pl.col("reward") < 0).any()).cast(pl.Float64).alias("unspoilt"),
    )
    told = lists.with_columns(visit=(pl.col("at") // visit).cast(pl.Int64))
    told = told.filter((pl.col("visit") + 2) * visit <= at)
    found = told.group_by("visit", "user", "release", maintain_order=True).agg(
        pl.col("at").min(), pl.len().alias("lists"), pl.col("liked").mean(), pl.col("unspoilt").mean()
    )
    return found.select("at", "user", "release", "lists", "liked", "unspoilt").sort("at", maintain_order=True)


def watch_visits(seen: pl.DataFrame, before: str, trial: str, guard: Guard) -> list[Watched]:
    """Both figures of `visits` for the release on trial against the one before; they share the chance of an alarm."""
    shared = seen.filter(pl.col("release").is_in([before, trial]))
    on_trial = (shared["release"] == trial).to_numpy()
    each = Guard(guard.alarms / 2, guard.tolerated, guard.least)
    return [each.watch(name, shared[name].to_numpy(), on_trial) for name in ("liked", "unspoilt")]
