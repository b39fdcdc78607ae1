"""Tuning: what [long_run] of regard.toml does to the blend of a release, by the lists that were served before it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from regard.domain.arrays import Vectors
from regard.domain.dataset import Dataset
from regard.domain.decisions import Condition
from regard.domain.errors import Unavailable
from regard.domain.run import Run
from regard.models.blend import FittedBlend
from regard.models.lately import leading
from regard.models.logged_lists import EMPTY, LoggedLists
from regard.models.policy_gradient import PolicyGradient
from regard.serving.hearing import Heard, heard
from regard.serving.installation import Installation
from regard.serving.recipes import LongRun, can_learn, decode_long_run
from regard.serving.tuned import Model, Tune

NAME = "lists to tune by"
UNJUDGED = "not tuned: no trial beside a live release that could judge it"


def tune_of(here: Installation, data: Dataset) -> Tune | None:
    """What tunes the blends fitted on `data`; None where regard.toml asks for none.

    Unavailable where its learner needs what is not installed.
    """
    recipe = decode_long_run(here.settings.recipes)
    if recipe is None:
        return None
    if isinstance(recipe.learner, PolicyGradient) and not can_learn():
        raise Unavailable("regard.toml [long_run]", "PyTorch", "not installed", "pip install 'regard[deep]'")
    return _Tuner(here, recipe, data).tuned


@dataclass(frozen=True, eq=False)
class _Tuner:
    """One release's tuning: the log is read for the trial, until the events that judge it, and for the whole."""

    here: Installation
    recipe: LongRun
    data: Dataset

    def tuned(self, blend: FittedBlend, run: Run, until: float | None) -> tuple[Model, Condition]:
        """`blend` tuned by the lists whose visits ended before `until` (unix seconds), and the line of the gate about
        them; itself where these are too few, or with None, where no trial could judge what they do."""
        if until is None:
            return blend, line(self.recipe, None, UNJUDGED)
        told = heard(self.here, self.recipe.lists, len(self.data.items), until, run.progress)
        lists = told.lists
        few = self._few(lists)
        if few:
            when = "" if math.isinf(until) else " from before the events that judge it"
            return blend, line(self.recipe, None, f"not tuned: {few}{when}; {_left(told)}")
        folder = run.folder and run.folder / "tuned"
        model = self.recipe.learner.fit(lists, blend, self._topics, run=replace(run, folder=folder, warm_start=None))
        said = (
            f"tuned by {type(self.recipe.learner).__name__}; {int((lists.earned > 0).sum()):,} lists brought something"
        )
        return model, line(self.recipe, len(lists), f"{said}; {_left(told)}")

    def _few(self, lists: LoggedLists) -> str:
        """Why the learner cannot learn from these; "": it can."""
        least, explored = self.recipe.least, (lists.propensity < 1) & (lists.shown != EMPTY)
        if len(lists) < least:
            return f"{len(lists):,} lists, asked: {least:,}"
        if not (lists.earned > 0).any():
            return f"none of {len(lists):,} lists brought anything"
        drawn = int(explored.any(axis=1).sum())
        if isinstance(self.recipe.learner, PolicyGradient) and drawn < least:
            return f"{drawn:,} lists that the policy has drawn, asked: {least:,} (see [policy] of regard.toml)"
        return ""

    @cached_property
    def _topics(self) -> Vectors:
        return leading(self.data.vectors[self.here.encoder.name], self.recipe.topics)


def line(recipe: LongRun, lists: int | None, words: str) -> Condition:
    """The line of the gate: by how many lists a release was tuned; None: by none, and it stops nobody."""
    return Condition(NAME, lists, recipe.least, "at least", words, needed=False)


def _left(told: Heard) -> str:
    reasons = ", ".join(f"{n:,} {why}" for why, n in sorted(told.left_out.items()))
    return f"left out: {reasons or 'none'}"
