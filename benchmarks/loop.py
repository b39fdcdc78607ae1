"""The loop: rounds of lists, clicks and retraining, greedy beside the default policy: `python -m benchmarks.loop`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.results import publish
from regard.measurement.rounds import Round, rounds_figure, verdict
from regard.recommending.exploration import Exploration
from regard.serving.loops import DEFAULT, GREEDY, Compared, loops, narrowing
from regard.serving.simulating import Loop, Simulation, run

SEEDS = tuple(range(1, 8))  # beside seed 0, which runs all loops
SIMULATION = Simulation()
VARIETY, COVERAGE, CLICKS, SOON = 0.05, 3.0, 0.99, 3  # the promise


def one(asked: tuple[int, Loop]) -> list[Round]:
    """One loop of one seed."""
    seed, loop = asked
    return run(replace(SIMULATION, seed=seed), loop, narrowing)


def promises(found: Compared, others: Sequence[tuple[Sequence[Round], Sequence[Round]]]) -> list[str]:
    """What was promised of the default policy, seed by seed, and of the amplifier."""
    pairs = [(found.rounds[GREEDY], found.rounds[DEFAULT]), *others]
    verdicts = [verdict(DEFAULT, rounds, greedy) for greedy, rounds in pairs]
    lines = [f"| default policy | {' | '.join(f'seed {n}' for n in (0, *SEEDS))} | mean | promised |"]
    lines.append("|---" * (len(SEEDS) + 4) + "|")
    for name, values, bound in (
        ("clicks, of greedy's", [100 * v.clicks for v in verdicts], f">= {CLICKS:.0%}"),
        ("variety lost, %", [100 * v.variety_lost for v in verdicts], f"<= {100 * VARIETY:.0f}"),
        ("coverage lost, points", [v.coverage_lost for v in verdicts], f"<= {COVERAGE:.0f}"),
        ("coverage at the end above greedy's, points", [_above(*pair) for pair in pairs], ""),
    ):
        mean = f"{np.mean(values):.2f} +- {1.96 * np.std(values, ddof=1) / len(values) ** 0.5:.2f}"
        lines.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} | {mean} | {bound} |")
    rang = found.verdicts[-1].alarms
    soon = [number for number in rang if found.planted <= number < found.planted + SOON]
    false = [number for name, rounds in found.rounds.items() for number in _early(name, rounds, found.planted)]
    lines += [
        "",
        f"Amplifier planted in round {found.planted}: the watch rang in rounds {soon or 'none'} of the first ",
    ]
    lines[-1] += f"{SOON}; alarms where nothing was planted: {len(false)}."
    return lines


def _above(greedy: Sequence[Round], rounds: Sequence[Round]) -> float:
    return 100 * float(np.mean([b.coverage - a.coverage for a, b in zip(greedy[-3:], rounds[-3:], strict=True)]))


def _early(name: str, rounds: Sequence[Round], planted: int) -> list[int]:
    return [one.number for one in rounds if one.alarms and ("planted" not in name or one.number < planted)]


def main(out: str | None = None) -> None:
    """All loops of seed 0; greedy and default of the others."""
    planted = SIMULATION.rounds // 3 + 1
    ways = loops(Exploration(), planted)
    asked = [(0, loop) for loop in ways] + [(seed, loop) for seed in SEEDS for loop in ways[:2]]
    with ProcessPoolExecutor(2) as pool:
        rounds = list(pool.map(one, asked))
    found = Compared({loop.name: own for loop, own in zip(ways, rounds, strict=False)}, planted)
    others = [(rounds[n], rounds[n + 1]) for n in range(len(ways), len(asked), 2)]
    s = SIMULATION
    about = f"""`python -m benchmarks.loop OUT.md`: {s.town.people} people and {len(s.items.ids)} items of the town with
        all its mechanisms. In each of {s.rounds} rounds, a day apart, {s.visitors} of them see a list of {s.k} out of
        the corridor that serves, click, like and rate; then everything is fitted anew. The same people come in all
        loops. Clicks are those that the town's truth expects. Lost: from the first three rounds to the last three;
        variety is the diversity of a list by topics, coverage the share of the items that stand in some list of the
        round. Greedy and default differ in the policy alone. The mean over seeds has its interval of 95%."""
    lines = ["# The loop: what feedback does to the lists", "", " ".join(about.split()), ""]
    lines += [*promises(found, others), "", *found.markdown(), ""]
    if out is not None:
        rounds_figure(found.rounds, planted).savefig(Path(out).with_suffix(".png"), dpi=110)
        lines.insert(4, f"![by round]({Path(out).stem}.png)\n")
    publish(lines, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
