"""Search over a network: pruned by its epochs, and going on inside a fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from regard.domain.run import Run
from regard.learning.knobs import LogUniform
from regard.learning.spaces import Space
from regard.measurement.splits import leave_last_out

pytest.importorskip("optuna", reason="needs the extra `search`")
from regard.learning.search import Rules, search
from tests.learning.test_search import PowerError, told


@pytest.mark.deep
def test_a_network_is_pruned_and_goes_on_inside_an_epoch(tmp_path: Path) -> None:
    from tests.models.test_behaviour import SMALL, ring

    recipe = replace(SMALL, body="gru", epochs=4, width=8)
    space, cut = Space({"rate": LogUniform(1e-5, 5e-2)}), leave_last_out(ring(), validation=1)
    rules = Rules(k=1, startup=2)
    whole = search(recipe, space, cut, 5, rules=rules)
    assert whole.counts()["pruned"] >= 1
    assert all(len(t.epochs) < 4 for t in whole.trials if t.state == "pruned")
    assert whole.best().recipe.rate > 1e-3

    def kill(step: str, _: object) -> None:
        if step == "trial 1: epoch 3":
            raise PowerError

    with pytest.raises(PowerError):
        search(recipe, space, cut, 5, run=Run(folder=tmp_path, tracker=kill), rules=rules)
    steps: list[str] = []
    run = Run(folder=tmp_path, tracker=lambda step, _: steps.append(step))
    assert told(search(recipe, space, cut, 5, run=run, rules=rules)) == told(whole)
    assert steps[0] == "trial 1: epoch 3"  # not from the start; told again, it counts once in the study
    assert [path.name for path in tmp_path.rglob("checkpoint*")] == []
