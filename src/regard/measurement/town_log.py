"""What the town leaves behind: answers to slates, and the event tables that a log would hold of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.arrays import Array, Mask, Rows
from regard.measurement.mechanisms import DEVICES, Floats, weekday_and_part

MOODS = ("valence", "arousal")
Names: TypeAlias = tuple[pl.Series, pl.Series]  # ids of people (U,), of items (I,)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """n people, what they met (n,) or (n, k), when in unix seconds (n,), on which device (n,), in which mood (n, 2)."""

    users: Rows
    items: Rows
    at: NDArray[np.float64]
    device: Rows
    mood: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What B people did with B slates of k slots; masks are (B, k), `number` (B,) names the slates.

    `examined` is the truth behind the clicks, and `utility` (B, k) that behind the choices, which a log does not show;
    `ratings` (B, k) is NaN where none was given; likes and ratings come `later` (B, k) seconds after the click.
    """

    shown: Moments
    number: Rows
    examined: Mask
    clicked: Mask
    liked: Mask
    ratings: Floats
    later: Floats
    utility: Floats


def answer_log(answers: Answers, names: Names) -> pl.DataFrame:
    """An event for each click, like and rating: visit_log's columns, and `slate` and `position` (0 is the first)."""
    found = []
    for kind, happened in (("click", answers.clicked), ("like", answers.liked), ("rating", ~np.isnan(answers.ratings))):
        row, slot = np.nonzero(happened)
        value = answers.ratings[row, slot] if kind == "rating" else np.ones(len(row), np.float32)
        placed = (
            pl.Series("slate", answers.number[row]).cast(pl.String),
            pl.Series("position", slot.astype(np.int32)),
        )
        waited = np.zeros(len(row)) if kind == "click" else answers.later[row, slot]
        moments = _at(answers.shown, row, slot, waited)
        found.append(_table(moments, np.full(len(row), kind), value, names).with_columns(placed))
    return pl.concat(found)


def visit_log(visits: Moments, liked: Mask, ratings: Floats, names: Names) -> pl.DataFrame:
    """One event for each visit (n,), by time: a rating where there is one, else a like, else a view.

    Columns: user, item, type, value, time, and as context weekday (0 is Monday), day_part, device, valence, arousal.
    """
    rated = ~np.isnan(ratings)
    kinds = np.where(rated, "rating", np.where(liked, "like", "view"))
    table = _table(visits, kinds, np.where(rated, ratings, np.float32(1)), names)
    return table.sort("time", maintain_order=True)


def _at(shown: Moments, row: Rows, slot: Rows, waited: NDArray[np.floating]) -> Moments:
    at = shown.at[row] + waited
    return Moments(shown.users[row], shown.items[row, slot], at, shown.device[row], shown.mood[row])


def _table(moments: Moments, kinds: Array, value: Floats, names: Names) -> pl.DataFrame:
    people, items = names
    weekday, part = weekday_and_part(moments.at)
    columns = {
        "user": people.gather(moments.users),
        "item": items.gather(moments.items),
        "type": pl.Series(kinds, dtype=pl.String),
        "value": value,
        "time": moments.at,
        "weekday": weekday.astype(np.int8),
        "day_part": part.astype(np.int8),
        "device": pl.Series(DEVICES).gather(moments.device),
    }
    return pl.DataFrame(columns | {mood: moments.mood[:, column] for column, mood in enumerate(MOODS)})
