"""Trackers: where the figures of a fit go besides the screen: TensorBoard, MLflow, several at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from regard.domain.errors import Unavailable
from regard.domain.run import Tracker

NUMBERED = re.compile(r"(.*\S) (\d+)")  # "epoch 3": the third point of "epoch"
BARRED = re.compile(r"[^\w\-. :/]")  # what MLflow allows in no name


def both(*trackers: Tracker) -> Tracker:
    """Tell each of them."""

    def tell(step: str, figures: Mapping[str, float]) -> None:
        for tracker in trackers:
            tracker(step, figures)

    return tell


def tensorboard(folder: Path, clock: Callable[[], float]) -> Tracker:
    """An event file in `folder`, to be watched by `tensorboard --logdir`; each call is on disk when it returns.

    clock: gives the moment in unix seconds. Unavailable without the package; needs no PyTorch.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise Unavailable("tensorboard", "the package tensorboard", str(error), "pip install 'regard[deep]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    writer, series = EventFileWriter(str(folder)), Series()

    def tell(step: str, figures: Mapping[str, float]) -> None:
        name, place = series.place(step)
        values = [Summary.Value(tag=f"{name}/{figure}", simple_value=value) for figure, value in figures.items()]
        writer.add_event(Event(wall_time=clock(), step=place, summary=Summary(value=values)))
        writer.flush()

    return tell


def mlflow(store: str, experiment: str, name: str) -> Tracker:
    """A new run `name` of an `experiment`; `store` is the URL of a server, or "sqlite:///mlflow.db".

    The run stays open in MLflow's eyes: a tracker does not know which call is its last. Unavailable without the
    package or where the store does not answer.
    """
    hint = "pip install 'regard[mlflow]'"
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise Unavailable("mlflow", "the package mlflow-skinny", str(error), hint) from error
    try:
        client = MlflowClient(tracking_uri=store)
        held = client.get_experiment_by_name(experiment)
        number = held.experiment_id if held is not None else client.create_experiment(experiment)
        run = client.create_run(number, run_name=name).info.run_id
    except MlflowException as error:
        raise Unavailable(
            "mlflow", f"a store at {store}", str(error)[:200], "Start it, or name another one."
        ) from error
    series = Series()

    def tell(step: str, figures: Mapping[str, float]) -> None:
        named, place = series.place(step)
        for figure, value in figures.items():
            client.log_metric(run, BARRED.sub("_", f"{named}/{figure}"), value, step=place)

    return tell


@dataclass
class Series:
    """Steps as points of named series. A series that starts again (a second fit in one run) goes on as NAME.2.

    >>> series = Series()
    >>> [series.place(step) for step in ("epoch 1", "epoch 2", "epoch 1", "Blend.weights")]
    [('epoch', 1), ('epoch', 2), ('epoch.2', 1), ('Blend.weights', 0)]
    """

    last: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)

    def place(self, step: str) -> tuple[str, int]:
        """The series of a step and its place there."""
        found = NUMBERED.fullmatch(step)
        name, place = (found[1], int(found[2])) if found else (step, 0)
        if place <= self.last.get(name, -1):
            self.rounds[name] = self.rounds.get(name, 1) + 1
        self.last[name] = place
        return (f"{name}.{n}" if (n := self.rounds.get(name, 1)) > 1 else name), place
