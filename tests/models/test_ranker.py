"""The ranker on planted worlds whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit

from regard.data.artifacts import Artifact
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.domain.request import Query
from regard.domain.run import Run
from regard.domain.weights import DAY
from regard.measurement.metrics.predictions import auc, expected_calibration_error
from regard.models.actions import ActionWeights
from regard.models.neighbours import ItemKNN
from regard.models.popular import Popularity
from regard.models.ranker import FittedRanker, Ranker
from regard.models.trees import Trees
from regard.serving.wiring import FITTED
from tests.contracts.subjects import ask, communities

PEOPLE, ITEMS = 300, 40
BORN = DAY * np.arange(ITEMS)  # an item comes each day
SONGS = np.arange(ITEMS) % 2 == 0
LOUD = np.arange(ITEMS) % 4 < 2


def world(user: np.ndarray, item: np.ndarray, time: np.ndarray, device: np.ndarray, **more: np.ndarray) -> Dataset:
    """Songs and talks, loud and quiet ones, each born on its day."""
    types = ("click", "buy") if "type" in more else ("shown",)
    context = pa.table({"device": np.where(device, "phone", "desk")})
    events = sorted_events(n_users=PEOPLE, user=user, item=item, time=time, types=types, context=context, **more)
    kinds = zip(np.where(SONGS, "song", "talk"), np.where(LOUD, "loud", "quiet"), strict=True)
    items = pa.table({"tags": [[str(a), str(b)] for a, b in kinds], "valid_from": BORN})
    names = Index("user", [f"u{n}" for n in range(PEOPLE)]), Index("item", [f"i{n}" for n in range(ITEMS)])
    return Dataset(*names, events, item_attributes=items, at=60 * DAY)


@cache
def shown(seed: int, n: int = 30_000) -> Dataset:
    """Meetings that went well more often where the device fits, and in an item's first five days."""
    rng = np.random.default_rng(seed)
    user, item, device = rng.integers(PEOPLE, size=n), rng.integers(ITEMS, size=n), rng.random(n) < 0.5
    time = BORN[item] + DAY * rng.uniform(0, 20, n)
    chance = expit(-2 + 2 * (device == SONGS[item]) + 1.5 * (time - BORN[item] < 5 * DAY))
    return world(user, item, time, device, weight=(rng.random(n) < chance).astype(np.float32))


@cache
def visited(seed: int = 0) -> Dataset:
    """Eight visits of each person, on which they choose three items that fit the device."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(PEOPLE), 8 * 3)
    device = np.repeat(rng.random(8 * PEOPLE) < 0.5, 3)
    day = np.repeat(np.tile(np.arange(8), PEOPLE), 3)
    item = np.where(device, 0, 1) + 2 * rng.integers(ITEMS // 2, size=len(user))
    return world(user, item, DAY * (41 + day) + np.tile([0.0, 60, 120], 8 * PEOPLE), device)


@cache
def judged() -> FittedRanker:
    return Ranker(sources=(), examples="events").fit(shown(0))


def device(name: str, at: float = 60 * DAY) -> Query:
    return Query(at=at, context={"device": name})


def test_chances_of_others_meetings_are_calibrated() -> None:
    fresh = shown(1)
    labels = (fresh.events.weight > 0).astype(np.float64)
    chances = judged().chances(fresh, shown(0))
    assert expected_calibration_error(labels, chances) <= 0.02
    true = expit(
        -2
        + 2 * ((np.array(fresh.events.context["device"]) == "phone") == SONGS[fresh.events.item])  # type: ignore[index]
        + 1.5 * (fresh.events.time - BORN[fresh.events.item] < 5 * DAY)
    )
    assert auc(labels, chances) > auc(labels, true) - 0.01


def test_the_moment_decides_what_comes_first() -> None:
    for name, wanted in (("phone", SONGS), ("desk", ~SONGS)):
        assert wanted[judged().retrieve(device(name), ITEMS // 2).rows].all()


def test_sources_propose_and_the_moment_decides() -> None:
    sources = (("popular", Popularity()), ("knn", ItemKNN()))
    model = Ranker(sources, Trees(at_least=20), breadth=ITEMS).fit(visited())
    for user in range(5):
        for name, wanted in (("phone", SONGS), ("desk", ~SONGS)):
            found = model.retrieve(visited().query(user, context={"device": name}), 10).rows
            assert wanted[found].all(), f"person {user}"


def test_a_new_item_is_fresh_and_ages() -> None:
    model, row = judged(), np.array([0])  # born on day 0
    chances = [float(model.foreseen(device("phone", at=day * DAY), row)[0, 0]) for day in (1, 3, 10, 15)]
    assert min(chances[:2]) > max(chances[2:]) + 0.2
    told = [model.contributions(device("phone", at=day * DAY), 0).other["item age"] for day in (1, 15)]
    assert told[0] > 0 > told[1]


def test_an_item_that_came_today_is_judged_by_its_kind() -> None:
    data = shown(0)
    tags = [*data.item_attributes["tags"].to_pylist(), ["song", "loud"], ["talk", "loud"]]
    table = pa.table({"tags": tags, "valid_from": [*BORN, 60 * DAY, 60 * DAY]})
    today = replace(data, items=Index("item", [*data.items, "song", "talk"]), item_attributes=table)
    new = Candidates.of("new", np.array([ITEMS, ITEMS + 1]), np.zeros(2))
    unknown = judged().score(device("phone"), new)
    assert unknown.mean.tolist() == [0.0, 0.0]
    song, talk = judged().knowing(today).score(device("phone"), new).mean
    assert song > talk + 0.2


@cache
def two_actions() -> FittedRanker:
    """Loud items are clicked, quiet ones are bought."""
    rng = np.random.default_rng(3)
    n = 20_000
    user, item = rng.integers(PEOPLE, size=n), rng.integers(ITEMS, size=n)
    bought = rng.random(n) < np.where(LOUD[item], 0.2, 0.7)
    data = world(user, item, 60 * DAY * rng.random(n), rng.random(n) < 0.5, type=bought.astype(np.int16))
    return Ranker(sources=(), examples="events", weights=ActionWeights((("click", 1.0), ("buy", 0.1)))).fit(data)


def test_weights_order_the_list_without_a_new_fit() -> None:
    model = two_actions()
    assert [action.name for action in model.foresight.actions] == ["click", "buy"]
    assert LOUD[model.retrieve(ask(0), 20).rows].all()
    other = model.weighing(ActionWeights((("click", 0.1), ("buy", 1.0))))
    assert not LOUD[other.retrieve(ask(0), 20).rows].any()
    rows = np.arange(ITEMS)
    np.testing.assert_array_equal(model.foreseen(ask(0), rows), other.foreseen(ask(0), rows))
    scored = other.score(ask(0), Candidates.of("x", rows, np.zeros(ITEMS))).mean
    np.testing.assert_allclose(scored, other.foreseen(ask(0), rows) @ [0.1, 1.0], rtol=1e-12)


def test_what_is_disliked_pulls_down() -> None:
    model = two_actions().weighing(ActionWeights((("click", -1.0), ("buy", 0.0))))
    scored = model.score(ask(0), Candidates.of("x", np.arange(ITEMS + 1), np.zeros(ITEMS + 1)))
    assert not LOUD[np.argsort(-scored.mean)[: ITEMS // 2]].any()
    assert scored.mean[-1] == -1.0  # an item of which nothing is known could be the worst


def test_rare_actions_are_left_out_and_told() -> None:
    heard: dict[str, dict[str, float]] = {}
    run = Run(tracker=lambda step, figures: heard.update({step: dict(figures)}))
    data = visited()
    types = np.zeros(len(data.events), np.int16)
    types[:7] = 1
    rare = replace(data, events=replace(data.events, types=("view", "buy"), type=types))
    model = Ranker((("popular", Popularity()),), Trees(rounds=5)).fit(rare, run=run)
    assert [action.name for action in model.foresight.actions] == ["view"]
    assert set(model.left_out) == set(heard["Ranker.left_out"]) == {"buy"}
    assert model.left_out["buy"] < 50 <= heard["Ranker.examples"]["view"]
    assert {"AUC", "ECE"} <= set(heard["Ranker.view"])


def test_without_anything_to_learn_from_places_decide() -> None:
    model = Ranker((("popular", Popularity()), ("knn", ItemKNN(k=3)))).fit(communities())  # 24 examples are too few
    query = ask(0, 2)
    assert not model.foresight.actions
    found = model.retrieve(query, 12)
    places = np.expm1(model.panel.hear([query], [found.rows])[:, [1, 3]].astype(np.float64))
    np.testing.assert_allclose(found.scores, (1 / (61 + places)).sum(axis=1), rtol=1e-6)
    assert model.contributions(query, 4).total == pytest.approx(
        model.score(query, found.where(found.rows == 4)).mean[0]
    )
    with pytest.raises(NotFound, match="action"):
        model.chances(communities())


def test_a_value_is_expected_on_its_span() -> None:
    """Even items get 5 stars by their community, 1 to 5 becomes 0 to 1."""
    data = shown(0)
    events = replace(data.events, value=np.where(SONGS[data.events.item], 5.0, 2.0).astype(np.float32))
    model = Ranker((), examples="events", actions=("positive",), values=("shown",)).fit(replace(data, events=events))
    found = model.foreseen(device("phone"), np.arange(4))[:, 1]
    np.testing.assert_allclose(found, [1, 0, 1, 0], atol=0.02)


def test_the_artifact_holds_everything_and_the_weights_of_today() -> None:
    model = Ranker((("popular", Popularity()), ("knn", ItemKNN())), Trees(rounds=10)).fit(visited())
    model = model.weighing(ActionWeights((("shown", 2.5),)))
    again = FittedRanker.from_artifact(model.artifact(), FITTED)
    query = visited().query(3, context={"device": "phone"})
    assert again.recipe == model.recipe
    one, two = model.retrieve(query, ITEMS), again.retrieve(query, ITEMS)
    assert (one.rows.tobytes(), one.scores.tobytes()) == (two.rows.tobytes(), two.scores.tobytes())
    assert again.contributions(query, 7) is not None
    assert again.left_out == model.left_out
    parts = {**model.artifact().parts, "learner": Artifact("magic", {})}
    with pytest.raises(NotFound, match="learner"):
        FittedRanker.from_artifact(replace(model.artifact(), parts=parts), FITTED)


def test_scores_of_all_items_are_those_of_the_list_above_the_lowest() -> None:
    model = two_actions().weighing(ActionWeights((("click", -1.0), ("buy", 1.0))))
    found = model.retrieve(ask(0), ITEMS)
    np.testing.assert_allclose(model.scores([ask(0)])[0][found.rows], found.scores + 1.0, rtol=1e-6)
    assert model.scores([ask(0)]).min() >= 0


@dataclass(frozen=True)
class Told:
    """A source, or a learner, that keeps what it was told."""

    inner: Any
    heard: list[Any] = field(default_factory=list)
    window: int = 0

    def fit(self, told: Any, *more: Any, **by_name: Any) -> Any:
        self.heard.append(told)
        return self.inner.fit(told, *more, **by_name)


def test_sources_see_none_of_the_newest_meetings_and_each_is_judged_by_all_before_it() -> None:
    data, source, learner = shown(0), Told(Popularity()), Told(Trees(rounds=5))
    Ranker((("popular", source),), learner, examples="events", share=0.3, judges=0.0).fit(data)
    (seen, whole), (lessons,), e = source.heard, learner.heard, data.events
    assert (len(seen.events), len(lessons), len(whole.events)) == (21_000, 9_000, 30_000)
    assert seen.events.time.max() <= lessons.at.min()
    for place in (0, 4_000, 8_999):
        before = (e.time < lessons.at[place]) & (e.user == lessons.person[place])
        own = lessons.columns[place, lessons.names.index("own events")]
        assert np.expm1(own) == pytest.approx(before.sum(), rel=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"sources": wrong} for wrong in ((), (("a", Popularity()), ("a", Popularity())))),
        *({name: 0} for name in ("share", "breadth", "visits", "meetings", "at_least")),
        *({name: "x"} for name in ("cut", "examples", "learner")),
    ],
)
def test_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Ranker(**wrong)  # type: ignore[arg-type]
