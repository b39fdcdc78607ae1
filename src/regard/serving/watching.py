"""Watching: what the logs say of the release on trial and of the live one; the guard acts, drift asks for a new fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.data.shown import done_events, shown_parts, shown_scores, shown_slots, worths
from regard.domain.decisions import Condition
from regard.domain.weights import DAY
from regard.feedback.drift import NO_LISTS, Period
from regard.feedback.guard import Watched, visits, watch_visits
from regard.feedback.impressions import join
from regard.feedback.meant import Meant
from regard.measurement.metrics.lists import Lists
from regard.serving import releasing
from regard.serving.brought import brought
from regard.serving.settings import now

if TYPE_CHECKING:
    from regard.serving.installation import Installation

GUARD, ITSELF = "the guard", "automatic (regard.toml)"
LATELY = 20_000  # lists that figures by release look at
FEW = 100  # lists or events of a period below which it says nothing


def guard(here: Installation, at: float | None = None) -> tuple[str, list[Watched]]:
    """Judge the release on trial by what was done with its lists until `at` (unix seconds, default: now).

    It is taken back where a figure is surely worse; it goes live by itself after enough requests where regard.toml lets
    releases through without a person. What was done ("nothing", "taken back", "live"), and the figures.
    """
    moment = now() if at is None else at
    trial, live = here.promotions.canary(), here.promotions.live()
    if trial is None or live is None:
        return "nothing", []
    shown = shown_slots(here.store, trial.since, moment)
    joined = join(shown, done_events(here.store, trial.since, moment))
    rules = here.rules
    found = watch_visits(visits(joined, moment, worths(here.store), rules.visit), live.name, trial.name, rules.guard)
    bad = next((one for one in found if one.after is not None), None)
    if bad is not None:
        releasing.roll_back(here, GUARD, f"{bad.figure}: {bad.condition().words}", trial.name)
        return "taken back", found
    if rules.approval == "automatic" and min(one.exposed for one in found) >= rules.enough:
        releasing.promote(here, trial.name, ITSELF)
        return "live", found
    return "nothing", found


def drift(here: Installation, at: float | None = None) -> tuple[Condition, ...]:
    """The newest days against those that the live release learned from and began with; empty while too little is known.

    Data: the days before its moment. Lists, scores, and the chances that scores stood for: its first days of service.
    """
    moment, live = now() if at is None else at, here.promotions.live()
    if live is None:
        return ()
    days, began = here.rules.drift * DAY, live.since
    learned, lately = float(live.about["moment"]), moment - days
    first, last = (began, min(began + days, lately)), (max(lately, began), moment)
    before = _period(here, live.name, (learned - days, learned), first)
    after = _period(here, live.name, (max(lately, learned), moment), last)
    if len(before.lists) and len(after.lists):
        predicted, happened = _foretold(here, live.name, first, last)
        after = replace(after, predicted=predicted, happened=happened)
    return here.rules.watch.look(before, after)


def by_release(here: Installation, at: float | None = None) -> dict[str, dict[str, Any]]:
    """What the last day's lists came to, by release: how many there were, and the share of visits with a liked one.

    At most LATELY lists are looked at; visits under way do not count yet.
    """
    moment = now() if at is None else at
    slots = shown_slots(here.store, moment - DAY, moment, LATELY)
    if slots.is_empty():
        return {}
    joined = join(slots, done_events(here.store, float(slots["at"].min()), moment))  # type: ignore[arg-type]
    told = visits(joined, moment, worths(here.store), here.rules.visit).group_by("release").agg(pl.col("liked").mean())
    liked = dict(told.rows())
    lists = slots.group_by("release").agg(pl.col("slate").n_unique()).rows()
    return {name: {"lists": n, "liked": liked.get(name)} for name, n in lists}


def _period(here: Installation, live: str, data: tuple[float, float], served: tuple[float, float]) -> Period:
    """What happened in one span (unix seconds), and what was shown in another; nothing where there is too little."""
    events = done_events(here.store, *data)
    lists = _lists(shown_slots(here.store, *served, LATELY).filter(pl.col("release") == live))
    if len(lists) < FEW:
        lists = NO_LISTS
    return Period(
        data=_columns(events) if events.height >= FEW else {},
        scores=shown_scores(here.store, served, live, LATELY) if len(lists) else np.empty(0),
        lists=lists,
    )


def _foretold(
    here: Installation, live: str, first: tuple[float, float], last: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the newest slots (n,): the chances of being liked that score and place stood for at first, and what came."""
    learned, now_ = (_liked(here, live, span) for span in (first, last))
    if learned.is_empty() or now_.is_empty():
        return np.empty(0), np.empty(0)
    columns = [[told[name].to_numpy() for name in ("part", "position", "liked")] for told in (learned, now_)]
    predicted = Meant.learned(*columns[0]).chances(*columns[1][:2])
    return predicted, columns[1][2].astype(np.float64)


def _liked(here: Installation, live: str, span: tuple[float, float]) -> pl.DataFrame:
    """Slots of a release whose visit is over: `part` (its score), `position`, `liked` within a visit."""
    since, until = span
    upto = until - here.rules.visit
    slots = shown_slots(here.store, since, upto, LATELY).filter(pl.col("release") == live)
    parts = shown_parts(here.store, since, upto, LATELY)
    if slots.is_empty() or parts.is_empty():
        return parts.clear()
    told = brought(here, slots, until)
    told = told.select("slate", "position", (pl.col("reward") > 0).alias("liked"))
    return told.join(parts, on=("slate", "position"), how="inner", maintain_order="left").drop_nulls("part")


def _columns(events: pl.DataFrame) -> dict[str, Any]:
    """What is watched of events: of which type, at which hour, with which value."""
    hours = (events["time"].to_numpy() % DAY) // 3600
    return {"event type": events["type"].to_numpy(), "hour": hours, "value": events["value"].to_numpy()}


def _lists(slots: pl.DataFrame) -> Lists:
    """Item rows by list and position, (L, k), -1 past the end."""
    if slots.is_empty():
        return NO_LISTS
    row = slots["slate"].rank("dense").to_numpy().astype(np.int64) - 1
    place = slots["position"].to_numpy()
    lists = np.full((int(row.max()) + 1, int(place.max()) + 1), -1, np.int64)
    lists[row, place] = slots["item"].to_numpy()
    return lists
