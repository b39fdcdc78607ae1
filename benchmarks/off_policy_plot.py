"""Plot of off-policy evaluation: what was said beside the truth, and the errors in worlds whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.bandit_world import Kind
from benchmarks.curves import OURS, THEIRS
from benchmarks.off_policy_runs import Runs
from benchmarks.open_bandit import NAMES, Answer
from regard.feedback.off_policy import DEFAULT


def plot(sample: Sequence[Answer], worlds: Mapping[Kind, Runs], path: Path) -> None:
    """To the left an estimate and its interval each, the truth in grey behind; to the right relative errors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14.8, 5.2), layout="constrained", dpi=110)
    left, right = figure.subplots(1, 2)
    for row, answer in enumerate(reversed(sample)):
        left.barh(row, answer.high - answer.low, 0.8, answer.low, color="#e3e8ee")
        left.plot([answer.truth] * 2, [row - 0.4, row + 0.4], color=THEIRS, linewidth=2)
        for place, one in enumerate(answer.said):
            height = row + 0.36 - 0.72 * place / (len(answer.said) - 1)
            colour = OURS if one.estimator == str(DEFAULT) else THEIRS
            left.plot([one.low, one.high], [height, height], color=colour, linewidth=1.2)
            left.plot(one.value, height, "o", color=colour, markersize=5 if colour == OURS else 3)
    left.set_yticks(
        range(len(sample)), [f"{a.campaign}: {NAMES[a.judged]}\nfrom {NAMES[a.written]}" for a in reversed(sample)]
    )
    left.set_title(f"Open Bandit sample: clicks per slot; green {DEFAULT}", loc="left", fontweight="bold", fontsize=11)
    names = list(next(iter(worlds.values())).told)
    for shift, (kind, world) in enumerate(worlds.items()):
        errors = [100 * np.array(world.told[name].errors) for name in names]
        drawn = right.boxplot(
            errors,
            positions=np.arange(len(names)) + 0.4 * shift,
            widths=0.3,
            patch_artist=True,
            whis=(2.5, 97.5),
            showfliers=False,
        )
        for box in drawn["boxes"]:
            box.set_facecolor(OURS if shift == 0 else "#c9d1da")
        right.plot([], [], "s", color=OURS if shift == 0 else "#c9d1da", label=kind)
    right.set_xticks(np.arange(len(names)) + 0.2, names)
    right.axhline(0, color="#4a5561", linewidth=0.8)
    right.legend(frameon=False)
    right.set_title("Worlds: error in % of the truth; whiskers hold 95%", loc="left", fontweight="bold", fontsize=11)
    for axes in (left, right):
        axes.grid(color="#e3e8ee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
