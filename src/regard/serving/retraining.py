"""Retraining: a new release in stages that lie on disk, so that a job that was killed goes on where it stood."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from regard.data.artifacts import MANIFEST, load, save
from regard.data.release_rows import Row
from regard.data.shown import lists_since
from regard.data.snapshot_folder import load_snapshot, save_snapshot
from regard.domain.dataset import Dataset
from regard.domain.decisions import LETS_THROUGH, Condition
from regard.domain.run import Progress, Run
from regard.feedback.trials import Trial
from regard.models.blend import Blend, FittedBlend
from regard.serving import judging, releasing, trying, tuning, wiring
from regard.serving.installation import Installation
from regard.serving.settings import now
from regard.serving.tuned import Model, Tune, artifact_of, as_tried, blend_of, read

AUTOMATIC = "automatic (regard.toml)"
TRAFFIC = 100  # lists in the last day from which on a release is tried on a share of the visits first


@dataclass(frozen=True, eq=False)
class Retraining:
    """One job: snapshot, trial, fit, tuning where regard.toml asks for it, release, each kept in `folder` as soon as it
    is done.

    full: everything anew. Else incremental: nothing happens without new events; weights of sources stay as they were
    learned, sources that can (`Blend.continued`) start from the live ones, and vectors come from the cache where the
    words are known. `tell` may raise to stop the job; what is live is untouched until the last stage, which is one
    transaction.
    """

    here: Installation
    folder: Path
    full: bool
    tell: Progress
    seed: int = 0

    def run(self) -> str:
        """Do what is still to do; what became of it, in words."""
        live = self.here.releases.live()
        data = self.data
        if not self.full and live is not None and data.at <= live.moment and len(data.events) == live.figures["events"]:
            shutil.rmtree(self.folder, ignore_errors=True)
            return f"nothing new since release {live.name}"
        tune = tuning.tune_of(self.here, data)
        tried, warm = self._trial(data, tune)
        model, lines = self._tuned(self._model(data, warm), tune)
        row = self._entered(data, model, tried, (*lines, *self._by_log(data, tried)))
        said = self._let_through(row)
        shutil.rmtree(self.folder, ignore_errors=True)
        return said

    @cached_property
    def data(self) -> Dataset:
        """The snapshot of this job."""
        self.tell("snapshot", 0.0)
        path = self.folder / "data"
        if not path.is_dir():
            self._whole(path, lambda fresh: save_snapshot(self.here.dataset(), fresh))
        return load_snapshot(path)

    def _trial(self, data: Dataset, tune: Tune | None) -> tuple[Trial | None, FittedBlend | None]:
        """Beside the live release; the second is a warm start for the fit."""
        self.tell("trial", 0.0)
        live, path = self.here.releases.live(), self.folder / "trial"
        if live is None:
            return None, None
        scorer = self.here.scorer(live.name)
        serving = blend_of(scorer)
        if not path.is_dir():
            recipes = self.here.recipes(data)
            same = serving.recipe == Blend(sources=tuple(recipes.items()))
            warm = serving if same and not self.full and not serving.recipe.continued else None
            run = self._run("trial", warm)
            tried, tested, line = trying.trial(data, recipes, (live.name, live.moment, scorer), run, tune)
            self._whole(path, lambda fresh: _keep(fresh, tried, tested, line))
        told = json.loads((path / "trial.json").read_text("utf-8"))
        after = self._read(path / "model") if (path / "model").is_dir() else None
        return (None if told is None else Trial.from_plain(told)), after if self.full or after is None else serving

    def _model(self, data: Dataset, warm: FittedBlend | None) -> FittedBlend:
        self.tell("fit", 0.0)
        path = self.folder / "model"
        if not (path / MANIFEST).is_file():
            fitted = wiring.fit(data, self.here.recipes(data), self._run("fit", warm))
            save(fitted.artifact(), path)
        return self._read(path)

    def _tuned(self, blend: FittedBlend, tune: Tune | None) -> tuple[Model, tuple[Condition, ...]]:
        """What scores in the release, and the line of the gate about what tuned it."""
        if tune is None:
            return blend, ()
        self.tell("tune", 0.0)
        path = self.folder / "tuning"
        if not path.is_dir():
            model, line = as_tried(tune, blend, self._run("tune", None), _line(self.folder / "trial"))
            self._whole(path, lambda fresh: _keep_tuned(fresh, model, line))
        told = _line(path)
        return self._read_tuned(path, blend), () if told is None else (told,)

    def _by_log(self, data: Dataset, tried: Trial | None) -> tuple[Condition, ...]:
        """What the lists served since the trial's data ended say of the release; nothing where there was no trial."""
        path = self.folder / "trial"
        if tried is None or tried.upto is None or not (path / "model").is_dir():
            return ()
        self.tell("log", 0.0)
        tested = self._read_tuned(path, self._read(path / "model"))
        return (judging.by_log(self.here, tested, data, tried.upto),)

    def _entered(self, data: Dataset, model: Model, tried: Trial | None, further: tuple[Condition, ...]) -> Row:
        """The release with its row. Its name is kept first, so that a job that begins again does not make two."""
        self.tell("release", 0.0)
        here, path = self.here, self.folder / "name"
        name = path.read_text("utf-8") if path.is_file() else here.releases.next_name()
        if not path.is_file():
            path.write_text(name, "utf-8")
        if name not in here.releases.names():
            return releasing.keep(here, model, data, Run(seed=self.seed), tried, further)
        here.promotions.settle(now())
        first = here.releases.live() is None
        return here.promotions.judge_again(name, releasing.table(here, name, tried, first, further), "regard", now())

    def _let_through(self, row: Row) -> str:
        """By itself where regard.toml says so, or where nothing was live before; else it waits for a person."""
        here = self.here
        if row.state == "refused":
            broken = ", ".join(line["name"] for line in row.gate if line["verdict"] not in LETS_THROUGH)
            return f"release {row.name} refused: {broken}"
        if here.rules.approval != "automatic":
            return f"release {row.name} waits for approval"
        live, canary = here.promotions.live(), here.promotions.canary()
        if canary is not None:
            return f"release {row.name} waits: {canary.name} is on trial"
        if live is None or lists_since(here.store, now() - 86_400.0) < TRAFFIC:
            releasing.promote(here, row.name, AUTOMATIC)
            return f"release {row.name} is live"
        releasing.promote(here, row.name, AUTOMATIC, here.rules.share)
        return f"release {row.name} is tried on {here.rules.share:.0%} of the visits"

    def _run(self, stage: str, warm: FittedBlend | None) -> Run:
        def tell(step: str, share: float) -> None:
            self.tell(f"{stage}: {step}", share)

        return replace(Run(seed=self.seed, progress=tell, folder=self.folder / "checkpoints" / stage), warm_start=warm)

    def _read(self, path: Path) -> FittedBlend:
        return FittedBlend.from_artifact(load(path), wiring.FITTED)

    @staticmethod
    def _read_tuned(path: Path, blend: FittedBlend) -> Model:
        """What lies tuned in a stage's folder; the blend where nothing does."""
        return read(load(path / "tuned") if (path / "tuned").is_dir() else None, blend)

    @staticmethod
    def _whole(path: Path, write: Callable[[Path], Any]) -> None:
        """A folder appears with all that `write` puts into it, or not at all."""
        fresh = path.with_name(f".{path.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        write(fresh)
        fresh.rename(path)


def _keep(folder: Path, tried: Trial | None, after: Model | None, line: Condition | None) -> None:
    (folder / "trial.json").write_text(json.dumps(None if tried is None else tried.plain()), "utf-8")
    if after is not None:
        save(blend_of(after).artifact(), folder / "model")
        _keep_tuned(folder, after, line)


def _line(folder: Path) -> Condition | None:
    """What a stage says of the lists that tuned it; None where none could."""
    path = folder / "line.json"
    return Condition(**json.loads(path.read_text("utf-8"))) if path.is_file() else None


def _keep_tuned(folder: Path, model: Model, line: Condition | None) -> None:
    if line is not None:
        (folder / "line.json").write_text(json.dumps(asdict(line)), "utf-8")
    tuned = artifact_of(model)
    if tuned is not None:
        save(tuned, folder / "tuned")
