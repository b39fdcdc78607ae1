"""Rewards: one number for every shown slot, out of what was done with it and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.arrays import Array
from regard.domain.errors import InvalidInput
from regard.domain.worths import DEFAULT_WORTHS, PASSED_OVER, Worth
from regard.feedback.examination import Examination
from regard.feedback.impressions import Joined

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rewarding:
    """reward of a slot = clip(sum over types of the worth of its action, low, high): `bounds` (low, high).

    Of several actions of one type the newest counts (a changed rating), or the largest where the worth grows with the
    value (dwell). A slot is settled once every window of the table is over; before that, what is missing may still
    come, so an unsettled slot has weight 0. With `early`, what came by elapsed time e is divided by F(e), the share of
    all actions of that type that come by then, which is right on average (inverse probability of censoring, Robins &
    Rotnitzky 1992; delayed feedback, Chapelle 2014); slots where F(e) < `floor` wait.
    """

    worths: tuple[Worth, ...] = DEFAULT_WORTHS
    bounds: tuple[float, float] = (-1.0, 1.0)
    early: bool = False
    floor: float = 0.1
    clip: float = 0.05  # the least chance of being looked at by which a reward is divided

    def __post_init__(self) -> None:
        if not self.bounds[0] < self.bounds[1]:
            raise InvalidInput("Rewarding.bounds", "(low, high), low < high", repr(self.bounds))
        for name in ("floor", "clip"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidInput(f"Rewarding.{name}", "a share in (0, 1]", repr(getattr(self, name)))

    def of(
        self,
        joined: Joined,
        at: float,
        examination: Examination | None = None,
        trust: Mapping[int, float] | None = None,
    ) -> pl.DataFrame:
        """The slots of `joined` with what they earned by the moment `at` (unix seconds), a row each:

        `reward`; `settled`; `examination`, the chance that the slot was looked at; `corrected`, the reward divided by
        it (inverse propensity scoring, Joachims, Swaminathan & Schnabel 2017); `weight` >= 0 for learning: 0 while a
        slot waits, else how far its person is trusted (`trust` by user row, default 1; suspects.py).
        """
        slots = joined.slots
        n, elapsed = slots.height, at - slots["at"].to_numpy()
        horizon = max((w.window for w in self.worths if w.worth), default=0.0)
        settled = elapsed >= horizon
        ready = settled.copy()
        earned = _earned(_with_passed_over(joined), self.worths).filter(pl.col("slot").is_not_null())
        earned = earned.filter(pl.col("time") <= at)
        amount, place = earned["amount"].to_numpy(), earned["slot"].to_numpy()
        reward = np.clip(np.bincount(place, amount, n), *self.bounds) if n else np.empty(0)
        if self.early and n:
            share = self._arrived(earned, settled, elapsed)
            ready |= np.min(list(share.values()), axis=0, initial=np.inf) >= self.floor
            for name, came in share.items():  # what came speaks for what is still to come
                own = earned["type"].to_numpy() == name
                more = amount[own] * (1 / np.maximum(came[place[own]], self.floor) - 1)
                reward += np.bincount(place[own], more, n)
        seen = np.ones(n) if examination is None else examination.at(slots["position"].to_numpy())
        trusted = slots["user"].replace_strict(dict(trust or {}), default=1.0, return_dtype=pl.Float64).to_numpy()
        return slots.with_columns(
            reward=reward,
            settled=settled,
            examination=seen,
            corrected=reward / np.maximum(seen, self.clip),
            weight=np.where(ready, trusted, 0.0),
        )

    def _arrived(self, earned: pl.DataFrame, settled: Array, elapsed: Floats) -> Mapping[str, Floats]:
        """F_type(elapsed) of each slot (n,), 1 where it is settled; by the actions on settled slots."""
        known = earned.filter(pl.Series(settled[earned["slot"].to_numpy()]))
        found = {}
        for name in {w.type for w in self.worths if w.worth and w.type != PASSED_OVER}:
            delays = np.sort(known.filter(pl.col("type") == name)["delay"].to_numpy())
            window = max(w.window for w in self.worths if w.type == name)
            share = np.searchsorted(delays, elapsed, side="right") / max(len(delays), 1)
            unused = not earned.filter(pl.col("type") == name).height  # nobody does this here: nothing to wait for
            found[name] = np.where(settled | (elapsed >= window) | unused, 1.0, share)
        return found | ({PASSED_OVER: np.ones(len(elapsed))})


def _with_passed_over(joined: Joined) -> pl.DataFrame:
    """The actions, and one "passed over" for each untouched slot above the lowest touched one (Joachims 2002)."""
    slots = joined.slots.select("slate", "position").with_row_index("slot")
    touched = joined.actions.group_by("slot").agg(pl.col("time").min(), pl.col("delay").min())
    placed = slots.join(touched, on="slot", how="left")
    lowest = (
        placed.filter(pl.col("time").is_not_null())
        .sort("position")
        .group_by("slate")
        .agg(pl.col("position").last().alias("lowest"), pl.col("time").last(), pl.col("delay").last())
    )
    untouched = placed.filter(pl.col("time").is_null()).select("slot", "slate", "position")
    passed = untouched.join(lowest, on="slate").filter(pl.col("position") < pl.col("lowest"))
    passed = passed.select("slot", pl.lit(PASSED_OVER).alias("type"), pl.lit(1.0).alias("value"), "time", "delay")
    return pl.concat([joined.actions, passed], how="vertical_relaxed")


def _earned(actions: pl.DataFrame, table: Sequence[Worth]) -> pl.DataFrame:
    """One row per slot and type with its `amount`: what counts of the actions within their windows."""
    kind, value, delay = (actions[name].to_numpy() for name in ("type", "value", "delay"))
    amount, window = np.zeros(len(kind)), np.zeros(len(kind))
    order = actions["time"].to_numpy().astype(np.float64)
    waiting = np.ones(len(kind), np.bool_)
    for row in table:
        fits = waiting & (kind == row.type)
        if row.at_least is not None:
            fits &= value >= row.at_least
        reached = 1.0 if row.full is None else np.clip(value[fits] / row.full, 0.0, 1.0)
        amount[fits], window[fits] = row.worth * reached, row.window
        if row.full is not None:
            order[fits] = np.abs(amount[fits])
        waiting &= ~fits
    counted = actions.with_columns(amount=amount, order=order).filter(pl.Series(delay <= window) & pl.Series(~waiting))
    best = pl.all().exclude("order").sort_by("order").last()
    return counted.group_by("slot", "type").agg(best).sort("slot", "type")
