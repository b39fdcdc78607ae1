"""Many logs of worlds whose truth is known: errors, coverage and widths of intervals, choices, differences, lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from benchmarks.bandit_world import ACTIONS, Kind, World
from benchmarks.list_world import ListWorld
from regard.domain.arrays import Mask, Scores
from regard.feedback.expected_rewards import ExpectedRewards
from regard.feedback.logged_actions import Contributions, LoggedActions, Target
from regard.feedback.off_policy_estimators import IPS, SNIPS, DoublyRobust, OffPolicy
from regard.feedback.off_policy_intervals import Bernstein, Bootstrap
from regard.feedback.off_policy_lists import CascadeDR, ListIPS
from regard.measurement.bootstrap import Resampling

ROUNDS, WORLDS = 10_000, 20
REAL = "shown for real"
WRONG, HEATS = (0.2, 0.4, 0.6, 0.8, 1.0), (1.0, 1.5)  # of the ten candidates


class SameDraws(Resampling):
    """The library's resamples, drawn once for all logs of one length: a run takes seconds instead of minutes."""

    def means(self, values: Scores) -> Scores:
        """(resamples, c); no NaN here."""
        return np.asarray(_weights(self.resamples, self.seed, len(values)) @ values / len(values))


@cache
def _weights(resamples: int, seed: int, n: int) -> Scores:
    rng = np.random.default_rng(seed)
    return np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(resamples)]).astype(np.float64)


@dataclass
class Told:
    """What one estimator said in each run."""

    errors: list[float] = field(default_factory=list)  # relative
    covers: dict[str, list[bool]] = field(default_factory=dict)
    widths: dict[str, list[float]] = field(default_factory=dict)

    def add(self, found: Contributions, truth: float) -> None:
        """One run."""
        self.errors.append(found.mean / truth - 1)
        for interval in (Bootstrap(SameDraws()), Bernstein()):
            if math.isfinite(found.span) or isinstance(interval, Bootstrap):
                low, high = interval(found)
                self.covers.setdefault(str(interval), []).append(low <= truth <= high)
                self.widths.setdefault(str(interval), []).append(high - low)

    def row(self) -> list[str]:
        """Mean error, bias, and coverage and width of each interval, as cells."""
        cells = [f"{np.abs(self.errors).mean():.4f}", f"{np.mean(self.errors):+.4f}"]
        for name in ("bootstrap", "Bernstein"):
            known = name in self.covers
            cells += [f"{np.mean(self.covers[name]):.1%}", f"{np.mean(self.widths[name]):.4f}"] if known else ["", ""]
        return cells


@dataclass
class Runs:
    """All runs of one kind of reward."""

    kind: str
    logs: int
    told: dict[str, Told]
    regrets: list[float] = field(default_factory=list)  # of the candidate with the highest estimate, relative
    shorter: list[float] = field(default_factory=list)  # width of a difference / widths of two separate intervals

    def rows(self) -> Mapping[str, list[str]]:
        """Cells of each estimator."""
        return {name: told.row() for name, told in self.told.items()}

    def choices(self) -> list[str]:
        """Sentences on choosing and on differences."""
        good, share = np.mean(np.array(self.regrets) <= 0.02), np.mean(np.array(self.shorter) <= 0.6)
        return [
            f"- {self.kind}, the best of ten candidates by DR: mean regret {np.mean(self.regrets):.2%}, at most 2% in "
            f"{good:.1%} of {len(self.regrets)} runs, {max(self.regrets):.2%} at worst.",
            f"- {self.kind}, a candidate less the old policy by DR: the interval is {np.mean(self.shorter):.0%} as "
            f"wide as the two separate ones together (at most 60% for {share:.0%} of the candidates).",
            "",
        ]


def runs(kind: Kind, logs: int) -> Runs:
    """`logs` logs over WORLDS worlds."""
    found = Runs(kind, logs, {})
    for number in range(WORLDS):
        rng = np.random.default_rng([number, 5])
        world = World.settle(rng, kind)
        old, new = world.policy(rng, 1.0, 2.0, "old"), world.policy(rng, 0.3, 1.0, "new")
        candidates = [world.policy(rng, wrong, heat, f"{wrong} {heat}") for wrong in WRONG for heat in HEATS]
        truth, *values = world.values([new, *candidates], rng).tolist()
        for _ in range(logs // WORLDS):
            log = world.log(old, ROUNDS, rng)
            x = np.asarray(log.context, np.float64)
            q = ExpectedRewards()(log, ACTIONS)
            target = Target.of(log, new.chances(x))
            for estimator in _estimators(q):
                found.told.setdefault(str(estimator), Told()).add(estimator(log, target), truth)
            real = world.log(new, ROUNDS, rng).reward
            found.told.setdefault(REAL, Told()).add(Contributions(real, np.ones(ROUNDS), 1.0), truth)
            best = _choose(found, log, [Target.of(log, one.chances(x)) for one in candidates], q)
            found.regrets.append(float(1 - values[best] / max(values)))
    return found


def _estimators(q: Scores) -> list[OffPolicy]:
    robust = [DoublyRobust(switch, lambda log, actions: q) for switch in (0.0, math.inf, 10.0)]
    return [IPS(), SNIPS(), *robust]


def _choose(found: Runs, log: LoggedActions, targets: list[Target], q: Scores) -> int:
    """Which candidate DR takes; beside it, how much shorter the intervals of differences are (in standard errors)."""
    robust = DoublyRobust(rewards=lambda log, actions: q)
    assert log.chances is not None
    old, told = robust(log, Target.of(log, log.chances, "old")), [robust(log, target) for target in targets]
    for one in told:
        found.shorter.append(float(one.less(old).amounts.std() / (one.amounts.std() + old.amounts.std())))
    return int(np.argmax([one.mean for one in told]))


def lists(worlds: int = 10, logs: int = 10, n: int = 5_000) -> list[str]:
    """Markdown: errors of the estimators of whole lists where people walk down and stop."""
    told: dict[str, Told] = {}
    for number in range(worlds):
        rng = np.random.default_rng([number, 7])
        world = ListWorld.settle(rng)
        old, new = world.beliefs(0.2, 0.4, rng), world.beliefs(0.1, 0.2, rng)
        truth = float(_clicked(world, new, 400_000, rng).sum(axis=1).mean())
        for _ in range(logs):
            log = world.log(old, n, rng)
            target = world.target(new, log)
            for estimator in (ListIPS("at_all"), ListIPS("downwards"), ListIPS("at_one"), CascadeDR()):
                told.setdefault(str(estimator), Told()).add(estimator(log, target), truth)
    rows = [
        f"| {worlds * logs} logs of {n:,} lists, 4 slots of 12 items | mean error | bias | bootstrap covers | width |"
    ]
    rows += ["|---|---|---|---|---|", *(f"| {name} | {' | '.join(one.row()[:4])} |" for name, one in told.items())]
    return ["## Lists", "", "Clicks per list; people walk down and stop after a click with chance .6.", "", *rows, ""]


def _clicked(world: ListWorld, logits: Scores, n: int, rng: np.random.Generator) -> Mask:
    return world.clicks(world.shown(logits, n, rng)[0], rng)
