"""The log as a judge: what served lists say of a release that nobody has seen yet; a line of the gate."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from regard.domain.arrays import Scores
from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput
from regard.feedback.gate import LEAST, Gate
from regard.feedback.logged_actions import LoggedActions, Target
from regard.feedback.off_policy import Judge
from regard.feedback.off_policy_lists import ListIPS

NAME = "rewards, by the log"


def whole_lists(rewarded: pl.DataFrame) -> pl.DataFrame:
    """The slots of `Rewarding.of` that belong to lists of which every slot is settled, trusted and still there."""
    told = pl.all_horizontal(pl.col("weight") > 0, pl.col("item") >= 0)
    return rewarded.filter(told.all().over("slate"))


def logged_actions(whole: pl.DataFrame, bounds: tuple[float, float]) -> LoggedActions:
    """The slots of `whole_lists`, row by row, as off-policy evaluation reads them; rewards lie within `bounds`."""
    slates = whole["slate"].rank("dense").to_numpy().astype(np.int64) - 1
    columns = (whole[name].to_numpy() for name in ("item", "reward", "propensity", "position"))
    action, reward, propensity, position = columns
    return LoggedActions(action, reward, propensity, position, slate=slates, bounds=bounds)


@dataclass(frozen=True, slots=True)
class LogJudge:
    """Would a release have brought more with the same requests? It hears `lists` lists at least.

    A person is thought to walk down the list (RIPS), as slots hold their chances given those above them. The release
    must not be surely worse than what was served: the upper bound of the difference decides, as for groups of people,
    since intervals by a log are wide. Without support the line abstains.
    """

    judge: Judge = field(default_factory=lambda: Judge(ListIPS("downwards")))
    lists: int = 100

    def __post_init__(self) -> None:
        if self.lists < 1:
            raise InvalidInput("LogJudge.lists", "at least 1 list", repr(self.lists))

    def line(self, log: LoggedActions, shown: Scores, gate: Gate) -> Condition:
        """`shown` (n,): the chance that the release gives each slot of the log, given those above it."""
        heard = int(log.units.max()) + 1
        if heard < self.lists:
            return self.silent(f"{heard:,} lists, asked: {self.lists:,}", gate)
        found = self.judge.difference(log, Target(shown, name="it"), Target(log.propensity, name="what was served"))
        if found.abstains:
            return self.silent(found.abstains, gate)
        before = float(log.reward.sum()) / heard
        rests = f"counts like {found.effective * len(log):,.0f} of {len(log):,} places"
        words = (
            f"a list brought {before:.4f}, it would bring {found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f}) "
            f"more; {rests}; upper bound of the change"
        )
        return Condition(NAME, found.high / max(before, LEAST), -gate.rewards, "at least", words, gate.judged)

    def silent(self, why: str, gate: Gate) -> Condition:
        """The line where the log has no answer."""
        return Condition(NAME, None, -gate.rewards, "at least", f"no answer: {why}", gate.judged)
