"""Loops: several ways of making lists, run from one start and set beside greedy; as JSON, a table and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regard.domain.run import Progress, silent
from regard.feedback.drift import Period, Watch, alarms
from regard.measurement.metrics.lists import Lists
from regard.measurement.rounds import FIGURES, Round, Verdict, plain, rounds_figure, verdict
from regard.recommending.exploration import Exploration
from regard.serving.simulating import Loop, Simulation, run

GREEDY, DEFAULT = "greedy", "default"


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The rounds of every loop by its name, greedy first; `planted`: the round in which the amplifier was put in."""

    rounds: Mapping[str, Sequence[Round]]
    planted: int

    @property
    def verdicts(self) -> list[Verdict]:
        """Each loop beside greedy."""
        return [verdict(name, rounds, self.rounds[GREEDY]) for name, rounds in self.rounds.items()]

    def plain(self) -> dict[str, Any]:
        """Everything, as JSON."""
        verdicts = [asdict(one) for one in self.verdicts]
        return {"planted": self.planted, "verdicts": verdicts, "rounds": plain(self.rounds)}

    def write(self, folder: Path) -> list[Path]:
        """loop.json, loop.md and loop.png in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"loop.{ending}" for ending in ("json", "md", "png")]
        files[0].write_text(json.dumps(self.plain(), indent=1) + "\n", "utf-8")
        files[1].write_text("\n".join(self.markdown()) + "\n", "utf-8")
        rounds_figure(self.rounds, self.planted).savefig(files[2], dpi=110)
        return files

    def markdown(self) -> list[str]:
        """The verdicts, and a table by round for each figure."""
        lines = [
            "| loop | clicks | satisfaction | variety lost | coverage lost, points | newcomers | alarms in rounds |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {v.loop} | {v.clicks:.1%} | {v.satisfaction:.1%} | {v.variety_lost:.1%} | {v.coverage_lost:.1f} "
                f"| {v.newcomers:.1%} | {', '.join(map(str, v.alarms)) or '-'} |"
                for v in self.verdicts
            ),
        ]
        for figure in FIGURES:
            lines += ["", f"| {figure}, by round | {' | '.join(self.rounds)} |", "|---" * (len(self.rounds) + 1) + "|"]
            for row in zip(*self.rounds.values(), strict=True):
                values = " | ".join(f"{getattr(one, figure):.3f}" for one in row)
                lines.append(f"| {row[0].number} | {values} |")
        return lines


def loops(exploration: Exploration, planted: int = 11) -> tuple[Loop, ...]:
    """Greedy beside `exploration`, each with and without retraining, and one with an amplifier planted."""
    greedy = Exploration(kind="none")
    return (
        Loop(GREEDY, greedy),
        Loop(DEFAULT, exploration),
        Loop(f"{GREEDY}, never retrained", greedy, retrained=False),
        Loop(f"{DEFAULT}, never retrained", exploration, retrained=False),
        Loop(f"{DEFAULT}, amplifier planted", exploration, amplifier=1.0, planted=planted),
    )


def compare(simulation: Simulation, exploration: Exploration, tell: Progress = silent) -> Compared:
    """All loops, one after the other, from the same town, the same past and the same visitors."""
    planted = simulation.rounds // 3 + 1
    ways = loops(exploration, planted)
    return Compared({loop.name: run(simulation, loop, narrowing, tell) for loop in ways}, planted)


def narrowing(before: Lists, now: Lists) -> Iterable[str]:
    """What the drift watch says of the lists of a round beside those of the first ones."""
    return [one.name for one in alarms(Watch().look(Period(lists=before), Period(lists=now)))]
