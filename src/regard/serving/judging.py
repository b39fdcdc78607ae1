"""Judging: what a release on trial would have shown where others served, and what the log says of that."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from regard.data.shown import shown_slots
from regard.data.snapshot import snapshot
from regard.domain.arrays import Scores
from regard.domain.dataset import Dataset
from regard.domain.decisions import Condition, Release
from regard.feedback.log_judge import LogJudge, logged_actions, whole_lists
from regard.feedback.rewards import Rewarding
from regard.serving import believing, lists, wiring
from regard.serving.brought import brought
from regard.serving.installation import BEFORE_EVENTS, Installation
from regard.serving.served import Served
from regard.serving.settings import now
from regard.serving.tuned import Model
from regard.serving.wiring import Live

HEARD = 1_000  # lists at most


def by_log(here: Installation, after: Model, data: Dataset, since: float) -> Condition:
    """The line of the gate for the recipes of a release, as `after` has learned them from events until `since`.

    Only lists that were served later are heard (unix seconds): a model that has met what was done with a list would
    look better by that log than it is.
    """
    judge, upto = LogJudge(), now() - here.rules.visit
    told = shown_slots(here.store, since, upto, HEARD)
    if not told.is_empty():
        told = whole_lists(brought(here, told, upto + here.rules.visit))
    if told["slate"].n_unique() < judge.lists:
        return judge.silent(f"{told['slate'].n_unique():,} lists since its data ended", here.rules.gate)
    shown = _shown(here, _on_trial(here, after, data), told)
    return judge.line(logged_actions(told, Rewarding().bounds), shown, here.rules.gate)


def _on_trial(here: Installation, after: Model, data: Dataset) -> Live:
    """What is on trial as it would serve, with the policy of today."""
    release = Release("on trial", now(), data.at, 0, {})
    today = here.encoded(snapshot(here.store, at=BEFORE_EVENTS))
    live = wiring.assembled(release, after, data, today, here.encoder)
    return live.exploring(believing.newest_picture(here))


def _shown(here: Installation, live: Live, told: pl.DataFrame) -> Scores:
    """The chance (n,) that `live` would have given each slot, given those above it."""
    served = Served.at_rest(here)
    chances = partial(_of_one, served, live)
    whole = told.group_by("slate", maintain_order=True).agg("item")
    return np.concatenate([chances(name, np.array(items, np.int64)) for name, items in whole.iter_rows()])


def _of_one(served: Served, live: Live, name: str, items: np.ndarray) -> Scores:
    query = lists.asked(served, live, served.impressions.get(name))
    return live.recommender.replay(query, items)
