"""Comparing: every source and their blend, fitted on one part of the data and judged on the other."""

from __future__ import annotations

import numpy as np

from regard.domain.dataset import Dataset
from regard.domain.run import Run
from regard.measurement.evaluate import evaluate
from regard.measurement.report import Report
from regard.measurement.splits import Split, by_time, leave_last_out, random_per_person
from regard.models.blend import FittedBlend
from regard.serving import wiring
from regard.serving.recipes import Recipes


def cut(data: Dataset, how: str, seed: int = 0, *, tuned: bool = False) -> Split:
    """`time`: the newest tenth of all events judges; `random`: a fifth of each person's.

    `last`: each person's last three (their last one, where nobody has more than three). `tuned`: as many again, before
    those, are set apart for tuning.
    """
    if how == "last":
        longest = int(np.diff(data.events.offsets).max(initial=0))
        last = 3 if longest > (6 if tuned else 3) else 1
        return leave_last_out(data, test=last, validation=last if tuned else 0)
    if how == "time":
        return by_time(data, validation=0.1 if tuned else 0.0)
    return random_per_person(data, validation=0.2 if tuned else 0.0, seed=seed)


def compare(split: Split, recipes: Recipes, k: int, run: Run) -> tuple[Report, FittedBlend]:
    """The sources as the blend fitted them on the train part, and the blend, beside each other; and that blend."""
    blend = wiring.fit(split.train, recipes, run)
    run.progress("evaluate", 0.0)
    report = evaluate({**dict(blend.sources), "blend": blend}, split, k)
    run.progress("evaluate", 1.0)
    return report, blend
