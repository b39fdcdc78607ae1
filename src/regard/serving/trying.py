"""Trying: a release before anybody sees it, beside the live one, on the newest events that neither has seen."""

from __future__ import annotations

import numpy as np

from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput
from regard.domain.run import Run
from regard.feedback.trials import Trial
from regard.measurement.latency import list_latency
from regard.measurement.splits import Split, by_time
from regard.measurement.versus import versus
from regard.models.blend import Blend, FittedBlend
from regard.serving import wiring
from regard.serving.comparing import cut
from regard.serving.recipes import Recipes
from regard.serving.tuned import Model, Tune, artifact_of, blend_of, over

K, ASKED = 10, 50  # of lists, and people whose lists are timed
WITH_A_PAST = 50  # people of whom something is known, so that more than the first impression is judged


def trial(
    data: Dataset, recipes: Recipes, live: tuple[str, float, Model], run: Run, tune: Tune | None = None
) -> tuple[Trial | None, Model | None, Condition | None]:
    """The recipes fitted on all but the newest events (`judged`), against the live release on those.

    `live`: its name, the moment of its data, and its model. Where it has learned from some of those, it is
    judged by its recipes, fitted on the same part. With `tune` what is on trial is tuned, too, by the lists from before
    those events, so that the figures are those of a tuned scorer; a live one keeps its tuning, which may know them.
    The second answer is what was fitted, a warm start for the whole, the third the line about what tuned it; each is
    None where the data are too few to judge by.
    """
    name, moment, serving = live
    try:
        split, known = judged(data), blend_of(serving)
        blend = wiring.fit(split.train, recipes, run)
        newer = float(split.test.events.time.min())  # each person's last events may be older than the newest of train
        before = known if moment < newer else _again(known.recipe, blend, split, run)
    except InvalidInput:
        return None, None, None
    after, line = (blend, None) if tune is None else tune(blend, run, min(split.train.at, newer))
    try:
        return measure(name, over(serving, before), after, split), after, line
    except InvalidInput:  # nobody can be judged
        return None, None, None


def judged(data: Dataset) -> Split:
    """The newest tenth of the events judges; where it has few people with a past, the last events of each person."""
    try:
        split = by_time(data, validation=0.0)
    except InvalidInput:
        return cut(data, "last")
    past, new = (np.diff(part.events.offsets) > 0 for part in (split.train, split.test))
    return split if (past & new).sum() >= WITH_A_PAST else cut(data, "last")


def measure(name: str, before: Model, after: Model, split: Split) -> Trial:
    """Accuracy by slice, care, latency, memory and full lists of `after`, beside `before`, the live release `name`."""
    lists, n_items = wiring.ranking(after), blend_of(after).n_items
    found = versus(wiring.ranking(before), lists, split, K)
    people = np.flatnonzero(np.diff(split.test.events.offsets) > 0)
    drawn = np.random.default_rng(0).permutation(people)[:ASKED]
    queries = [split.known.query(int(row), K) for row in drawn]
    full = [len(candidates) >= min(K, n_items) for candidates in lists.retrieve_many(queries, K)]
    parts = (blend_of(after).artifact(), artifact_of(after))
    ms, mb, upto = list_latency(lists, queries, K), sum(megabytes(one) for one in parts if one), split.train.at
    return Trial(name, found, ms, mb, float(np.mean(full)), upto)


def megabytes(artifact: Artifact) -> float:
    """The size of all arrays of a fitted thing."""
    own = sum(array.nbytes for array in artifact.arrays.values()) / 1e6
    return float(own + sum(megabytes(part) for part in artifact.parts.values()))


def _again(recipe: Blend, after: FittedBlend, split: Split, run: Run) -> FittedBlend:
    """The live recipes on the same events; the same recipes are the same thing."""
    return after if recipe == after.recipe else recipe.fit(split.train, run=run)
