"""Found: all that a search has tried, and the Pareto front of it for a person to choose from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from regard.domain.errors import InvalidInput
from regard.learning.knobs import Value
from regard.learning.spaces import Space
from regard.measurement.front import front
from regard.measurement.tables import in_columns, number

By = Literal["accuracy", "variety", "latency"]
State = Literal["done", "pruned", "failed"]
STEP = 1.25  # latencies count in steps of a quarter: a stopwatch does not tell nearer ones apart


@dataclass(frozen=True, slots=True)
class Worth:
    """accuracy: nDCG@k on the validation part, `low` to `high` its 95% interval. variety: coverage or diversity.

    latency: the median milliseconds of one list, MEASURED on this machine while the search ran.
    """

    accuracy: float
    low: float
    high: float
    variety: float
    latency: float

    def figures(self) -> tuple[float, float, float]:
        """What the front compares, higher is better; latency in steps of a quarter."""
        slow = round(math.log(self.latency) / math.log(STEP)) if self.latency > 0 else -math.inf
        return self.accuracy, self.variety, -float(slow)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One setting: `recipe` has the `values` in place; `worth` is None unless it is done.

    epochs: the figure that its fit told after each epoch. said: why it failed. same_as: the earlier trial of equal
    values, whose figures these are.
    """

    number: int
    state: State
    values: Mapping[str, Value]
    recipe: Any = field(repr=False)
    worth: Worth | None = None
    epochs: Mapping[int, float] = field(default_factory=dict)
    said: str = ""
    same_as: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The trials in order, over the `space` of a recipe of one `kind`; `setting` says on what the figures stand."""

    kind: str
    space: Space
    setting: Mapping[str, Any]
    trials: tuple[Trial, ...]

    @property
    def front(self) -> tuple[Trial, ...]:
        """What is worth choosing from, most accurate first: no other trial is better in one figure and no worse in the
        two others (Pareto). Of equals the first."""
        worth: dict[tuple[float, ...], Trial] = {}
        for trial in self.trials:
            if trial.worth is not None:
                worth.setdefault(trial.worth.figures(), trial)
        on = front(np.array(list(worth)).reshape(-1, 3))
        return tuple(worth[figures] for figures in sorted(w for w, stands in zip(worth, on, strict=True) if stands))[
            ::-1
        ]

    def best(self, by: By = "accuracy") -> Trial:
        """The best trial by one figure alone; the first of equals."""
        if by not in get_args(By):
            raise InvalidInput("Found.best", f"one of {', '.join(get_args(By))}", repr(by))
        sign = -1.0 if by == "latency" else 1.0
        done = [(sign * getattr(t.worth, by), -t.number, t) for t in self.trials if t.worth is not None]
        return max((one for one in done if math.isfinite(one[0])), key=lambda one: one[:2])[2]

    def plain(self) -> dict[str, Any]:
        """Everything as plain data; what is not defined is None."""
        front = [trial.number for trial in self.front]
        trials = [_plain(trial) | {"front": trial.number in front} for trial in self.trials]
        return {"kind": self.kind, "space": self.space.table(), **self.setting, "trials": trials, "front": front}

    def to_json(self) -> str:
        """The same as one JSON object."""
        return json.dumps(self.plain(), ensure_ascii=False)

    def rows(self, trials: tuple[Trial, ...]) -> list[tuple[str, ...]]:
        """A table of trials: a row of names, then a row each."""
        names = ("trial", *self.space.knobs, f"N@{self.setting['k']}", "95% interval", self.setting["variety"], "ms")
        return [names, *(_row(trial) for trial in trials)]

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {state}" for state, n in self.counts().items() if n)
        heading = f"{self.kind}: {len(self.trials)} trials ({counts}); {self.setting['split']}; the front:"
        return "\n".join([heading, *in_columns(self.rows(self.front)), f"ms: {self.setting['latency']}"])

    def counts(self) -> dict[str, int]:
        """How many trials are done, pruned, failed."""
        return {state: sum(t.state == state for t in self.trials) for state in ("done", "pruned", "failed")}


def _row(trial: Trial) -> tuple[str, ...]:
    values = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in trial.values.values()]
    if (w := trial.worth) is None:
        return (str(trial.number), *values, trial.state, "-", "-", "-")
    sure = f"{number(w.low)} to {number(w.high)}"
    return (str(trial.number), *values, number(w.accuracy), sure, number(w.variety), f"{w.latency:.3g}")


def _plain(trial: Trial) -> dict[str, Any]:
    worth = asdict(trial.worth or Worth(*5 * [math.nan]))
    return {
        "number": trial.number,
        "state": trial.state,
        "values": dict(trial.values),
        **{name: value if math.isfinite(value) else None for name, value in worth.items()},
        "epochs": {str(epoch): figure for epoch, figure in trial.epochs.items()},
        "said": trial.said,
        "same_as": trial.same_as,
    }
