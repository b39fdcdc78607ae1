"""Trying: a release before anybody sees it, beside the live one, on the newest events that neither has seen."""

from __future__ import annotations

import numpy as np

from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
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

K, ASKED = 10, 50  # of lists, and people whose lists are timed
WITH_A_PAST = 50  # people of whom something is known, so that more than the first impression is judged


def trial(
    data: Dataset, recipes: Recipes, live: tuple[str, float, FittedBlend], run: Run
) -> tuple[Trial | None, FittedBlend | None]:
    """The recipes fitted on all but the newest events (`judged`), against the live release on those.

    `live`: its name, the moment of its data, and its model. Where it has learned from some of those, it is
    judged by its recipes, fitted on the same part. The second answer is what was fitted, a warm start for the whole;
    (None, None) where the data are too few to judge by.
    """
    name, moment, serving = live
    try:
        split = judged(data)
        after = wiring.fit(split.train, recipes, run)
        before = serving if moment < float(split.test.events.time.min()) else _again(serving.recipe, after, split, run)
        return measure(name, before, after, split), after
    except InvalidInput:
        return None, None


def judged(data: Dataset) -> Split:
    """The newest tenth of the events judges; where it has few people with a past, the last events of each person."""
    try:
        split = by_time(data, validation=0.0)
    except InvalidInput:
        return cut(data, "last")
    past, new = (np.diff(part.events.offsets) > 0 for part in (split.train, split.test))
    return split if (past & new).sum() >= WITH_A_PAST else cut(data, "last")


def measure(name: str, before: FittedBlend, after: FittedBlend, split: Split) -> Trial:
    """Accuracy by slice, care, latency, memory and full lists of `after`, beside `before`, the live release `name`."""
    found = versus(before, after, split, K)
    people = np.flatnonzero(np.diff(split.test.events.offsets) > 0)
    drawn = np.random.default_rng(0).permutation(people)[:ASKED]
    queries = [split.known.query(int(row), K) for row in drawn]
    full = [len(candidates) >= min(K, after.n_items) for candidates in after.retrieve_many(queries, K)]
    ms, mb, upto = list_latency(after, queries, K), megabytes(after.artifact()), split.train.at
    return Trial(name, found, ms, mb, float(np.mean(full)), upto)


def megabytes(artifact: Artifact) -> float:
    """The size of all arrays of a fitted thing."""
    own = sum(array.nbytes for array in artifact.arrays.values()) / 1e6
    return float(own + sum(megabytes(part) for part in artifact.parts.values()))


def _again(recipe: Blend, after: FittedBlend, split: Split, run: Run) -> FittedBlend:
    """The live recipes on the same events; the same recipes are the same thing."""
    return after if recipe == after.recipe else recipe.fit(split.train, run=run)
