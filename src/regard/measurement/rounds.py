"""Rounds: what a feedback loop does to lists by round: clicks, satisfaction, variety, coverage, concentration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from regard.domain.arrays import Mask, Vectors
from regard.measurement.metrics.lists import Lists, exposures, gini, intra_list_diversity
from regard.measurement.plots import PALETTE, axes_grid

EDGE = 3  # rounds at either end of a loop that are compared with each other


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one loop. clicks: of a list, as the town's truth expects them; satisfaction: likes of a list.

    variety: mean diversity inside a person's list, by topics. coverage: the share of the items on offer that stand in
    some list. concentration: Gini coefficient of exposures over these. newcomers: the share of exposures that went to
    items which came later. alarms: what the drift watch said.
    """

    number: int
    clicks: float
    satisfaction: float
    variety: float
    coverage: float
    concentration: float
    newcomers: float
    alarms: tuple[str, ...] = ()


FIGURES = tuple(field.name for field in fields(Round) if field.name not in ("number", "alarms"))


def list_figures(lists: Lists, topics: Vectors, on_offer: Mask, late: Mask) -> dict[str, float]:
    """variety, coverage, concentration and newcomers of lists (Q, k); `on_offer`, `late`: masks (I,)."""
    shown = exposures(lists, len(topics))
    return {
        "variety": float(np.nanmean(intra_list_diversity(lists, topics))),
        "coverage": float((shown > 0)[on_offer].mean()),
        "concentration": gini(shown[on_offer]),
        "newcomers": float(shown[late].sum() / max(shown.sum(), 1)),
    }


@dataclass(frozen=True, slots=True)
class Verdict:
    """One loop beside the greedy one. clicks: its share of greedy's, over all rounds. variety_lost, coverage_lost: from
    the first to the last EDGE rounds, as a share and in points. alarms: rounds in which the drift watch rang."""

    loop: str
    clicks: float
    satisfaction: float
    variety_lost: float
    coverage_lost: float
    newcomers: float
    alarms: tuple[int, ...]


def verdict(name: str, rounds: Sequence[Round], greedy: Sequence[Round]) -> Verdict:
    """What one loop did, beside `greedy`."""

    def mean(of: Sequence[Round], figure: str) -> float:
        return float(np.mean([getattr(one, figure) for one in of]))

    first, last = rounds[:EDGE], rounds[-EDGE:]
    return Verdict(
        name,
        mean(rounds, "clicks") / mean(greedy, "clicks"),
        mean(rounds, "satisfaction") / mean(greedy, "satisfaction"),
        1 - mean(last, "variety") / mean(first, "variety"),
        100 * (mean(first, "coverage") - mean(last, "coverage")),
        mean(rounds, "newcomers"),
        tuple(one.number for one in rounds if one.alarms),
    )


def plain(loops: Mapping[str, Sequence[Round]]) -> dict[str, Any]:
    """The figures of all loops, as JSON."""
    return {name: [asdict(one) for one in rounds] for name, rounds in loops.items()}


def rounds_figure(loops: Mapping[str, Sequence[Round]], planted: int | None = None) -> Any:
    """A small chart a figure, a line a loop; dots where the drift watch rang, a dotted line at `planted`."""
    told = [name for name in FIGURES if any(getattr(one, name) for rounds in loops.values() for one in rounds)]
    figure, axes = axes_grid([name.capitalize() for name in told], columns=3, shape=(4.2, 2.8))
    for axis, name in zip(axes, told, strict=True):
        for place, (loop, rounds) in enumerate(loops.items()):
            numbers, values = [one.number for one in rounds], [getattr(one, name) for one in rounds]
            colour = PALETTE[place % len(PALETTE)]
            axis.plot(numbers, values, color=colour, linewidth=1.6, label=loop)
            rang = [(n, value) for n, value, one in zip(numbers, values, rounds, strict=True) if one.alarms]
            if rang and name == "concentration":
                axis.plot(*zip(*rang, strict=True), "o", color=colour, markersize=4)
        if planted is not None:
            axis.axvline(planted, color="#8a96a3", linewidth=1.0, linestyle=":")
    axes[0].legend(frameon=False, fontsize=7)
    return figure
