"""Foresight: a learner's chances of each action, calibrated on people that it did not see, and summed by weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Scores, Vectors
from regard.domain.run import Run
from regard.measurement.metrics.predictions import auc, expected_calibration_error
from regard.models.actions import Action, ActionWeights
from regard.models.calibration_curve import Curve
from regard.models.examples import Examples, Learned, Learner
from regard.models.lessons import Lessons
from regard.models.panel import PLACE

JUDGES = 0.2  # the share of the people whose examples calibrate and do not teach
LEVEL = 60.0  # Cormack et al. 2009: 1 / (LEVEL + place), where no action could be learned
FEW = 10  # examples of either kind below which the judges' word is not enough for a curve


@dataclass(frozen=True, eq=False)
class Foresight:
    """What was learned of A actions, how its chances become true ones, and what each action is worth.

    Where no action could be learned, the sources' places decide: score = sum_s 1 / (LEVEL + place_s).
    """

    learned: Learned
    actions: tuple[Action, ...]
    curves: tuple[Curve, ...]
    weights: ActionWeights

    @staticmethod
    def learn(
        learner: Learner, lessons: Lessons, actions: tuple[Action, ...], content: Mapping[str, Vectors], run: Run
    ) -> Foresight:
        """The learner on most people, a curve for each action from the others. `run.tracker` hears how well it went."""
        judging = lessons.examples.of_newcomers(JUDGES)
        teaching = lessons.take(~judging).thinned(run.rng())
        learned = learner.fit(teaching.examples, teaching.labels, content, run=run)
        raw = learned.chances(lessons.examples) if actions else np.empty((len(judging), 0))
        curves = [
            _curve(action, raw[:, place], lessons.labels[:, place], judging, run)
            for place, action in enumerate(actions)
        ]
        return Foresight(learned, actions, tuple(curves), ActionWeights())

    def weighing(self, weights: ActionWeights) -> Foresight:
        """The same chances by other weights."""
        return replace(self, weights=weights)

    @cached_property
    def amounts(self) -> Scores:
        """The weight of each action, (A,)."""
        return np.array([self.weights.of(action.name) for action in self.actions], np.float64)

    @property
    def lowest(self) -> float:
        """The lowest score that there can be."""
        return float(np.minimum(self.amounts, 0.0).sum())

    @property
    def unsure(self) -> float:
        """The deviation of what a meeting is worth of which nothing is known: every chance 1/2."""
        return float(np.sqrt((self.amounts**2).sum() / 4)) if self.actions else 1 / LEVEL

    def chances(self, examples: Examples) -> NDArray[np.float64]:
        """The calibrated chance of each action, (n, A), each by itself; values as a share of their span."""
        raw = self.learned.chances(examples) if self.actions else np.empty((len(examples), 0))
        for place, curve in enumerate(self.curves):
            raw[:, place] = curve(raw[:, place])
        return raw

    def judged(self, examples: Examples) -> tuple[Scores, Scores]:
        """score = sum_a weight_a chance_a, and the deviation of what one such meeting is worth; (n,) both."""
        if not self.actions:
            return np.sum([*by_places(examples).values()], axis=0), np.full(len(examples), self.unsure)
        score, variance = np.zeros((2, len(examples)))
        for weight, chance in zip(self.amounts, self.chances(examples).T, strict=True):
            score += weight * chance
            variance += weight**2 * chance * (1 - chance)
        return score, np.sqrt(variance)


def by_places(examples: Examples) -> dict[str, Scores]:
    """1 / (LEVEL + place) by each source, (n,); 0 where it says nothing."""
    columns = dict(zip(examples.names, examples.columns.T.astype(np.float64), strict=True))
    placed = {name.removesuffix(PLACE): column for name, column in columns.items() if name.endswith(PLACE)}
    return {source: np.nan_to_num(1 / (LEVEL + np.exp(column))) for source, column in placed.items()}


def _curve(action: Action, raw: Scores, labels: NDArray[np.float32], judging: Mask, run: Run) -> Curve:
    """From the people who judge, or from all where these show too little; a value is what it is."""
    if action.is_value:
        return Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    known = ~np.isnan(labels)
    apart = known & judging
    shown = float(labels[apart].sum())
    chosen = apart if min(shown, apart.sum() - shown) >= FEW else known
    raw, labels = raw[chosen], labels[chosen]
    curve = Curve.learn(raw, labels)
    error = expected_calibration_error(labels, curve(raw))
    run.tracker(f"Ranker.{action.name}", {"AUC": auc(labels, raw), "ECE": error})
    return curve
