"""Believing: which policy the server follows, and what it has learned from the logs, as pictures that lists name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from regard.data.shown import shown_parts, shown_slots
from regard.feedback.examination import Examination, by_em
from regard.feedback.impressions import Joined
from regard.feedback.pictures import Picture
from regard.feedback.posteriors import Rewarded
from regard.recommending.exploration import Exploration
from regard.serving.brought import brought
from regard.serving.recipes import decode_policy
from regard.serving.settings import now
from regard.serving.shelf import Shelf

GREEDY = Exploration(kind="none")
LATELY = 20_000  # lists that are read at once
ACTIONS = 1_000  # from which on the log itself says how far down people look
DEEPEST = 100  # places


def begin(here: Shelf) -> Picture | None:
    """What regard.toml says of exploring holds from now on; None: it says nothing, and never did.

    What was learned stays.
    """
    wanted = decode_policy(here.settings.recipes, GREEDY)
    newest = newest_picture(here)
    if newest is None:
        return None if wanted == GREEDY else here.pictures.add(Picture(wanted))
    return newest if newest.exploration == wanted else here.pictures.add(replace(newest, exploration=wanted))


def newest_picture(here: Shelf) -> Picture | None:
    """What the policy knows now; None where nothing was ever explored."""
    name = here.pictures.newest()
    return None if name is None else here.pictures.get(name)


def learn(here: Shelf, at: float | None = None) -> Picture | None:
    """The next picture, where a release has gone live since the newest, or its minutes are over and lists were shown.

    Lists count once they are a visit old, with what was done within a visit. None: nothing to learn.
    """
    moment, live, newest = now() if at is None else at, here.promotions.live(), newest_picture(here)
    if newest is None or newest.exploration.kind == "none" or live is None:
        return None
    upto, other = moment - here.rules.visit, newest.release != live.name
    if not other and upto - newest.upto < 60 * newest.exploration.minutes:
        return None
    shown = _rewarded(here, newest.upto, upto)
    if not other and not len(shown.item):
        return None
    return here.pictures.add(newest.learned(shown, upto).under(live.name))


def _rewarded(here: Shelf, since: float, upto: float) -> Rewarded:
    """The slots shown in [since, upto) (unix seconds) of the newest LATELY lists, and what a visit brought them."""
    shown = shown_slots(here.store, since, upto, LATELY)
    if shown.is_empty():
        nothing = np.empty(0)
        return Rewarded(np.empty(0, np.int64), nothing, nothing, nothing, nothing)
    told = brought(here, shown, upto + here.rules.visit, how_far)
    parts = shown_parts(here.store, since, upto, LATELY)
    told = told.join(parts, on=("slate", "position"), how="left", maintain_order="left")
    told = told.filter((pl.col("item") >= 0) & pl.col("part").is_not_null())
    item, part, reward, looked, weight = (
        told[name].to_numpy() for name in ("item", "part", "reward", "examination", "weight")
    )
    return Rewarded(item, part, reward, looked, weight)


def how_far(joined: Joined) -> Examination:
    """How far down people look: as the log says where it holds enough, else half as often at the second place, a third
    at the third ..."""
    slots = joined.slots
    acted = np.zeros(slots.height, np.bool_)
    acted[joined.actions["slot"].to_numpy()] = True
    if acted.sum() < ACTIONS:
        return Examination(1 / np.arange(1.0, DEEPEST + 1))
    return by_em(slots["position"].to_numpy(), slots["item"].to_numpy(), acted)
