"""Suspects: people whose actions look like a machine's or come in bursts; they are listed, and count for less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from regard.domain.errors import InvalidInput
from regard.feedback.impressions import Joined

SUSPECT = pl.Schema(
    {"user": pl.Int64, "reason": pl.String, "value": pl.Float64, "bound": pl.Float64, "weight": pl.Float64}
)


@dataclass(frozen=True, slots=True)
class Habits:
    """What a person can do; whoever does more is listed, and counts for less in proportion (machines: not at all).

    burst: actions a minute. volume: actions of the whole period, as deviations of log(actions) above the median person
    (a robust z by the median absolute deviation); nobody with fewer than `least` actions is meant. regular: the
    variation (standard deviation / mean) of the gaps between actions below which it is a clock, from `gaps` gaps on.
    everything: the share of shown slots that somebody acts on, from `slots` slots on.
    """

    burst: int = 30
    volume: float = 6.0
    least: int = 200
    regular: float = 0.1
    gaps: int = 30
    everything: float = 0.9
    slots: int = 50

    def __post_init__(self) -> None:
        for name in ("burst", "volume", "least", "gaps", "slots"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"Habits.{name}", "a number > 0", repr(getattr(self, name)))
        for name in ("regular", "everything"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidInput(f"Habits.{name}", "a number in (0, 1]", repr(getattr(self, name)))

    def suspects(self, done: pl.DataFrame, joined: Joined | None = None) -> pl.DataFrame:
        """Who stands out among the events `done` (data/shown.py DONE), a row per person and reason:

        `user` (row), `reason`, its `value` and `bound`, the `weight` in [0, 1) that is left. With `joined` also those
        who act on everything that they are shown.
        """
        events = done.select("user", "time").sort("user", "time")
        found = [self._bursts(events), self._volumes(events), self._clocks(events)]
        if joined is not None:
            found.append(self._takers(joined))
        return pl.concat(found).sort("weight", "user", "reason")

    def _bursts(self, events: pl.DataFrame) -> pl.DataFrame:
        """The most actions that begin within one minute."""
        micros = events.with_columns(us=(pl.col("time") * 1e6).cast(pl.Int64), one=pl.lit(1.0))
        counted = micros.rolling("us", period="60000000i", group_by="user").agg(pl.col("one").sum())
        value = counted.group_by("user").agg(pl.col("one").max().alias("value"))
        return _listed(value.filter(pl.col("value") > self.burst), "burst", self.burst)

    def _volumes(self, events: pl.DataFrame) -> pl.DataFrame:
        counts = events.group_by("user").agg(pl.len().cast(pl.Float64).alias("value"))
        logs = np.log(counts["value"].to_numpy())
        if not len(logs):
            return pl.DataFrame(schema=SUSPECT)
        middle = float(np.median(logs))
        spread = 1.4826 * float(np.median(np.abs(logs - middle)))  # a standard deviation, where logs are normal
        bound = max(float(self.least), float(np.exp(middle + self.volume * spread)))
        return _listed(counts.filter(pl.col("value") > bound), "volume", bound)

    def _clocks(self, events: pl.DataFrame) -> pl.DataFrame:
        gaps = events.with_columns(gap=pl.col("time").diff().over("user")).drop_nulls("gap")
        told = gaps.group_by("user").agg(
            pl.len().alias("n"), pl.col("gap").mean().alias("mean"), pl.col("gap").std().alias("spread")
        )
        told = told.filter((pl.col("n") >= self.gaps) & (pl.col("mean") > 0))
        value = told.select("user", (pl.col("spread") / pl.col("mean")).alias("value"))
        return _listed(value.filter(pl.col("value") < self.regular), "clockwork", self.regular, weight=0.0)

    def _takers(self, joined: Joined) -> pl.DataFrame:
        touched = joined.actions.select("slot").unique().with_columns(acted=pl.lit(1.0))
        slots = joined.slots.select("user").with_row_index("slot").filter(pl.col("user") >= 0)
        share = (
            slots.join(touched, on="slot", how="left")
            .group_by("user")
            .agg(pl.len().alias("n"), (pl.col("acted").sum() / pl.len()).alias("value"))
            .filter((pl.col("n") >= self.slots) & (pl.col("value") > self.everything))
        )
        return _listed(share.select("user", "value"), "acts on everything", self.everything, weight=0.0)


def trust(suspects: pl.DataFrame) -> dict[int, float]:
    """How far each suspect counts: the least weight of their rows, by user row; everybody else counts fully."""
    least = suspects.group_by("user").agg(pl.col("weight").min())
    return dict(zip(least["user"].to_list(), least["weight"].to_list(), strict=True))


def _listed(values: pl.DataFrame, reason: str, bound: float, weight: float | None = None) -> pl.DataFrame:
    left = pl.lit(bound) / pl.col("value") if weight is None else pl.lit(weight)
    told = values.with_columns(reason=pl.lit(reason), bound=pl.lit(float(bound)), weight=left)
    return told.select(pl.col(name).cast(kind) for name, kind in SUSPECT.items())
