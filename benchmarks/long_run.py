"""The long run: policy gradient and SlateQ beside greedy where people tire: `python -m benchmarks.long_run [OUT]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.long_run_world import AsProposed, Choose, Setting, World, logged, ranked, truly
from benchmarks.results import publish
from regard.measurement.bootstrap import Resampling, interval
from regard.measurement.mechanisms import Mechanisms
from regard.measurement.plots import PALETTE, axes_grid
from regard.models.choice import Choosing
from regard.models.long_term import SlateQ
from regard.models.policy_gradient import PolicyGradient

SEEDS, VISITS = (1, 2, 3), 20
GREEDY, EYES, SLATE_Q, GRADIENT = "greedy", "greedy with the same eyes", "SlateQ", "policy gradient"
CEILING = "the town's truth, greedy", "the town's truth without satiation, greedy"
GAIN, LOSS = 0.10, 0.01  # the promise: with satiation on, and off
CHOOSING = Choosing(own=50.0)  # this and all below were chosen on seed 100
LEARNERS: Mapping[str, SlateQ | PolicyGradient] = {
    "greedy that learned from the lists": SlateQ(0.0, (), choosing=CHOOSING),
    EYES: SlateQ(0.0, choosing=CHOOSING),
    SLATE_Q: SlateQ(choosing=CHOOSING),
    GRADIENT: PolicyGradient(),
}
Clicks: TypeAlias = NDArray[np.float64]  # (visits, people)


def one(seed: int, mechanisms: Mechanisms) -> dict[str, Clicks]:
    """What everybody clicked on each visit, by who made the lists; all begin at one moment with one luck."""
    world = World.settle(Setting(mechanisms), seed)
    start = world.copied()
    lists, base = logged(world, seed), AsProposed()
    ways: dict[str, Choose] = {GREEDY: ranked(base)}
    for name, recipe in LEARNERS.items():
        ways[name] = ranked(recipe.fit(lists, base, world.town.items.topics))
    ways |= {name: truly(blind) for name, blind in zip(CEILING, (False, True), strict=True)}
    found = {}
    for name, choose in ways.items():
        found[name] = start.copied().run(choose, VISITS)
        print(f"{found[name].sum(axis=0).mean():7.2f} clicks  seed {seed}  {name}", file=sys.stderr, flush=True)
    return found


def table(found: Mapping[int, Mapping[str, Clicks]]) -> tuple[list[str], dict[str, float]]:
    """Clicks of a person by seed, and beside greedy with an interval over the people of all seeds; the ratios."""
    lines = [f"| lists by | {' | '.join(f'seed {seed}' for seed in found)} | beside greedy | beside {EYES} |"]
    lines.append("|---" * (len(found) + 3) + "|")
    names = list(next(iter(found.values())))
    people = np.stack([np.concatenate([own[name].sum(axis=0) for own in found.values()]) for name in names], axis=1)
    drawn, means, ratios = Resampling().means(people), people.mean(axis=0), {}
    for place, name in enumerate(names):
        cells = [f"{own[name].sum(axis=0).mean():.2f}" for own in found.values()]
        for other in (GREEDY, EYES):
            beside = names.index(other)
            low, high = interval((drawn[:, place] / drawn[:, beside])[:, None])
            ratios[f"{name} / {other}"] = ratio = float(means[place] / means[beside])
            cells.append("" if place == beside else f"{ratio - 1:+.1%} ({low[0] - 1:+.1%} to {high[0] - 1:+.1%})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines, ratios


def verdict(on: Mapping[str, float], off: Mapping[str, float]) -> list[str]:
    """Whether the promise is kept, by what."""
    lines = []
    for name in (SLATE_Q, GRADIENT):
        for other in (GREEDY, EYES):
            gain, loss = on[f"{name} / {other}"] - 1, 1 - off[f"{name} / {other}"]
            kept = "kept" if gain >= GAIN and loss <= LOSS else "missed"
            lines.append(f"- {name} beside {other}: {gain:+.1%} on, {-loss:+.1%} off: {kept}.")
    seeing = on[f"{CEILING[0]} / {GREEDY}"] / on[f"{CEILING[1]} / {GREEDY}"] - 1
    lines.append(f"- With every utility known, greedy that sees satiation beside greedy that does not: {seeing:+.1%}.")
    return [f"Promise: at least {GAIN:+.0%} with satiation on, at most {LOSS:.0%} lost with it off.", "", *lines]


def drawn(found: Mapping[str, Mapping[int, Mapping[str, Clicks]]], file: Path) -> None:
    """Clicks of a person by visit, mean over people and seeds."""
    figure, grid = axes_grid([f"Clicks by visit, satiation {name}" for name in found], 2, (5.6, 3.8))
    for axes, seeds in zip(grid, found.values(), strict=True):
        for place, name in enumerate(next(iter(seeds.values()))):
            curve = np.mean([own[name].mean(axis=1) for own in seeds.values()], axis=0)
            style = ":" if name in CEILING else "-"
            axes.plot(np.arange(1, VISITS + 1), curve, style, color=PALETTE[place], linewidth=1.6, label=name)
        axes.set_xlabel("visit")
        axes.set_xticks([1, *range(5, VISITS + 1, 5)])
        axes.set_ylim(bottom=0)
    grid[0].legend(frameon=False, fontsize=7)
    figure.savefig(file, dpi=110)


def main(out: str | None = None) -> None:
    """Both settings, all seeds."""
    settings = {"on": Mechanisms(), "off": replace(Mechanisms(), satiation=0.0)}
    found = {name: {seed: one(seed, how) for seed in SEEDS} for name, how in settings.items()}
    tables = {name: table(seeds) for name, seeds in found.items()}
    s = Setting(Mechanisms())
    about = f"""`python -m benchmarks.long_run OUT.md`: {s.people} people and {s.items} items of the town with all its
        mechanisms (satiation {s.mechanisms.satiation:g} of the spread of taste for each time a topic was consumed, half
        gone in {s.mechanisms.recovery:g} days). Everybody comes {VISITS} times, {s.hours:g} hours apart, and sees
        {s.k} of {s.breadth} candidates; nothing is shown twice to anybody. Greedy ranks by the default blend. The
        learners see {s.logged} lists of each person, drawn around the blend's scores with known chances, then everybody
        begins anew at the moment before those. Clicks of a person over all visits; intervals are of 1,000 resamples of
        the people of all seeds. Town, lists and recipes were chosen on seed 100. "{EYES.capitalize()}" is SlateQ with
        discount 0: the same data, columns and model of the choice, without the future. The truth knows every
        utility."""
    lines = ["# The long run: greed, policy gradient and SlateQ", "", " ".join(about.split()), ""]
    lines += verdict(tables["on"][1], tables["off"][1])
    for name, (rows, _) in tables.items():
        lines += ["", f"## Satiation {name}", "", *rows]
    if out is not None:
        drawn(found, Path(out).with_suffix(".png"))
        lines += ["", f"![clicks by visit]({Path(out).stem}.png)"]
    publish([*lines, ""], out)


if __name__ == "__main__":
    main(*sys.argv[1:])
