"""Rewards: hand-computed ones, delayed ones, and corrected ones that find what people want."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.errors import InvalidInput
from regard.domain.weights import DAY
from regard.domain.worths import DEFAULT_WORTHS, PASSED_OVER, Worth
from regard.feedback.examination import Examination
from regard.feedback.impressions import join
from regard.feedback.rewards import Rewarding
from tests.feedback.logs import done, shown

LIST = shown(("a", 0.0, 7, [3, 4, 5]))
LATER = 30 * DAY


def _rewards(recipe: Rewarding, *events: tuple[int, int, str, float, float, str], at: float = LATER) -> list[float]:
    return recipe.of(join(LIST, done(*events)), at)["reward"].to_list()


def test_rewards_by_hand() -> None:
    recipe = Rewarding(bounds=(-2.0, 2.0))
    assert _rewards(recipe) == [0.0, 0.0, 0.0]
    both = _rewards(recipe, (7, 4, "click", 1, 10, "a"), (7, 4, "like", 1, 20, "a"), (7, 4, "click", 1, 30, "a"))
    assert both == pytest.approx([0.0, 1.2, 0.0])  # two clicks are one
    changed = _rewards(recipe, (7, 3, "rating", 5, 10, "a"), (7, 3, "rating", 2, 20, "a"))
    assert changed == [-1.0, 0.0, 0.0]  # the newer word
    assert _rewards(recipe, (7, 3, "rating", 3.5, 10, "a")) == [0.0, 0.0, 0.0]  # neither good nor bad
    dwelt = _rewards(recipe, (7, 5, "dwell", 60, 10, "a"), (7, 5, "dwell", 30, 20, "a"), (7, 3, "dwell", 600, 30, "a"))
    assert dwelt == pytest.approx([0.3, 0.0, 0.15])  # 60 of 120 seconds: half of .3; 600: all of it
    worse = _rewards(recipe, (7, 3, "skip", 1, 10, "a"), (7, 4, "dislike", 1, 10, "a"), (7, 5, "less", 1, 10, "a"))
    assert worse == [-0.1, -1.0, -1.0]
    assert (
        _rewards(Rewarding(), (7, 3, "click", 1, 9, "a"), (7, 3, "buy", 1, 9, "a"), (7, 3, "like", 1, 9, "a"))[0] == 1.0
    )
    assert _rewards(recipe, (7, 3, "an action without a worth", 1, 9, "a")) == [0.0, 0.0, 0.0]


def test_what_comes_after_its_window_does_not_count() -> None:
    late = (7, 3, "click", 1, 3601.0, "a"), (7, 4, "click", 1, 3600.0, "a")
    assert _rewards(Rewarding(), *late) == [0.0, 0.2, 0.0]


def test_what_is_passed_over_on_the_way_to_a_lower_slot() -> None:
    table = (Worth("click", 0.2), Worth(PASSED_OVER, -0.05))
    found = _rewards(Rewarding(table), (7, 4, "click", 1, 10, "a"))
    assert found == [-0.05, 0.2, 0.0]  # of the third nobody knows whether it was seen


def test_an_impression_whose_window_is_open_is_not_yet_a_negative() -> None:
    table = (Worth("click", 0.5, window=100.0), Worth("buy", 1.0, window=1000.0))
    joined = join(LIST, done((7, 3, "click", 1, 50.0, "a"), (7, 4, "buy", 1, 900.0, "a")))
    young = Rewarding(table).of(joined, at=500.0)
    assert young["reward"].to_list() == [0.5, 0.0, 0.0]  # what is still to come is not known yet
    assert not young["settled"].any()
    assert young["weight"].to_list() == [0.0, 0.0, 0.0]
    old = Rewarding(table).of(joined, at=1000.0)
    assert old["reward"].to_list() == [0.5, 1.0, 0.0]
    assert old["settled"].all()
    assert old["weight"].to_list() == [1.0, 1.0, 1.0]


def test_early_rewards_are_right_on_average() -> None:
    rng = np.random.default_rng(3)
    n, rate, window = 20_000, 0.3, 1000.0
    at = np.sort(rng.uniform(0, 2000.0, n))  # half of them are older than the window at 2000
    lists = shown(*((f"s{i}", float(at[i]), i, [0]) for i in range(n)))
    bought = np.flatnonzero(rng.random(n) < rate)
    times = at[bought] + rng.uniform(0, window, len(bought))
    events = done(*((int(i), 0, "buy", 1.0, float(t), f"s{i}") for i, t in zip(bought, times, strict=True)))
    table = (Worth("buy", 1.0, window=window),)
    naive = Rewarding(table).of(join(lists, events), at=2000.0)
    early = Rewarding(table, early=True).of(join(lists, events), at=2000.0)
    open_ = ~naive["settled"]
    assert naive.filter(open_)["reward"].mean() == pytest.approx(rate / 2, abs=0.02)  # half of them are still to come
    counted = early.filter(open_ & (pl.Series(early["weight"]) > 0))
    assert counted["reward"].mean() == pytest.approx(rate, abs=0.02)
    assert counted.height == pytest.approx(0.9 * float(open_.sum()), rel=0.02)  # those younger than a tenth of it wait
    assert early.filter(~open_)["reward"].equals(naive.filter(~open_)["reward"])


def test_rewards_are_divided_by_the_chance_of_being_looked_at() -> None:
    joined = join(LIST, done((7, 4, "like", 1, 10, "a"), (7, 5, "like", 1, 10, "a")))
    seen = Examination(np.array([1.0, 0.5, 0.01]))
    found = Rewarding(clip=0.1).of(joined, LATER, seen, trust={7: 0.25})
    assert found["examination"].to_list() == [1.0, 0.5, 0.01]
    assert found["corrected"].to_list() == [0.0, 2.0, 10.0]  # 1 / .5; 1 / .1, the clip
    assert found["weight"].to_list() == [0.25] * 3


ACTIONS = st.lists(
    st.tuples(
        st.just(7), st.integers(3, 5), st.sampled_from(sorted({w.type for w in DEFAULT_WORTHS})),
        st.floats(-10, 1e4), st.floats(0, LATER), st.just("a"),
    ),
    max_size=12,
)  # fmt: skip


@settings(deadline=None)
@given(ACTIONS, st.booleans(), st.floats(0, LATER))
def test_every_reward_is_finite_and_within_its_bounds(
    actions: list[tuple[int, int, str, float, float, str]], early: bool, at: float
) -> None:
    found = Rewarding(early=early).of(join(LIST, done(*actions)), at)
    assert found.height == 3
    assert np.isfinite(found["corrected"].to_numpy()).all()
    assert early or found["reward"].is_between(-1, 1).all()
    assert found["weight"].is_between(0, 1).all()


@given(ACTIONS)
def test_the_order_in_which_events_are_read_changes_nothing(
    actions: list[tuple[int, int, str, float, float, str]],
) -> None:
    unique = list({a[4]: a for a in actions}.values())  # at one moment nobody can say which word was the newer
    there, back = _rewards(Rewarding(), *unique), _rewards(Rewarding(), *unique[::-1])
    assert there == pytest.approx(back)


def test_no_list_at_all() -> None:
    nothing = Rewarding(early=True).of(join(shown(), done()), 0.0)
    assert nothing.is_empty()
    assert {"reward", "settled", "examination", "corrected", "weight"} <= set(nothing.columns)


@pytest.mark.parametrize("fields", [{"bounds": (1.0, 1.0)}, {"floor": 0.0}, {"clip": 1.5}])
def test_bounds_of_the_recipe(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        Rewarding(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", [{"window": 0.0}, {"full": 0.0}, {"worth": float("nan")}, {"type": ""}])
def test_bounds_of_a_worth(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        Worth(**({"type": "click", "worth": 1.0} | fields))  # type: ignore[arg-type]
