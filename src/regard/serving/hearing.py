"""Hearing: served lists, out of the candidates that their own release had, as the long-run learners read them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from regard.data.impression_log import Impression
from regard.data.shown import shown_slots
from regard.domain.arrays import Rows, Scores
from regard.domain.errors import RegardError
from regard.domain.request import UNKNOWN, Query
from regard.domain.run import Progress, silent
from regard.feedback.log_judge import whole_lists
from regard.models.logged_lists import EMPTY, LoggedLists
from regard.serving import believing, lists, replaying
from regard.serving.brought import brought
from regard.serving.installation import Installation
from regard.serving.past import began
from regard.serving.served import Served
from regard.serving.settings import now
from regard.serving.tuned import base_of

OPEN = "a robot's, or with an item that was deleted"
GIVEN = "ranked what was given"
PAGED = "asked for the page of an item"  # what is like it comes first
FILTERED = "asked with a filter"  # sources are asked far deeper then: up to all items are candidates
GONE = "made by a release, items or a policy that are no longer kept"
ABSENT = "with an item that is no longer a candidate"
OTHERS = "chosen out of other candidates than can be found now"


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the log tells: `lists`, and how many were `left_out`, by reason."""

    lists: LoggedLists
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """One list: its query, c candidates with what the scorer said of each, and k slots, as places of candidates."""

    query: Query
    rows: Rows  # (c,)
    said: Scores  # (c,)
    shown: Rows  # (k,)
    propensity: Scores  # (k,)
    reward: Scores  # (k,)


def heard(here: Installation, most: int, n_items: int, until: float = math.inf, tell: Progress = silent) -> Heard:
    """The newest `most` lists that are a visit old, with what a visit brought them; of the first `n_items` items.

    Nothing from after `until` (unix seconds) is heard: their visits were over by then.

    Candidates and scores are computed again by the release that made the list, over the items, weights and events of
    its moment. That release has not met what was done with the list, so its scores know no more than they did; and the
    policy has drawn from these candidates. Where that release was tuned, it is its blend that speaks here. A list that
    cannot be computed again, has shown what is no candidate any more, or has other candidates now than it had, as where
    people have taken something back or items were deleted, is left out and counted; so is one that asked for a filter.
    """
    upto = min(now(), until) - here.rules.visit
    slots = shown_slots(here.store, 0.0, upto, most)
    if slots.is_empty():
        return Heard(_stacked([], np.ones(1)), {})
    told = brought(here, slots, upto + here.rules.visit, believing.how_far)
    whole = whole_lists(told)
    served, rewards = Served.at_rest(here), _rewards(whole)
    left, found = Counter({OPEN: told["slate"].n_unique() - len(rewards)}), list[_Told]()
    for place, one in enumerate(_in_order(served, list(rewards))):
        tell("lists", place / len(rewards))
        again = _again(served, one, rewards[one.id.hex], n_items)
        if isinstance(again, str):
            left[again] += 1
        else:
            found.append(again)
    return Heard(_stacked(found, _looked(told)), {why: n for why, n in left.items() if n})


def _rewards(whole: pl.DataFrame) -> dict[str, Scores]:
    """What each slot brought, by list, from the first place down."""
    by_list = whole.group_by("slate", maintain_order=True).agg("reward")
    return {name: np.array(reward) for name, reward in by_list.iter_rows()}


def _in_order(served: Served, names: Sequence[str]) -> list[Impression]:
    """Those of one release together, in the order of its items, so that each release is read once."""
    found = [served.impressions.get(name) for name in names]
    return sorted(found, key=lambda one: (one.release, one.body["moment"].get("items", 0), one.at))


def _again(served: Served, found: Impression, reward: Scores, n_items: int) -> _Told | str:
    """One list from its line, or why it is left out."""
    body = found.body
    why = replaying.missing(served, found) or _set_apart(body["moment"])
    if why:
        return why
    try:
        with served.past.at(found.release, began(found), body["left_out"]) as live:
            corridor = replaying.as_asked(served, live, found).recommender
            query = lists.asked(served, live, found)
            candidates = replace(corridor, scorer=base_of(corridor.scorer)).candidates(query)
    except RegardError:  # also where files are damaged
        return GONE
    if len(candidates) != body["candidates"]:  # the chances were drawn among those
        return OTHERS
    candidates = candidates.where(candidates.rows < n_items)
    place = {row: n for n, row in enumerate(candidates.rows.tolist())}
    if candidates.mean is None or not all(row in place for row in found.items):
        return ABSENT
    user = found.user_row if body["moment"]["profiled"] else UNKNOWN  # also of people newer than the release
    shown = np.array([place[row] for row in found.items], np.int64)
    query = replace(query, user=user, allowed=None)
    return _Told(query, candidates.rows, candidates.mean, shown, np.array(found.propensities), reward)


def _set_apart(moment: Mapping[str, Any]) -> str:
    """Why a list is none to learn from, whatever is kept of it; "": it is one."""
    if moment.get("given") is not None:
        return GIVEN
    if moment.get("seed_item") is not None:
        return PAGED
    return FILTERED if moment.get("filter") else ""


def _looked(told: pl.DataFrame) -> Scores:
    """The chance that each place is looked at, (k,)."""
    places = told.unique("position").sort("position")
    return np.asarray(np.minimum(places["examination"].to_numpy(), 1.0))


def _stacked(told: Sequence[_Told], looked: Scores) -> LoggedLists:
    """All of them as one, short ones filled up."""
    k = max((len(one.shown) for one in told), default=1)
    rows, shown = _padded([one.rows for one in told], 1), _padded([one.shown for one in told], k)
    said, propensity, reward = (
        np.where(there == EMPTY, 0.0, _padded(columns, there.shape[1]))
        for there, columns in (
            (rows, [one.said for one in told]),
            (shown, [one.propensity for one in told]),
            (shown, [one.reward for one in told]),
        )
    )
    return LoggedLists([one.query for one in told], rows, said, shown, propensity, reward, looked[:k])


def _padded(columns: Sequence[np.ndarray], least: int) -> np.ndarray:
    """Columns of several lengths (c,) as rows of one array, EMPTY past their ends; at least so wide."""
    width = max((len(column) for column in columns), default=0)
    kind = columns[0].dtype if columns else np.dtype(np.int64)
    found = np.full((len(columns), max(width, least)), EMPTY, kind)
    for place, column in enumerate(columns):
        found[place, : len(column)] = column
    return found
