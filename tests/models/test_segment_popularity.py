"""Segment popularity by hand: trust from moments, useless attributes fall out, strangers get what theirs like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.events import sorted_events
from regard.domain.request import History
from regard.models.popular import Popularity
from regard.models.segment_popularity import FittedSegmentPopularity, SegmentPopularity
from tests.contracts.subjects import ask


def world(pairs: list[tuple[int, int]], attributes: dict[str, list[Any]], context: pa.Table | None = None) -> Dataset:
    """One event for each (user, item), over as many people as there are attributes."""
    users = pl.DataFrame({"id": [str(n) for n in range(len(next(iter(attributes.values()))))], **attributes})
    frame = pl.DataFrame({"user": [str(u) for u, _ in pairs], "item": [str(i) for _, i in pairs]})
    items = pl.DataFrame({"id": [str(i) for i in range(1 + max(i for _, i in pairs))]})
    data = Dataset.from_frame(frame, users=users, items=items, weights=())
    if context is None:
        return data
    who, what = (np.array(column) for column in zip(*pairs, strict=True))
    n = len(data.users)
    events = sorted_events(n_users=n, user=who, item=what, time=np.zeros(len(who)), types=("view",), context=context)
    return replace(data, events=events)


OPPOSITE = world([(0, 0), (1, 0), (2, 1), (3, 1)], {"land": ["a", "a", "b", "b"], "noise": ["x", "y", "x", "y"]})


def scores(model: FittedSegmentPopularity, **attributes: Any) -> list[float]:
    return [float(s) for s in model.scores([replace(ask(), attributes=attributes)])[0]]


def test_trust_by_hand_and_a_useless_attribute_falls_out() -> None:
    """p = (1/2, 1/2). Shares of land a: (1, 0), so they scatter by 1/4 + 1/4 = 1/2.

    A person's one choice scatters by 1/2, too, so two people's mean by 2 * (1/2) / 2^2 = 1/4, times 1 - 2/4 since they
    are half of everybody: 1/8. True scatter 1/2 - 1/8 = 3/8 of p (1 - p) = 1/2: rho = 3/4, m = 1/3, trust 2 / (2 + m).
    """
    model = SegmentPopularity(at_least=2).fit(OPPOSITE)
    assert model.who.trust.tolist() == pytest.approx([6 / 7, 6 / 7])  # the lands; both values of noise choose alike
    assert scores(model, land="a", noise="x") == pytest.approx([1 / 2 + 6 / 7 / 2, 1 / 2 - 6 / 7 / 2])
    evidence = model.contributions(replace(ask(), attributes={"land": "a", "noise": "x"}), 0)
    assert evidence.other == {"popularity": 0.5, "popularity in land a": pytest.approx(3 / 7)}
    assert "less popular in land a" in model.contributions(replace(ask(), attributes={"land": "a"}), 1).other


@pytest.mark.parametrize("said", [{}, {"land": "c"}, {"height": 3.0}])
def test_who_says_nothing_known_gets_what_everybody_likes(said: dict[str, Any]) -> None:
    assert scores(SegmentPopularity(at_least=2).fit(OPPOSITE), **said) == [0.5, 0.5]


def test_segments_of_few_people_are_left_out() -> None:
    assert not len(SegmentPopularity(at_least=3).fit(OPPOSITE).who.trust)


def test_values_of_one_field_share_its_word() -> None:
    model = SegmentPopularity(at_least=2).fit(OPPOSITE)
    assert scores(model, land=("a", "b")) == pytest.approx([0.5, 0.5])  # half of each lift


def test_a_stranger_gets_the_list_of_their_segment() -> None:
    """Young people like items 0 to 4, old ones 5 to 9, each four of them; everybody likes item 10."""
    rng = np.random.default_rng(0)
    ages = [float(rng.integers(18, 30) if user % 2 == 0 else rng.integers(60, 80)) for user in range(200)]
    pairs = [(u, 5 * (u % 2) + int(i)) for u in range(200) for i in rng.choice(5, 4, replace=False)]
    pairs += [(u, 10) for u in range(0, 200, 3)]
    model = SegmentPopularity().fit(world(pairs, {"age": ages}))
    young, old = (model.retrieve(replace(ask(), attributes={"age": age}), 5).rows for age in (25.0, 70.0))
    assert set(young.tolist()) <= {0, 1, 2, 3, 4, 10}
    assert set(old.tolist()) <= {5, 6, 7, 8, 9, 10}
    named = model.contributions(replace(ask(), attributes={"age": 25.0}), 0).other
    assert any(name.startswith("popularity in age ") for name in named)


def test_the_moment_s_context_lifts_too() -> None:
    pairs = [(u, i) for u in range(30) for i in (0, 1)]
    context = pa.table({"device": ["phone" if i == 0 else "tv" for _, i in pairs]})
    model = SegmentPopularity().fit(world(pairs, {"land": ["a"] * 30}, context))
    phone, tv = (model.scores([replace(ask(), context={"device": d})])[0] for d in ("phone", "tv"))
    assert phone[0] > phone[1]
    assert tv[1] > tv[0]
    assert model.scores([ask()])[0].tolist() == [0.5, 0.5]


def test_events_fade_to_the_moment_of_the_snapshot() -> None:
    old = replace(OPPOSITE, at=86_400.0)  # all events are a day old: each counts a half, and so all shares stay
    assert SegmentPopularity(half_life=1.0, at_least=2).fit(old).who.base.tolist() == [0.5, 0.5]
    times = np.where(OPPOSITE.events.item == 0, 0.0, 86_400.0)  # item 0 a day ago, item 1 now: 1/2 against 1
    mixed = replace(old, events=replace(OPPOSITE.events, time=times))
    model = SegmentPopularity(half_life=1.0, at_least=2).fit(mixed)
    assert scores(model) == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize("wrong", [{"at_least": 0}, {"half_life": 0.0}])
def test_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="SegmentPopularity"):
        SegmentPopularity(**wrong)


@pytest.mark.data
def test_cold_people_of_movielens_get_better_lists_by_attributes(real_data: Callable[[str], Path]) -> None:
    data = movielens(real_data("movielens-100k"))
    cold = np.random.default_rng(0).permutation(len(data.users))[:188]
    train = data.where(~np.isin(data.events.user, cold))
    models = {"popular": Popularity().fit(train), "segments": SegmentPopularity().fit(train)}
    discount = 1 / np.log2(np.arange(2, 12))
    found: dict[str, list[float]] = {name: [] for name in models}
    for user in cold.tolist():
        past = data.history(user)
        right = past.rows[past.weights > 0]
        if len(right):
            stranger = replace(data.query(user), history=History())
            for name, model in models.items():
                hits = np.isin(model.retrieve(stranger, 10).rows, right)
                found[name].append(float((hits * discount).sum() / discount[: len(right)].sum()))
    assert np.mean(found["segments"]) > np.mean(found["popular"]) + 0.005


def movielens(folder: Path) -> Dataset:
    """Ratings of MovieLens-100K with age, gender, occupation and the first digit of the post code."""
    events = pl.read_csv(
        folder / "u.data", separator="\t", has_header=False, new_columns=["user", "item", "rating", "time"]
    )
    users = pl.read_csv(
        folder / "u.user", separator="|", has_header=False, new_columns=["id", "age", "gender", "work", "post"]
    )
    users = users.with_columns(pl.col("id").cast(pl.String), pl.col("age").cast(pl.Float64), pl.col("post").str.head(1))
    return Dataset.from_frame(events, users=users)
