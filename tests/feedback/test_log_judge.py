"""The log as a judge of releases: planted logs whose truth is known; better, worse, and no answer."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput
from regard.feedback.gate import Gate, passes, refusal
from regard.feedback.impressions import join
from regard.feedback.log_judge import NAME, LogJudge, logged_actions, whole_lists
from regard.feedback.rewards import Rewarding
from tests.feedback.logs import HOUR, done, shown
from tests.feedback.test_gate import TRIAL

ITEMS, K, LISTS = 8, 2, 3_000
RATES = np.linspace(0.05, 0.6, ITEMS)  # of likes; the last item is the best


def _chances(taste: float, lists: Rows) -> Scores:
    """What a policy that draws by exp(taste * rate), nothing twice, gives each place of `lists` (L, k); (L, k)."""
    worth = np.exp(taste * RATES)
    taken = np.cumsum(worth[lists], axis=1) - worth[lists]
    return np.asarray(worth[lists] / (worth.sum() - taken))


@cache
def _log() -> tuple[pl.DataFrame, Rows]:
    """The rewarded slots of lists that a policy without taste served, and the lists (L, k)."""
    rng = np.random.default_rng(0)
    lists = np.argsort(rng.random((LISTS, ITEMS)), axis=1)[:, :K]
    slots = shown(*((f"{n:05d}", HOUR * n, n, items) for n, items in enumerate(lists.tolist())))
    slots = slots.with_columns(propensity=_chances(0.0, lists).ravel())
    liked = rng.random(lists.shape) < RATES[lists]
    events = [(n, int(lists[n, k]), "like", 1.0, HOUR * n + 5, f"{n:05d}") for n, k in np.argwhere(liked)]
    return whole_lists(Rewarding().of(join(slots, done(*events)), 1e9)), lists


def _line(taste: float, gate: Gate | None = None) -> Any:
    rewarded, lists = _log()
    return LogJudge().line(logged_actions(rewarded, (-1.0, 1.0)), _chances(taste, lists).ravel(), gate or Gate())


def test_a_better_release_holds_and_its_worth_is_found() -> None:
    line = _line(2.0)
    assert (line.name, line.verdict, line.bound) == (NAME, "holds", -0.02)
    every = np.stack(np.meshgrid(np.arange(ITEMS), np.arange(ITEMS)), -1).reshape(-1, 2)
    every = every[every[:, 0] != every[:, 1]]
    gains = [(_chances(taste, every).prod(axis=1) * RATES[every].sum(axis=1)).sum() for taste in (0.0, 2.0)]
    said = float(line.words.partition("it would bring ")[2].split()[0])
    assert said == pytest.approx(gains[1] - gains[0], abs=0.05)  # a list's standard error is about .02
    assert passes(Gate().judge(TRIAL, 0, [line]))


def test_a_worse_release_is_refused_with_the_reason() -> None:
    line = _line(-2.0)
    assert line.verdict == "fails"
    table = Gate().judge(TRIAL, 0, [line])
    assert not passes(table)
    assert refusal(table).startswith(f"{NAME} is -")


def test_one_that_shows_the_same_holds_whatever_the_log() -> None:
    line = _line(0.0)
    assert (line.verdict, line.value) == ("holds", pytest.approx(0.0))


def test_without_support_it_abstains_and_stops_nobody_unless_told_to() -> None:
    rewarded, _ = _log()
    log = logged_actions(rewarded, (-1.0, 1.0))
    elsewhere = np.where(np.arange(LISTS) % 10 == 0, 1.0, 0.0).repeat(K) * 0.01  # it shows what was never tried
    line = LogJudge().line(log, elsewhere, Gate())
    assert (line.verdict, line.value) == ("abstains", None)
    assert "no answer: only" in line.words
    assert line.plain()["verdict"] == "abstains"
    assert passes(Gate().judge(TRIAL, 0, [line]))
    strict = LogJudge().line(log, elsewhere, Gate(judged=True))
    assert strict.verdict == "unknown"
    assert NAME in refusal(Gate().judge(TRIAL, 0, [strict]))


def test_few_lists_say_nothing() -> None:
    rewarded, lists = _log()
    log = logged_actions(rewarded[: 99 * K], (-1.0, 1.0))
    line = LogJudge().line(log, _chances(0.0, lists[:99]).ravel(), Gate())
    assert line.verdict == "abstains"
    assert "99 lists, asked: 100" in line.words
    with pytest.raises(InvalidInput, match=r"LogJudge\.lists"):
        replace(LogJudge(), lists=0)


def test_the_bridge_keeps_whole_lists_only() -> None:
    slots = shown(("a", 0.0, 0, [3, 4]), ("b", 0.0, 1, [3, -1]), ("c", 8e5, 2, [5, 6]), ("d", 0.0, 3, [6, 3]))
    joined = join(slots, done((0, 4, "like", 1.0, 60.0, "a"), (3, 6, "dislike", 1.0, 60.0, "d")))
    told = Rewarding().of(joined, 1e6, trust={3: 0.5})  # a week has passed since all but the third
    log = logged_actions(whole_lists(told), (-1.0, 1.0))
    assert log.action.tolist() == [3, 4, 6, 3]  # not b, whose second item was deleted, nor c, which waits
    assert log.reward.tolist() == [0.0, 1.0, -1.0, 0.0]
    assert log.propensity.tolist() == [0.5] * 4
    assert log.places.tolist() == [0, 1, 0, 1]
    assert log.units.tolist() == [0, 0, 1, 1]
    assert whole_lists(Rewarding().of(joined, 1e6, trust={3: 0.0}))["slate"].unique().to_list() == ["a"]
