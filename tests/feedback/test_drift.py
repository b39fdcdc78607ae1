"""Drift: a planted amplifier of popularity is caught, quiet rounds raise no alarm, each alarm has its name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.domain.decisions import Condition
from regard.domain.errors import InvalidInput
from regard.feedback.drift import Period, Watch, alarms

PEOPLE, ITEMS, K, ROUNDS, PLANTED = 400, 300, 10, 12, 5


def _loop(seed: int, boost: Callable[[int], float]) -> list[NDArray[np.int64]]:
    """The lists of each round of a loop that learns from its own clicks: (ROUNDS, PEOPLE, K).

    A round ranks by taste, learned with some error that is new each time, plus boost(round) * log(clicks so far).
    """
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(PEOPLE, ITEMS)) + rng.gumbel(size=ITEMS) * 0.5
    clicks = np.ones(ITEMS)
    rounds = []
    for number in range(ROUNDS):
        learned = taste + rng.normal(0, 0.7, taste.shape)
        lists = np.argsort(-(learned + boost(number) * np.log(clicks)), axis=1)[:, :K]
        chance = 1 / (1 + np.exp(1 - np.take_along_axis(taste, lists, axis=1)))
        chosen = lists[rng.random(lists.shape) < chance]
        clicks += np.bincount(chosen, minlength=ITEMS)
        rounds.append(lists)
    return rounds


def _alarms(rounds: list[NDArray[np.int64]]) -> list[set[str]]:
    """The names of the alarms of each round after the first, looked at against the first."""
    watch = Watch()
    return [{a.name for a in alarms(watch.look(Period(lists=rounds[0]), Period(lists=now)))} for now in rounds[1:]]


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_amplifier_is_caught_within_three_rounds(seed: int) -> None:
    found = _alarms(_loop(seed, lambda number: 0.4 if number >= PLANTED else 0.0))
    before, after = found[: PLANTED - 1], found[PLANTED - 1 :]
    assert not any(before)
    assert any(after[:3])
    assert any("popularity concentration" in names for names in after[:3])


@pytest.mark.parametrize("seed", range(3))
def test_a_quiet_loop_raises_no_alarm(seed: int) -> None:
    assert not any(_alarms(_loop(seed, lambda number: 0.0)))  # 33 looks in all


def _quiet(rng: np.random.Generator) -> Period:
    chances = rng.beta(1, 9, 2_000)
    return Period(
        {
            "device": rng.choice(["phone", "computer"], 1_500),
            "age": rng.normal(40, 12, 1_500),
            "hour": rng.integers(0, 24, 1_500),
        },
        scores=rng.normal(size=1_000),
        predicted=chances,
        happened=(rng.random(2_000) < chances).astype(float),
        lists=rng.integers(0, 80, (100, 5)),
    )


def test_the_false_alarm_rate_is_what_the_watch_says() -> None:
    """Bounds of noise alone (all that matters set to 0): at most 5% of 100 looks, 5 +- 2.2, here with fixed seeds."""
    rng = np.random.default_rng(11)
    strict = Watch(alarms=0.05, data=0, scores=0, calibration=0, gini=0, top=0, sameness=0)
    raised = sum(bool(alarms(strict.look(_quiet(rng), _quiet(rng)))) for _ in range(100))
    assert 0 < raised <= 0.05 * 100 + 3 * 2.2
    usual = [alarms(Watch().look(_quiet(rng), _quiet(rng))) for _ in range(20)]
    assert not any(usual)


def test_each_alarm_has_its_name_its_value_and_its_bound() -> None:
    rng = np.random.default_rng(2)
    before, after = _quiet(rng), _quiet(rng)
    data = {**after.data, "device": np.full(1_500, "phone"), "only now": np.ones(3)}
    moved = Period(
        data, after.scores + 0.5, after.predicted, (rng.random(2_000) < 2 * after.predicted).astype(float), after.lists
    )
    conditions = Watch().look(before, moved)
    assert {c.name for c in conditions} == {
        "data: device", "data: age", "data: hour", "scores", "calibration",
        "popularity concentration", "top share", "homogenisation",
    }  # fmt: skip
    found = alarms(conditions)
    assert {c.name for c in found} == {"data: device", "scores", "calibration"}
    for one in found:
        assert one.value is not None
        assert one.value > one.bound
        assert one.plain()["verdict"] == "fails"
        assert one.words


def test_what_cannot_be_judged_is_left_out() -> None:
    assert Watch().look(Period(), Period()) == ()
    assert [c.name for c in Watch().look(Period(scores=np.ones(3)), Period(scores=np.ones(3)))] == ["scores"]
    with pytest.raises(InvalidInput, match="alarms"):
        Watch(alarms=0.0)
    with pytest.raises(InvalidInput, match="gini"):
        Watch(gini=-1.0)


def test_the_verdict_of_a_condition() -> None:
    assert Condition("x", 1.0, 1.0).verdict == "holds"
    assert Condition("x", 1.1, 1.0).verdict == "fails"
    assert Condition("x", 1.1, 1.0, "at least").verdict == "holds"
    assert Condition("x", None, 1.0).verdict == Condition("x", float("nan"), 1.0).verdict == "unknown"
    assert Condition("x", float("nan"), 1.0).plain()["value"] is None
    with pytest.raises(InvalidInput, match="bound"):
        Condition("x", 1.0, float("nan"))
