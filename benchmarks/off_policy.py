"""Off-policy evaluation beside the truth: `python -m benchmarks.off_policy DATA [OUT] [LOGS]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.bandit_world import Kind
from benchmarks.off_policy_plot import plot
from benchmarks.off_policy_runs import Runs, lists, runs
from benchmarks.open_bandit import NAMES, Answer, answers
from benchmarks.results import publish
from regard.feedback.off_policy import DEFAULT
from regard.measurement.tables import number

KINDS: tuple[Kind, ...] = ("watched", "clicked")
CAMPAIGNS = ("all", "men")  # those of the promise; women's Thompson log cannot say anything of random


def of_open_bandit(found: Sequence[Answer]) -> list[str]:
    """Markdown: the truth and what each estimator said of it, then their errors."""
    heads = [f"{a.campaign}: {NAMES[a.judged]} from {NAMES[a.written]}" for a in found]
    rows = [f"| estimator | {' | '.join(heads)} | mean error | worst |", "|---" * (len(found) + 3) + "|"]
    truth = [f"**{number(a.truth)}** ({number(a.low)} to {number(a.high)})" for a in found]
    rows.append(f"| the policy's own log | {' | '.join(truth)} | {own_error(found):.3f} | |")
    for row, name in enumerate(str(estimate.estimator) for estimate in found[0].said):
        errors = np.abs([a.error(a.said[row]) for a in found])
        cells = [f"{number(e.value)} ({number(e.low)} to {number(e.high)})" for e in (a.said[row] for a in found)]
        shown = f"**{name}**" if name == str(DEFAULT) else name.split(" groups")[0]
        rows.append(f"| {shown} | {' | '.join(cells)} | {errors.mean():.3f} | {errors.max():.3f} |")
    rests = [f"{a.said[0].effective:.1%}" for a in found]
    return [*rows, f"| effective sample | {' | '.join(rests)} | | |", ""]


def own_error(found: Sequence[Answer]) -> float:
    """The relative error to expect of the truth itself: sqrt(2 / pi) standard errors of its click rate."""
    return float(np.mean([np.sqrt(2 / np.pi * (1 - a.truth) / (a.truth * a.said[0].units)) for a in found]))


def of_silence(found: Sequence[Answer]) -> list[str]:
    """Markdown: what was said of women's campaigns."""
    rows = ["| women | effective sample | answer |", "|---|---|---|"]
    for a in found:
        one = next(e for e in a.said if e.estimator == str(DEFAULT))
        said = (
            "none (every estimator)"
            if all(e.abstains for e in a.said)
            else f"{number(one.value)}, truth {number(a.truth)}"
        )
        rows.append(f"| {NAMES[a.judged]} from {NAMES[a.written]} | {one.effective:.2%} | {said} |")
    return [*rows, ""]


def of_worlds(found: Mapping[Kind, Runs]) -> list[str]:
    """Markdown: error, coverage and width by estimator and kind of reward, then choices and differences."""
    rows = []
    for kind, one in found.items():
        rows += [
            f"| {one.logs} logs, {kind} | mean error | bias | bootstrap covers | width | Bernstein covers | width |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, row in one.rows().items():
            rows.append(f"| {name} | {' | '.join(row)} |")
        rows.append("")
    return rows


def main(folder: str, out: str | None = None, logs: str = "500") -> None:
    """Both campaigns of the promise, the silent one, and `logs` logs of each kind of world."""
    sample = list(answers(Path(folder), CAMPAIGNS))
    women = list(answers(Path(folder), ["women"]))
    worlds = {kind: runs(kind, int(logs)) for kind in KINDS}
    lines = [
        "# Off-policy evaluation beside the truth",
        "",
        "`python -m benchmarks.off_policy DATA OUT`: rewards per slot; intervals are of 95%, the studentised bootstrap "
        "unless said otherwise. Estimators stand with their default settings; bold is what `Judge()` takes.",
        "",
        "## Open Bandit sample",
        "",
        "10,000 slots of each policy; the target's chances are the mean logged propensity per item and position in its "
        "own log, made to sum to 1. The truth rests on 38 to 69 clicks: the error to expect of the truth itself stands "
        "in its row. MIPS groups items by their first category. The direct method's interval leaves the error of its "
        "model out.",
        "",
        *of_open_bandit(sample),
        *of_silence(women),
        "## Worlds whose truth is known",
        "",
        "10,000 rounds, 30 actions, 5 numbers of context; 20 worlds, each with an old policy that writes the log "
        "(softmax, its errors as large as the truth) and a new one that is surer and less wrong. watched: a share in "
        "[0, 1]; clicked: yes or no. `shown for real` is the mean of as many rounds under the new policy itself.",
        "",
        *of_worlds(worlds),
        *[line for one in worlds.values() for line in one.choices()],
        *lists(),
    ]
    publish(lines, out)
    if out is not None:
        plot(sample, worlds, Path(out).with_suffix(".png"))


if __name__ == "__main__":
    main(*sys.argv[1:])
