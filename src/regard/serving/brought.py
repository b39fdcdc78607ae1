"""Brought: what shown slots brought within a visit, as the store tells it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from regard.data.shown import done_events, worths
from regard.domain.worths import within
from regard.feedback.examination import Examination
from regard.feedback.impressions import Joined, join
from regard.feedback.rewards import Rewarding
from regard.feedback.suspects import Habits, trust
from regard.serving.shelf import Shelf


def brought(
    here: Shelf, slots: pl.DataFrame, until: float, looked: Callable[[Joined], Examination] | None = None
) -> pl.DataFrame:
    """The `slots` of `shown_slots` (at least one) with what was done until then, as `Rewarding.of` gives it.

    Robots and bursts weigh less. `looked` says from the slots themselves how far down people look.
    """
    done = done_events(here.store, float(slots["at"].min()), until)  # type: ignore[arg-type]
    joined = join(slots, done)
    trusted = trust(Habits().suspects(done, joined))
    recipe = Rewarding(within(worths(here.store), here.rules.visit))
    return recipe.of(joined, until, None if looked is None else looked(joined), trusted)
