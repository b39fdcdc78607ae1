"""Open Bandit sample: the log of one policy says what the other one earned; the other one's own log tells the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import below
from regard.domain.arrays import Rows, Scores
from regard.feedback.logged_actions import LoggedActions, Target
from regard.feedback.off_policy import Estimate, Judge
from regard.feedback.off_policy_estimators import IPS, MIPS, SNIPS, DoublyRobust, OffPolicy
from regard.feedback.off_policy_intervals import Bootstrap
from regard.measurement.bootstrap import Resampling, interval

FOLDER = "open-bandit-sample"
POLICIES = ("random", "bts")
NAMES = {"random": "random", "bts": "Thompson"}


@dataclass(frozen=True, eq=False)
class Answer:
    """What every estimator said of one policy from the log of the other, and what that policy earned itself."""

    campaign: str
    written: str
    judged: str
    truth: float
    low: float  # the truth's own 95% interval
    high: float
    said: Sequence[Estimate]

    def error(self, estimate: Estimate) -> float:
        """Relative to the truth; NaN where there is no answer."""
        return estimate.value / self.truth - 1


def answers(data: Path, campaigns: Sequence[str], resamples: int = 1000) -> Iterator[Answer]:
    """Both directions of each campaign."""
    resampling = Resampling(resamples)
    home = below(data, FOLDER)
    for campaign in campaigns:
        logs = {policy: _log(home / f"{policy}_{campaign}.parquet") for policy in POLICIES}
        groups = _groups(home / f"item_context_{campaign}.parquet")
        for written, judged in (POLICIES, POLICIES[::-1]):
            log, own = logs[written], logs[judged]
            target = Target.of(log, _chances(own, len(groups))[log.places], NAMES[judged])
            low, high = interval(resampling.means(own.reward[:, None]))
            said = [Judge(one, Bootstrap(resampling)).estimate(log, target) for one in estimators(groups)]
            yield Answer(campaign, written, judged, float(own.reward.mean()), float(low[0]), float(high[0]), said)


def estimators(groups: Rows) -> list[OffPolicy]:
    """All that know single slots; `groups` are what MIPS takes for the action."""
    switches = (1.0, 2.0, 5.0, 10.0, 20.0)
    return [IPS(), SNIPS(), DoublyRobust(0.0), DoublyRobust(), *map(DoublyRobust, switches), MIPS(groups)]


def _log(path: Path) -> LoggedActions:
    frame = pl.read_parquet(path, columns=["item_id", "position", "click", "propensity_score"])
    action, position, click, chance = (frame[name].to_numpy() for name in frame.columns)
    return LoggedActions(action, click.astype(np.float64), chance, position - 1)


def _chances(log: LoggedActions, actions: int) -> Scores:
    """The mean logged propensity of each item at each position, made to sum to 1, (positions, actions)."""
    total = np.zeros((int(log.places.max()) + 1, actions))
    count = np.zeros(total.shape)
    np.add.at(total, (log.places, log.action), log.propensity)
    np.add.at(count, (log.places, log.action), 1.0)
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return np.asarray(mean / mean.sum(axis=1, keepdims=True))


def _groups(path: Path) -> Rows:
    """The first category of each item as a number, (actions,)."""
    category = pl.read_parquet(path).sort("item_id")["item_feature_1"]
    return np.unique(category.to_numpy(), return_inverse=True)[1].astype(np.int64)
