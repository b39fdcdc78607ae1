"""The benchmark of off-policy evaluation: its worlds by hand, its short cut, and the promise on the real sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bandit_world import ACTIONS, WIDTH, Policy, World
from benchmarks.off_policy import CAMPAIGNS, of_open_bandit, of_silence
from benchmarks.off_policy_runs import SameDraws
from benchmarks.open_bandit import FOLDER, answers
from regard.feedback.off_policy import DEFAULT
from regard.measurement.bootstrap import Resampling


def test_a_world_pays_what_it_says() -> None:
    rng = np.random.default_rng(0)
    for kind in ("watched", "clicked"):
        world = World.settle(rng, kind)
        policy = world.policy(rng, 0.5, 1.0, "some")
        log = world.log(policy, 20_000, rng)
        assert log.reward.mean() == pytest.approx(world.values([policy], rng)[0], abs=0.01)
        assert log.propensity.mean() > 1 / ACTIONS
    flat = Policy(np.zeros((1 + WIDTH, ACTIONS)), 1.0, "flat")
    assert flat.chances(np.zeros((2, WIDTH))) == pytest.approx(1 / ACTIONS)


def test_the_same_draws_are_those_of_the_library() -> None:
    values = np.random.default_rng(1).random((100, 2))
    assert SameDraws(50).means(values) == pytest.approx(Resampling(50).means(values))


@pytest.mark.data
def test_the_promise_on_the_open_bandit_sample(real_data: Callable[[str], Path]) -> None:
    home = real_data(FOLDER)
    found = list(answers(home, CAMPAIGNS, resamples=50))
    assert [(a.campaign, a.judged) for a in found] == [(c, p) for c in CAMPAIGNS for p in ("bts", "random")]
    errors: dict[str, list[float]] = {}
    for answer in found:
        for one in answer.said:
            errors.setdefault(one.estimator, []).append(abs(answer.error(one)))
    assert np.mean(errors[str(DEFAULT)]) <= 0.16
    assert max(map(max, errors.values())) <= 0.5
    assert any(f"**{DEFAULT}**" in row for row in of_open_bandit(found))
    silent = next(a for a in answers(home, ["women"], resamples=50) if a.written == "bts")
    assert all(one.abstains and np.isnan(one.value) for one in silent.said)
    assert "none (every estimator)" in of_silence([silent])[2]
