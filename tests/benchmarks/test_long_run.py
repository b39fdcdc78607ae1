"""The world of the long run: chances of drawn lists by hand, one luck for all, nothing shown twice."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.long_run import table
from benchmarks.long_run_world import AsProposed, Setting, World, drawn, logged, ranked
from regard.measurement.mechanisms import Mechanisms


def test_the_chance_of_a_slot_is_its_share_of_what_is_left() -> None:
    """Weights 4, 3, 2, 1: first w / 10, then w / (10 - the first)."""
    weights = np.array([4.0, 3.0, 2.0, 1.0])
    for seed in range(20):
        places, chances = drawn(np.log(weights), 2, np.random.default_rng(seed))
        first, second = weights[places]
        assert chances.tolist() == pytest.approx([first / 10, second / (10 - first)])


def test_copies_have_one_luck_and_nobody_sees_an_item_twice() -> None:
    setting = Setting(Mechanisms(), people=12, items=60, known=6, k=3, breadth=20, logged=4)
    world = World.settle(setting, seed=0)
    start = world.copied()
    lists = logged(world, seed=0)
    assert len(lists) == 4 * 12
    for user in range(12):
        own = np.concatenate([lists.rows[n] for n in range(user, len(lists), 12)])
        assert len(set(own.tolist())) == len(own)
    greedy = ranked(AsProposed())
    first, again = start.copied().run(greedy, 3), start.copied().run(greedy, 3)
    assert first.tolist() == again.tolist()


def test_the_table_sets_each_beside_greedy() -> None:
    """Two people, one visit: 1 and 3 clicks beside 2 and 2 is even; 3 and 3 is half as much again."""
    names = ("greedy", "greedy with the same eyes", "SlateQ")
    clicks = ([2.0, 2.0], [1.0, 3.0], [3.0, 3.0])
    _, ratios = table({1: {name: np.array([own]) for name, own in zip(names, clicks, strict=True)}})
    assert ratios["greedy with the same eyes / greedy"] == 1.0
    assert ratios["SlateQ / greedy"] == 1.5
