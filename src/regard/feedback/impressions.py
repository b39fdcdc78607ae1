"""Impressions: every shown slot of the served lists, joined to what people then did with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY

SKEW = 5.0  # seconds by which clocks of different machines may disagree


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """slots: n shown slots (data/shown.py SHOWN). actions: what was done with them: `slot` (row of `slots`), `type`,
    `value`, `time`, `delay` (seconds since it was shown, >= 0). left: how many events joined nothing, by reason."""

    slots: pl.DataFrame
    actions: pl.DataFrame
    left: Mapping[str, int]


def join(shown: pl.DataFrame, done: pl.DataFrame, reach: float = DAY) -> Joined:
    """Each event of `done` with the slot that it answers.

    An event that names its list belongs to the slot of its item on it. One that names none belongs to the last slot
    that showed this item to this person in the `reach` seconds before it (0: to none), so that what is bought by
    another way than a click on the list still counts. Counted in `left` instead: events of a list or an item that was
    not shown, of another person than the list was for, and from before the list.
    """
    if not reach >= 0:
        raise InvalidInput("join.reach", "seconds >= 0", repr(reach))
    slots = shown.with_row_index("slot")
    place = slots.filter(pl.col("item") >= 0).select("slot", "slate", "item", "at", pl.col("user").alias("whom"))
    named = done.filter(pl.col("slate") != "").join(place, on=("slate", "item"), how="left")
    lists = shown.select("slate").unique()
    strangers = named.filter(pl.col("slot").is_null()).join(lists, on="slate", how="anti").height
    found = named.filter(pl.col("slot").is_not_null())
    theirs = found.filter((pl.col("whom") == pl.col("user")) | (pl.col("whom") < 0))
    timely = theirs.filter(pl.col("time") >= pl.col("at") - SKEW)
    unnamed = done.filter(pl.col("slate") == "")
    reached = _last_shown(unnamed, place, reach)
    left = {
        "unknown list": strangers,
        "not on that list": named.height - found.height - strangers,
        "another person": found.height - theirs.height,
        "before it was shown": theirs.height - timely.height,
        "came by themselves": unnamed.height - reached.height,
    }
    columns = ("slot", "type", "value", "time", pl.max_horizontal(pl.col("time") - pl.col("at"), 0.0).alias("delay"))
    actions = pl.concat([timely.select(columns), reached.select(columns)]).sort("slot", "time", maintain_order=True)
    return Joined(shown, actions, left)


def _last_shown(unnamed: pl.DataFrame, place: pl.DataFrame, reach: float) -> pl.DataFrame:
    """Events without a list, each with the newest slot of the same person and item, not older than `reach`."""
    if reach == 0 or unnamed.is_empty() or place.is_empty():
        return unnamed.clear().join(place, on=("slate", "item"))
    known = place.filter(pl.col("whom") >= 0).rename({"whom": "user"}).drop("slate")
    matched = unnamed.sort("time").join_asof(
        known.sort("at"), left_on="time", right_on="at", by=("user", "item"), check_sortedness=False
    )
    return matched.filter(pl.col("time") - pl.col("at") <= reach)
