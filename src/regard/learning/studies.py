"""Studies: a search's memory, Optuna's journal in a folder; what a kill left unfinished goes on as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from regard.domain.errors import Conflict, Unavailable
from regard.learning.knobs import Value

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Pruning: TypeAlias = Literal["median", "halving", "none"]
JOURNAL = "optuna.journal"
WARM_UP = 2  # the first epoch at which a trial is judged
WORTH, SAID, SAME = "worth", "said", "same as"  # what we write beside Optuna's own words


@dataclass(frozen=True, eq=False)
class Study:
    """Optuna's study and its storage, and all that we do with them; a trial is Optuna's."""

    held: Any
    storage: Any
    startup: int

    @property
    def finished(self) -> list[Any]:
        """Optuna's frozen trials that are done, pruned or failed, in order."""
        return [trial for trial in self.held.get_trials(deepcopy=False) if trial.state.is_finished()]

    def ask(self, own: Mapping[str, Value] | None, seed: int) -> tuple[Any, dict[int, float]]:
        """The next trial, and the epoch figures that it has told: the one that a kill left, else a new one.

        The first takes the values `own`, where there are such. What is drawn depends on the seed, the number and the
        finished trials alone, so a search that was killed goes on as if it had not been.
        """
        import optuna

        known = self.held.get_trials(deepcopy=False)
        drawn = int(np.random.SeedSequence((seed, len(self.finished))).generate_state(1)[0])
        self.held.sampler = optuna.samplers.TPESampler(seed=drawn, n_startup_trials=self.startup)
        left = [trial for trial in known if trial.state == optuna.trial.TrialState.RUNNING]
        if left:
            study = self.storage.get_study_id_from_name(self.held.study_name)
            trial = self.storage.get_trial_id_from_study_id_trial_number(study, left[0].number)
            return optuna.trial.Trial(self.held, trial), dict(left[0].intermediate_values)
        if not known and own is not None:
            self.held.enqueue_trial(dict(own))
        return self.held.ask(), {}

    def done(self, trial: Any, accuracy: float, worth: Mapping[str, float]) -> None:
        """The trial ended well."""
        trial.set_user_attr(WORTH, dict(worth))
        self.held.tell(trial, accuracy)

    def pruned(self, trial: Any) -> None:
        """The trial was ended early."""
        from optuna.trial import TrialState

        self.held.tell(trial, state=TrialState.PRUNED)

    def failed(self, trial: Any, said: str) -> None:
        """The setting cannot be fitted or judged; why."""
        from optuna.trial import TrialState

        trial.set_user_attr(SAID, said)
        self.held.tell(trial, state=TrialState.FAIL)

    def repeated(self, trial: Any, values: Mapping[str, Value]) -> bool:
        """Whether a finished trial has these values; then this one ends as that one did."""
        alike = (old for old in self.finished if old.params == values and SAME not in old.user_attrs)
        if (same := next(alike, None)) is None:
            return False
        trial.set_user_attr(SAME, same.number)
        self.held.tell(trial, same.value if same.state.name == "COMPLETE" else None, same.state)
        return True


@contextmanager
def study_in(folder: Path | None, name: str, pruning: Pruning, startup: int) -> Iterator[Study]:
    """The study `name` of the journal in `folder`, begun or found; without a folder, one in memory.

    `startup`: how many trials are drawn at random; half as many end before the median prunes. Conflict where another
    process searches in the folder. Unavailable without Optuna.
    """
    try:
        import optuna
    except ImportError as error:
        raise Unavailable("search", "the package optuna", str(error), "pip install 'regard[search]'") from error
    pruners: dict[str, Callable[[], Any]] = {
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=startup // 2, n_warmup_steps=WARM_UP),
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=WARM_UP, reduction_factor=3),
        "none": optuna.pruners.NopPruner,
    }
    said = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with _alone(folder):
            storage = optuna.storages.InMemoryStorage() if folder is None else _journal(folder)
            held = optuna.create_study(
                storage=storage, study_name=name, direction="maximize", load_if_exists=True, pruner=pruners[pruning]()
            )
            yield Study(held, storage, startup)
    finally:
        optuna.logging.set_verbosity(said)


@contextmanager
def _alone(folder: Path | None) -> Iterator[None]:
    """Held by one process at a time; the kernel lets go when it dies."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "search.lock").open("wb") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                hint = "Wait for it, or search in another folder."
                raise Conflict(str(folder), "a folder where nobody else searches", "another search", hint) from error
        yield


def _journal(folder: Path) -> Any:
    """Optuna's journal, without a last line that a power cut tore and without the lock of a dead process."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = folder / JOURNAL
    if path.exists() and (text := path.read_bytes()) and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])
    path.with_name(f"{JOURNAL}.lock").unlink(missing_ok=True)
    return JournalStorage(JournalFileBackend(str(path)))
