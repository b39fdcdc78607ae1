"""Suspects: machines and bursts are listed with what gave them away, and people are left alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from regard.domain.errors import InvalidInput
from regard.feedback.impressions import join
from regard.feedback.rewards import Rewarding
from regard.feedback.suspects import Habits, trust
from tests.feedback.logs import done, shown

Row = tuple[int, int, str, float, float, str]


def _people(n: int = 60, seed: int = 0) -> list[Row]:
    """Visits of half an hour with some minutes between two actions."""
    rng = np.random.default_rng(seed)
    return [
        (user, int(rng.integers(50)), "click", 1.0, float(start + t), "")
        for user in range(n)
        for start in rng.uniform(0, 1e6, int(rng.integers(1, 8)))
        for t in np.cumsum(rng.exponential(90.0, 12))
    ]


def test_people_are_left_alone() -> None:
    assert Habits().suspects(done(*_people())).is_empty()
    assert Habits().suspects(done()).is_empty()


def test_each_kind_is_listed_with_its_reason() -> None:
    rng = np.random.default_rng(1)
    burst = [(900, 1, "click", 1.0, 1000.0 + float(t), "") for t in rng.uniform(0, 30, 60)]
    clock = [(901, 2, "click", 1.0, 3600.0 * i, "") for i in range(40)]
    many = [(902, 3, "click", 1.0, float(t), "") for t in np.sort(rng.uniform(0, 1e6, 5_000))]
    found = Habits().suspects(done(*_people(), *burst, *clock, *many))
    assert found.select("user", "reason").rows() == [(901, "clockwork"), (902, "volume"), (900, "burst")]
    first = found.filter(pl.col("user") == 900).row(0, named=True)
    assert (first["value"], first["bound"]) == (60.0, 30.0)  # all of them within 30 seconds
    weights = trust(found)
    assert weights[900] == 0.5
    assert weights[901] == 0.0
    assert weights[902] == pytest.approx(found.filter(pl.col("user") == 902)["bound"][0] / 5_000)


def test_who_acts_on_everything_counts_for_nothing() -> None:
    lists = [(f"s{n}", 100.0 * n, user, [1, 2, 3, 4, 5]) for n, user in enumerate([1, 2] * 12)]
    taken: list[Row] = [
        (1, item, "click", 1.0, at + item**2, name) for name, at, user, items in lists for item in items if user == 1
    ]
    some: list[Row] = [(2, 1, "click", 1.0, at + 1, name) for name, at, user, _ in lists if user == 2]
    joined = join(shown(*lists), done(*taken, *some))
    found = Habits(gaps=1_000).suspects(done(*taken, *some), joined)
    assert found.rows() == [(1, "acts on everything", 1.0, 0.9, 0.0)]
    rewards = Rewarding().of(joined, 1e9, trust=trust(found))
    assert rewards.group_by("user").agg(pl.col("weight").mean()).sort("user").rows() == [(1, 0.0), (2, 1.0)]


@pytest.mark.parametrize("fields", [{"burst": 0}, {"regular": 0.0}, {"everything": 1.5}])
def test_bounds_of_the_recipe(fields: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        Habits(**fields)  # type: ignore[arg-type]
