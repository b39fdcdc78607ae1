"""Experiments with traffic whose truth is known: tests that may be read at any time, interleaving, arms.

`python -m benchmarks.experiments [OUT]`
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from scipy.special import ndtri

from benchmarks.curves import OURS, THEIRS
from benchmarks.results import publish
from regard.domain.arrays import Mask, Rows, Scores
from regard.feedback.experiments import Experiment
from regard.feedback.interleaving import Interleaved, preference, team_draft
from regard.feedback.sequential import AlwaysValid, GroupSequential

RUNS, MANY = 2_000, 20_000  # the promise is of 2,000 runs; ten times more tell what was luck
END = "one look at the end"
LOOKS, EACH, RATE = 1_000, 100, 0.05  # EACH: people per look and arm
POWERS = (0.5, 0.8, 0.9, 0.95)  # of one look at the end
ITEMS, SHOWN, VISITS = 60, 10, 1_000
Test: TypeAlias = Callable[[Scores, Scores], Mask]  # differences and variances (runs, looks) -> stopped by then (runs,)


def effect_of(power: float) -> float:
    """The difference of click rates that one two-sided look at 5% finds with this chance at the end."""
    error = math.sqrt(2 * RATE * (1 - RATE) / (LOOKS * EACH))
    return float((ndtri(0.975) + ndtri(power)) * error)


def tests() -> Mapping[str, Test]:
    """Each reads all LOOKS; the group-sequential one of five looks reads five of them."""
    planned, often = GroupSequential(), GroupSequential(tuple((np.arange(LOOKS) + 1) / LOOKS))
    fifth = (np.array(planned.looks) * LOOKS).astype(np.int64) - 1

    def always(mixing: AlwaysValid) -> Test:
        return lambda d, v: np.asarray((mixing.log_evidence(d, v) > -math.log(mixing.level)).any(axis=1))

    def passes(bounds: Scores, at: Rows) -> Test:
        return lambda d, v: np.asarray((np.abs(d[:, at]) > bounds * np.sqrt(v[:, at])).any(axis=1))

    every, last = np.arange(LOOKS), np.array([LOOKS - 1])
    return {
        END: passes(np.array([ndtri(0.975)]), last),
        "peeking at every look": passes(np.full(LOOKS, ndtri(0.975)), every),
        "group-sequential, 5 looks": passes(planned.bounds, fifth),
        "group-sequential, 1,000 looks": passes(often.bounds, every),
        "always valid, 1,000 looks": always(AlwaysValid(effect_of(0.8))),
    }


def stopped(every: Mapping[str, Test], effect: float, seed: int, runs: int) -> dict[str, Mask]:
    """Which of `runs` experiments each test stops, (runs,), where the new arm's click rate is `effect` higher."""
    rng = np.random.default_rng(seed)
    shares: dict[str, list[Mask]] = {}
    people = np.arange(1, LOOKS + 1) * EACH
    for _ in range(runs // 200):
        clicks = [np.cumsum(rng.binomial(EACH, rate, (200, LOOKS)), axis=1) for rate in (RATE + effect, RATE)]
        rates = [one / people for one in clicks]
        variance = sum(rate * (1 - rate) / (people - 1) for rate in rates)
        for name, test in every.items():
            shares.setdefault(name, []).append(test(rates[0] - rates[1], np.asarray(variance)))
    return {name: np.concatenate(one) for name, one in shares.items()}


def sequential() -> tuple[list[str], dict[float, dict[str, float]]]:
    """Markdown, and the shares stopped by the power that one look has; 0 where nothing differs."""
    every = tests()
    alarms = stopped(every, 0.0, 0, MANY)
    found = {0.0: {name: float(one.mean()) for name, one in alarms.items()}}
    for seed, power in enumerate(POWERS, start=1):
        told = stopped(every, effect_of(power), seed, RUNS)
        found[power] = {name: float(one.mean()) for name, one in told.items()}
    rows = [f"| test | false alarms | of {MANY:,} runs | {' | '.join(f'power at {p:.0%}' for p in POWERS)} |"]
    rows.append("|---" * (len(POWERS) + 3) + "|")
    for name in every:
        cells = [f"{found[p][name]:.1%} ({found[p][name] / found[p][END]:.2f})" for p in POWERS]
        rows.append(f"| {name} | {alarms[name][:RUNS].mean():.2%} | {found[0.0][name]:.2%} | {' | '.join(cells)} |")
    return [*rows, ""], found


def visits(errors: tuple[float, float], same: bool, runs: int) -> tuple[Scores, Scores]:
    """p and difference (runs,) of experiments of VISITS people, where ranker i sees taste with errors of that spread.

    With `same` both rankers make the same errors: A/A.
    """
    rng = np.random.default_rng(11)
    ps, differences = [], []
    for _ in range(runs):
        taste = rng.normal(size=(VISITS, ITEMS))
        lists = [np.argsort(-(taste + e * rng.normal(size=taste.shape)), axis=1)[:, :SHOWN] for e in errors]
        told = team_draft(lists[0], lists[0 if same else 1], SHOWN, rng)
        found = preference(told.credit(_clicks(told, taste, rng)), np.arange(VISITS))
        ps.append(found.p)
        differences.append(found.difference)
    return np.array(ps), np.array(differences)


def _clicks(told: Interleaved, taste: Scores, rng: np.random.Generator) -> Mask:
    """Slot p is looked at with chance 1 / (1 + p), and clicked with one that grows with taste."""
    looked = rng.random(told.rows.shape) < 1 / (1 + np.arange(SHOWN))
    liked = 1 / (1 + np.exp(3 - np.take_along_axis(taste, told.rows, axis=1)))
    return np.asarray(looked & (rng.random(told.rows.shape) < liked))


def interleaved(runs: int = RUNS, fewer: int = 500) -> list[str]:
    """Markdown: a ranker against itself (`runs` times), then one that is better by little and by more."""
    rows = ["| the first ranker is | alarms at 5% | right sign | right sign where it alarms |", "|---|---|---|---|"]
    pairs = {"the same": 2.0, "better by little": 1.67, "better": 1.25}
    for name, error in pairs.items():
        ps, differences = visits((error, 2.0), error == 2.0, runs if error == 2.0 else fewer)
        alarms, right = ps < 0.05, differences > 0
        signs = [f"{right.mean():.1%}", f"{right[alarms].mean():.1%}"] if error < 2 else ["", ""]
        rows.append(f"| {name} | {alarms.mean():.1%} | {' | '.join(signs)} |")
    return [*rows, ""]


def ratios(runs: int = RUNS, people: int = 20_000) -> list[str]:
    """Markdown: how often the check of arms rings, rightly assigned and with 4% of one arm lost."""
    shares, rng = {"old": 0.5, "new": 0.5}, np.random.default_rng(12)
    plan = Experiment("arms", shares)
    rows = ["| arms of 10,000 people each | the check rings |", "|---|---|"]
    for name, lost in (("as planned", 0.0), ("2% of the new arm lost", 0.02), ("6% of the new arm lost", 0.06)):
        rung = 0
        for _ in range(runs):
            new = rng.binomial(people, 0.5)
            kept = rng.binomial(new, 1 - lost)
            rung += not plan.sample_ratio({"old": people - new, "new": kept}).trusted
        rows.append(f"| {name} | {rung / runs:.1%} |")
    return [*rows, ""]


def plot(found: Mapping[float, Mapping[str, float]], path: Path) -> None:
    """Share of experiments stopped by power of one look; where nothing differs to the left."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 4.6), layout="constrained", dpi=110)
    axes = figure.subplots()
    colours = dict(zip(found[0.0], ("#4a5561", "#d1495b", "#e8a33d", "#2364aa", OURS), strict=True))
    for name in colours:
        effects = [0.0, *(effect_of(power) / effect_of(0.8) for power in POWERS)]
        shares = [one[name] for one in found.values()]
        axes.plot(effects, shares, "o-", color=colours[name], label=name, linewidth=1.6, markersize=5)
    axes.axhline(0.05, color=THEIRS, linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel("difference, in units of what one look finds with chance .8")
    axes.set_ylabel("experiments stopped")
    axes.grid(color="#e3e8ee")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main(out: str | None = None) -> None:
    """All tables; some minutes."""
    table, found = sequential()
    lines = [
        "# Experiments with traffic",
        "",
        "## Tests that may be read while they run",
        "",
        f"`python -m benchmarks.experiments OUT`: {RUNS:,} runs each of {LOOKS * EACH:,} people per arm, click rate "
        f"{RATE:.0%}, level 5% two-sided. In brackets: power as a share of that of one look at the end. The "
        "always-valid test is told the effect that one look finds with chance .8; it could go on after the last look. "
        f"The spread of a true 5% is {math.sqrt(0.05 * 0.95 / RUNS):.2%} over {RUNS:,} runs; the columns of power are "
        "where one look has so much.",
        "",
        *table,
        "## Interleaving",
        "",
        f"{RUNS:,} runs each of {VISITS:,} people with one list of {SHOWN} from {ITEMS} items, team draft, t-test over "
        "people; the lower a slot the fewer look at it. A ranker sees taste, of spread 1, with errors of spread 2; the "
        "better ones with 1.67 and 1.25 (500 runs).",
        "",
        *interleaved(),
        "## Arms as large as planned",
        "",
        *ratios(),
    ]
    publish(lines, out)
    if out is not None:
        plot(found, Path(out).with_suffix(".png"))


if __name__ == "__main__":
    main(*sys.argv[1:])
