"""Search: the known best, repeatable, resumed after a kill without a repeat, pruned by hand-made figures, errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import Conflict, InvalidInput, Unavailable
from regard.domain.run import Run
from regard.learning.found import Found
from regard.learning.knobs import LogUniform, OneOf, Uniform
from regard.learning.spaces import Space
from regard.measurement.evaluate import evaluate
from regard.measurement.splits import Split, leave_last_out
from regard.models.ease import EASE, FittedEASE
from regard.models.popular import Popularity
from tests.contracts.subjects import communities

pytest.importorskip("optuna", reason="needs the extra `search`")
from regard.learning.search import Rules, search

SPACE = Space({"l2": LogUniform(0.1, 1000.0), "weighting.recency": Uniform(0.5, 1.0)})
WATCHED = Space({"l2": LogUniform(0.1, 1000.0)})
KINDS = ("popular", "ease")
FITS: list[float] = []  # l2 of each fit of Watched, in order


@dataclass(frozen=True)
class Watched:
    """EASE that notes its fits, tells `height` x epoch after each of `epochs` and fails from `bad` on."""

    l2: float = 5.0
    height: float = 1.0
    epochs: int = 0
    bad: float = 1e9

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedEASE:  # noqa: B008
        FITS.append(self.l2)
        if self.l2 >= self.bad:
            raise InvalidInput("Watched", "less", repr(self.l2))
        for epoch in range(1, self.epochs + 1):
            run.tracker(f"epoch {epoch}", {"figure": self.height * epoch, "loss": 1.0})
        return EASE(self.l2).fit(data, run=run)


@pytest.fixture(autouse=True)
def no_fits() -> None:
    FITS.clear()


def split() -> Split:
    return leave_last_out(communities(), validation=1)


def told(found: Found) -> list[tuple[Any, ...]]:
    """All of a search that must be equal from run to run; latency is measured, so it is not."""
    return [(t.state, dict(t.values), t.worth and t.worth.accuracy, dict(t.epochs)) for t in found.trials]


@dataclass(frozen=True)
class Either:
    """A good model or a bad one."""

    kind: str = "popular"
    l2: float = 5.0

    def fit(self, data: Dataset, *, run: Run = Run()) -> Any:  # noqa: B008
        return EASE(self.l2).fit(data, run=run) if self.kind == "ease" else Popularity().fit(data, run=run)


def test_the_trials_are_judged_on_validation_and_the_better_model_is_found() -> None:
    space = Space({"kind": OneOf("popular", "ease"), "l2": LogUniform(0.1, 100.0)})
    found = search(Either(), space, split(), 10)
    worth = {kind: {t.worth.accuracy for t in found.trials if t.worth and t.values["kind"] == kind} for kind in KINDS}
    assert min(worth["ease"]) > max(worth["popular"])
    best = found.best()
    assert best.recipe == Either("ease", best.recipe.l2)
    assert found.front[0].values["kind"] == "ease"
    judging = split().tuning()  # the test part takes no part
    model = best.recipe.fit(judging.train)
    assert evaluate({"best": model}, judging).value("best", "N@10") == best.worth.accuracy  # type: ignore[union-attr]
    assert found.setting["sha256"] == judging.sha256


def test_the_first_trial_is_the_recipe_as_it_stands() -> None:
    recipe = EASE(l2=7.0)
    assert search(recipe, SPACE, split(), 2).trials[0].recipe == recipe
    assert search(replace(recipe, l2=1e6), SPACE, split(), 1).trials[0].recipe.l2 <= 1000.0  # outside the space


def test_one_seed_one_search() -> None:
    first, again, other = (search(EASE(), SPACE, split(), 12, run=Run(seed=seed)) for seed in (1, 1, 2))
    assert told(first) == told(again) != told(other)
    assert len({t.values["l2"] for t in first.trials}) == 12  # a seed for each trial, not one for all


class PowerError(Exception):
    """It went."""


@pytest.mark.parametrize("last", [0, 1, 5])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path, last: int) -> None:
    recipe = Watched(epochs=4)
    space = Space({"l2": LogUniform(0.1, 1000.0), "height": Uniform(0.0, 1.0)})
    rules = Rules(startup=2)
    whole = search(recipe, space, split(), 12, rules=rules)
    FITS.clear()

    def kill(step: str, _: object) -> None:
        if step == f"trial {last}: epoch 2":
            raise PowerError

    with pytest.raises(PowerError):
        search(recipe, space, split(), 12, run=Run(folder=tmp_path, tracker=kill), rules=rules)
    assert len(FITS) == last + 1
    found = search(recipe, space, split(), 12, run=Run(folder=tmp_path), rules=rules)
    assert told(found) == told(whole)
    twice = whole.trials[last].state == "done"  # the finished ones once; a pruned one is not begun again
    assert len(FITS) == 12 + twice
    assert "pruned" in {t.state for t in found.trials}


def test_more_trials_add_up_and_other_settings_stand_apart(tmp_path: Path) -> None:
    recipe, space, run = Watched(), WATCHED, Run(folder=tmp_path)
    search(recipe, space, split(), 3, run=run)
    assert told(search(recipe, space, split(), 5, run=run)) == told(search(recipe, space, split(), 5))
    assert len(FITS) == 5 + 5
    FITS.clear()
    assert len(search(recipe, space, split(), 2, run=run).trials) == 5  # all that is known
    assert FITS == []
    other = Space({"l2": LogUniform(0.2, 1000.0)})
    assert len(search(recipe, other, split(), 2, run=run).trials) == 2
    assert len(search(recipe, space, split(), 2, run=replace(run, seed=1)).trials) == 2
    assert len(FITS) == 4


def test_other_data_stand_apart(tmp_path: Path) -> None:
    """Whatever fits learn from: what was done and how much, in which context, what people and items say."""
    data, run, n = communities(), Run(folder=tmp_path), len(communities().events)
    others: list[dict[str, Any]] = [
        {"types": ("like",)},
        {"types": ("rating", "like"), "type": np.ones(n, np.int16)},
        {"value": data.events.value + 1},
        {"context": pa.table({"device": ["desk"] * n})},
        {"context": pa.table({"device": ["phone"] * n})},
    ]
    datasets = [data, *(replace(data, events=replace(data.events, **one)) for one in others)]
    datasets += [
        replace(data, user_attributes=data.user_attributes.slice(0, 1).take([0] * len(data.users))),
        replace(data, item_attributes=pa.table({"title": list(data.items)})),
    ]
    for one in datasets:
        search(Watched(), WATCHED, leave_last_out(one, validation=1), 1, run=run)
    assert len(FITS) == len(datasets)
    tastes = data.user_attributes
    chunked = replace(data, user_attributes=pa.concat_tables([tastes.slice(0, 5), tastes.slice(5)]))
    search(Watched(), WATCHED, leave_last_out(chunked, validation=1), 1, run=run)
    assert len(FITS) == len(datasets)  # the same data in other pieces go on


def test_a_kill_of_the_process_loses_at_most_one_fit(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from regard.domain.run import Run
from regard.learning.search import search
from tests.learning import test_search as here

def kill(step, figures):
    if step == "trial 2":
        os.kill(os.getpid(), signal.SIGKILL)

search(here.Watched(), here.WATCHED, here.split(), 6, run=Run(folder=Path({str(tmp_path)!r}), tracker=kill))
"""
    killed = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    journal = tmp_path / "optuna.journal"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":4,"wor')  # and the power went in the middle of a line
    (tmp_path / "optuna.journal.lock").symlink_to(journal)  # under the lock of the dead
    found = search(Watched(), WATCHED, split(), 6, run=Run(folder=tmp_path))
    assert told(found) == told(search(Watched(), WATCHED, split(), 6))
    assert len(FITS) == 3 + 6  # trials 0, 1 and 2 were done


def test_two_do_not_search_in_one_folder(tmp_path: Path) -> None:
    def another(step: str, _: object) -> None:
        search(Watched(), WATCHED, split(), 1, run=Run(folder=tmp_path))

    with pytest.raises(Conflict, match="another search"):
        search(Watched(), WATCHED, split(), 1, run=Run(folder=tmp_path, tracker=another))


def test_equal_settings_are_fitted_once() -> None:
    found = search(Watched(), Space({"l2": OneOf(1.0, 5.0)}), split(), 9)
    assert sorted(FITS) == [1.0, 5.0]
    assert [t.same_as for t in found.trials].count(None) == 2
    assert all(t.worth for t in found.trials)
    assert len(found.front) <= 2


def test_the_median_prunes_who_is_below_it() -> None:
    # heights told x epoch; the first two are never pruned (startup=4). The third is at epoch 2 (the first judged one)
    # below the median of the done ones and ends there; the recipe as it stands, height 1, is the highest and is done.
    space = Space({"height": Uniform(0.0, 1.0)})
    found = search(Watched(epochs=5), space, split(), 12, rules=Rules(startup=4, k=5))
    done: list[float] = []
    for trial in found.trials:
        height = trial.recipe.height
        middle = (
            sorted(done)[len(done) // 2]
            if len(done) % 2
            else sum(sorted(done)[len(done) // 2 - 1 :][:2]) / 2
            if done
            else 0
        )
        below = len(done) >= 2 and height < middle
        assert trial.state == ("pruned" if below else "done")
        assert list(trial.epochs) == ([1, 2] if below else [1, 2, 3, 4, 5])
        assert trial.epochs[2] == 2 * height
        if not below:
            done.append(height)
    assert found.counts()["pruned"] >= 1
    never = search(Watched(epochs=5), space, split(), 12, rules=Rules(startup=2, k=5, pruning="none"))
    assert never.counts()["pruned"] == 0
    halved = search(Watched(epochs=5), space, split(), 12, rules=Rules(startup=2, k=5, pruning="halving"))
    assert halved.counts()["pruned"] >= 1


def test_recipes_that_tell_no_figures_are_not_pruned() -> None:
    assert search(EASE(), SPACE, split(), 10, rules=Rules(startup=1)).counts() == {"done": 10, "pruned": 0, "failed": 0}


def test_a_setting_that_fails_is_kept_with_its_words_and_the_search_goes_on() -> None:
    found = search(Watched(bad=20.0), Space({"l2": LogUniform(1.0, 400.0)}), split(), 8)
    failed = [t for t in found.trials if t.state == "failed"]
    assert 0 < len(failed) < 8
    assert all("expected less" in t.said and t.recipe.l2 >= 20.0 for t in failed)
    with pytest.raises(InvalidInput, match=r"a trial that ends well.*expected less"):
        search(Watched(bad=0.5), Space({"l2": LogUniform(1.0, 400.0)}), split(), 2)


def test_what_cannot_be_searched_is_refused() -> None:
    for wrong, said in (
        (lambda: search(EASE(), Space({"l3": Uniform(0, 1)}), split(), 1), "l3"),
        (lambda: search(EASE(), SPACE, split(), 0), "at least 1"),
        (lambda: search(EASE(), SPACE, leave_last_out(communities()), 1), "a validation part"),
        (lambda: search(Watched(), None, split(), 1), "offers none"),
        (lambda: Rules(k=0), "Rules.k"),
        (lambda: Rules(variety="colour"), "coverage or diversity"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidInput, match=said):
            wrong()
    assert not FITS


def test_without_optuna_the_fix_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(Unavailable, match=r"pip install 'regard\[search\]'"):
        search(EASE(), SPACE, split(), 1)


def test_a_class_s_own_space_is_taken_and_progress_and_worth_are_told() -> None:
    shares: list[float] = []
    heard: dict[str, Any] = {}
    run = Run(progress=lambda _, share: shares.append(share), tracker=heard.__setitem__)
    found = search(EASE(), None, split(), 4, run=run, rules=Rules(variety="diversity"))
    assert found.space == EASE.SPACE
    assert shares == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert set(heard) == {f"trial {n}" for n in range(4)}
    assert set(heard["trial 0"]) == {"accuracy", "low", "high", "variety", "latency"}
    assert heard["trial 0"]["latency"] > 0
    assert json.loads(found.to_json())["variety"] == "diversity"
