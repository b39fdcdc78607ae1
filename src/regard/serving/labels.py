"""Labels: meetings that are known to have gone well or not, and how well each model tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Scores
from regard.domain.dataset import Dataset
from regard.domain.run import Run, silent
from regard.measurement.evaluate_predictions import evaluate_labels
from regard.measurement.report import Report
from regard.measurement.splits import Split
from regard.models.deep import Deep
from regard.models.examples import Learner
from regard.models.logistic import Logistic
from regard.models.ranker import FittedRanker, Ranker

TYPES = ("like", "dislike")  # what the trio's labels 1 and 0 are called in the store
FEWEST = 50  # events of each: with fewer there is nothing to learn or to judge
WORDS = 100  # of an item's text that are read
JOINED = Deep("gru", "convolution", "mlp", forgetting=0.4, refit=False)  # whom and what we will meet is often new


def likes(learner: Learner = JOINED) -> Ranker:
    """The chance of a like at each meeting that got a label, by what came before it."""
    return Ranker((), learner, examples="events", types=TYPES, judges=0.0, words=WORDS)


def are_labelled(data: Dataset) -> bool:
    """Whether people said of enough meetings that they liked, and of enough that they disliked, them."""
    return all(int(data.events.are(name).sum()) >= FEWEST for name in TYPES)


def are_labels(data: Dataset) -> bool:
    """Whether most of what we know are such labels, as after the import of a trio."""
    return are_labelled(data) and float(data.events.are(*TYPES).mean()) > 0.5


def sources(data: Dataset, deep: bool) -> Mapping[str, Ranker]:
    """What to fit beside other sources where events are labels; logistic regression where no network can learn."""
    if not are_labels(data):
        return {}
    return {"likes": likes() if deep else likes(Logistic())}


def judged(split: Split, fitted: Mapping[str, object], run: Run) -> Report | None:
    """How well the labels of the test part are told; None where it has not both of them.

    Each meeting is judged by all that happened strictly before it, other meetings of the test part, too. The models
    that give chances among the `fitted` ones, beside logistic regression on the same fields and the majority:
    everybody's share of likes.
    """
    asked = split.test.where(split.test.events.are(*TYPES))
    labels: NDArray[np.int64] = np.asarray(asked.events.weight > 0, np.int64)
    if not are_labelled(split.train) or not 0 < labels.sum() < len(labels):
        return None
    train = split.train.events.weight[split.train.events.are(*TYPES)]
    models: dict[str, Scores] = {"majority": np.full(len(labels), float((train > 0).mean()))}
    plain = likes(Logistic()).fit(split.train, run=replace(run, progress=silent))
    models["logistic regression"] = plain.chances(asked, split.data)
    for name, model in fitted.items():
        if isinstance(model, FittedRanker) and model.recipe.types == TYPES and model.recipe != plain.recipe:
            models[name] = model.chances(asked, split.data)
    return evaluate_labels(models, labels, name=f"like or dislike: {split.name}", seed=run.seed)
