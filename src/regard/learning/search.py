"""Search: which values of a recipe's fields suit the data; goes on after a kill, prunes by epoch figures, one seed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from regard.domain.arrays import Array
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Estimator, Retriever
from regard.domain.run import Run, Tracker, silent
from regard.learning.found import Found, State, Trial, Worth
from regard.learning.knobs import Value
from regard.learning.spaces import Space, space_of, with_values
from regard.learning.studies import SAID, SAME, WORTH, Pruning, Study, study_in
from regard.measurement.evaluate import evaluate
from regard.measurement.latency import list_latency
from regard.measurement.splits import Split
from regard.measurement.truth import Protocol

STATES: Mapping[str, State] = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}  # Optuna's words and ours
EPOCH = re.compile(r"epoch (\d+)")  # the steps at which a fit tells the figure that prunes


@dataclass(frozen=True)
class Rules:
    """How settings are judged.

    k: places of a list. variety: the share of the catalogue in at least one list, or the mean distance inside a list.
    pruning: a fit stops when the best figure of its epochs is below the median of the others at that epoch, or outside
    the best third at epochs 2, 6, 18 ... (Li et al. 2020), or never. startup: trials drawn at random before the
    sampler (TPE, Bergstra et al. 2011) follows what it learned; half as many end before the median prunes. timed: how
    many lists are timed.
    """

    k: int = 10
    variety: Literal["coverage", "diversity"] = "coverage"
    pruning: Pruning = "median"
    startup: int = 8
    timed: int = 200

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("k", self.k >= 1, "at least 1"),
            ("variety", self.variety in ("coverage", "diversity"), "coverage or diversity"),
            ("pruning", self.pruning in get_args(Pruning), f"one of {', '.join(get_args(Pruning))}"),
            ("startup", self.startup >= 1, "at least 1 trial"),
            ("timed", self.timed >= 1, "at least 1 person"),
        ):
            if not fits:
                raise InvalidInput(f"Rules.{name}", expected, repr(getattr(self, name)))


def search(
    recipe: Estimator[Retriever],
    space: Space | None,
    split: Split,
    trials: int,
    *,
    run: Run = Run(),  # noqa: B008
    rules: Rules = Rules(),
) -> Found:
    """Fit `trials` settings of `recipe` on the train part, judge them on the validation part, and keep them all.

    space: None takes the one that the recipe's class offers. The first trial is the recipe as it stands, if the space
    holds it; a setting that was judged before is not fitted again. The test part takes no part. With `run.folder` the
    trials are kept there: the same call goes on where it was killed, inside a fit where the recipe keeps checkpoints,
    and ends as if it had not been; a larger number adds trials. Accuracy alone guides and prunes (decision 7).
    `run.tracker` hears the epochs of each trial and its worth. InvalidInput for a space that the recipe does not bear,
    a split without validation part, or when no trial ends.
    """
    if trials < 1:
        raise InvalidInput("search.trials", "at least 1", repr(trials))
    if split.validation is None:
        hint = "by_time has one; so has leave_last_out(data, validation=1)."
        raise InvalidInput("search", "a split with a validation part", f"{split.name} without", hint)
    space = space_of(recipe) if space is None else space
    space.check(recipe)
    hunt = _Hunt(recipe, space, split.tuning(), run, rules)
    with study_in(run.folder, hunt.name, rules.pruning, rules.startup) as study:
        while (done := len(study.finished)) < trials:
            run.progress("search", done / trials)
            hunt.next(study)
        run.progress("search", 1.0)
        return hunt.found(study)


class _PrunedError(Exception):
    """Thrown out of a tracker to end a fit that is not worth going on with."""


@dataclass(frozen=True, eq=False)
class _Hunt:
    """One search: fitted on `cut.train`, judged on `cut.test`, the validation part."""

    recipe: Any
    space: Space
    cut: Split
    run: Run
    rules: Rules

    @cached_property
    def name(self) -> str:
        """A hash of all that decides what comes out, so that no study goes on with another one's trials."""
        rules = {name: value for name, value in asdict(self.rules).items() if name != "timed"}
        told = [repr(self.recipe), self.space.table(), self.cut.sha256, _identity(self.cut), self.run.seed, rules]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def next(self, study: Study) -> None:
        """One more trial, from asking to telling."""
        trial, epochs = study.ask(self.space.own(self.recipe), self.run.seed)
        values = self.space.draw(trial)
        if study.repeated(trial, values):
            return
        folder = None if self.run.folder is None else self.run.folder / f"{self.name}-{trial.number}"
        try:
            worth = self._worth(trial, values, epochs, folder)
        except _PrunedError:
            study.pruned(trial)
        except InvalidInput as error:  # of this setting: a loss that is not finite, say
            study.failed(trial, str(error))
        else:
            study.done(trial, worth.accuracy, asdict(worth))
            self.run.tracker(f"trial {trial.number}", asdict(worth))
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _worth(self, trial: Any, values: Mapping[str, Value], epochs: dict[int, float], folder: Path | None) -> Worth:
        """Fit and judge; `epochs` are those that the trial told before a kill."""
        if epochs and trial.should_prune():
            raise _PrunedError
        tracker = self._heard(trial, max(epochs, default=0))
        run = replace(
            self.run, validation=self.cut.test, folder=folder, warm_start=None, progress=silent, tracker=tracker
        )
        fitted = with_values(self.recipe, values).fit(self.cut.train, run=run)
        return judged(fitted, self.cut, self.rules, self.run.seed)

    def _heard(self, trial: Any, told: int) -> Tracker:
        """Tell the study each epoch's figure, from `told` on, and stop the fit where it prunes."""
        last = told

        def tracker(step: str, figures: Mapping[str, float]) -> None:
            nonlocal last
            epoch = EPOCH.fullmatch(step)
            counts = epoch is not None and "figure" in figures and int(epoch[1]) > last
            if epoch is not None and counts:
                last = int(epoch[1])
                trial.report(figures["figure"], last)
            self.run.tracker(f"trial {trial.number}: {step}", figures)
            if counts and trial.should_prune():
                raise _PrunedError

        return tracker

    def found(self, study: Study) -> Found:
        """All trials; InvalidInput where none is done."""
        known = {old.number: old for old in study.finished}
        trials = tuple(self._trial(known, number) for number in sorted(known))
        if not any(trial.worth for trial in trials):
            said = next((trial.said for trial in trials if trial.said), "all were pruned")
            raise InvalidInput("search", "a trial that ends well", f"{len(trials)} that did not ({said})")
        setting = {
            "split": self.cut.name,
            "sha256": self.cut.sha256,
            "people": int((np.diff(self.cut.test.events.offsets) > 0).sum()),
            "k": self.rules.k,
            "variety": self.rules.variety,
            "latency": "median milliseconds of one list, measured on this machine during the search",
            "seed": self.run.seed,
        }
        return Found(type(self.recipe).__name__, self.space, setting, trials)

    def _trial(self, known: Mapping[int, Any], number: int) -> Trial:
        same = known[number].user_attrs.get(SAME)
        old = known[number if same is None else same]
        worth = Worth(**old.user_attrs[WORTH]) if WORTH in old.user_attrs else None
        values = {name: old.params[name] for name in self.space.knobs}
        recipe, epochs = with_values(self.recipe, values), dict(old.intermediate_values)
        said = old.user_attrs.get(SAID, "")
        return Trial(number, STATES[old.state.name], values, recipe, worth, epochs, said, same)


def _identity(cut: Split) -> str:
    """A hash of all that fits learn from and judge by: events with their contexts, attributes and content vectors."""
    data, whole = cut.train, hashlib.sha256()
    for events in (cut.train.events, cut.known.events, cut.test.events):
        whole.update(repr(events.types).encode())
        for name, column in events.columns().items():
            _add(whole, name, column)
        _add_table(whole, events.context)
    for name, vectors in data.vectors.items():
        _add(whole, name, vectors)
    for table in (data.user_attributes, data.item_attributes):
        _add_table(whole, table)
    return whole.hexdigest()


def _add(whole: Any, name: str, column: Array) -> None:
    whole.update(f"{name} {column.shape}".encode())
    whole.update(np.ascontiguousarray(column).data)


def _add_table(whole: Any, table: pa.Table | None) -> None:
    """The table as an Arrow stream, whatever its chunks."""
    if table is not None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table.combine_chunks())
        whole.update(sink.getvalue())


def judged(model: Retriever, cut: Split, rules: Rules, seed: int) -> Worth:
    """What a fitted model is worth on the judging part of `cut`."""
    protocol = Protocol(slices=False, seed=seed)
    report = evaluate({"it": model}, cut, rules.k, metrics=["N", "coverage", "diversity"], protocol=protocol)
    if rules.variety not in report.labels:
        raise InvalidInput("search", "items with content vectors or tags", "none", "Take variety = coverage.")
    accuracy = next(m for m in report.measures if m.metric == report.labels[0])
    asking = np.flatnonzero(np.diff(cut.test.events.offsets) > 0)
    queries = cut.known.queries(asking[:: max(1, -(-len(asking) // rules.timed))], rules.k)
    return Worth(
        accuracy.value,
        accuracy.low if accuracy.low is not None else float("nan"),
        accuracy.high if accuracy.high is not None else float("nan"),
        report.value("it", rules.variety),
        list_latency(model, queries, rules.k),
    )
