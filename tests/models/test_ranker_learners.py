"""The ranker over likes and dislikes: any learner, which events are meetings, who calibrates, what is read."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest

from regard.domain.dataset import Dataset
from regard.domain.run import Run
from regard.measurement.metrics.predictions import auc
from regard.measurement.splits import by_time
from regard.models.actions import POSITIVE
from regard.models.deep import Deep
from regard.models.lessons import lessons_of_events
from regard.models.logistic import Logistic
from regard.models.ranker import FittedRanker, Ranker

LABELS = ("like", "dislike")
PLAIN = Ranker((), Logistic(l2=(0.3,)), "events", LABELS, judges=0.0, words=20)
SMALL = Deep("gru", "convolution", "mlp", 6, 8, (32,), epochs=12, batch=64, rate=0.01, dropout=0.0, refit=False)


@cache
def town(n: int = 1_500) -> Dataset:
    """Tall people like tales of giants, short ones those of dwarfs; one in twenty errs; every tenth event is a view."""
    rng = np.random.default_rng(11)
    user, item = rng.integers(0, 30, n), rng.integers(0, 40, n)
    liked = (user % 2 == item % 2) ^ (rng.random(n) < 0.05)
    events = pl.DataFrame(
        {
            "user": [f"u{u}" for u in user],
            "item": [f"i{i}" for i in item],
            "type": np.where(rng.random(n) < 0.1, "view", np.where(liked, "like", "dislike")),
            "time": 86_400.0 * np.arange(n),
        }
    )
    heights = ["short" if u % 2 else "tall" for u in range(30)]
    users = pl.DataFrame({"id": [f"u{u}" for u in range(30)], "height": heights})
    beings = ("the great giant of the hill", "the little dwarf of the hill")
    items = pl.DataFrame(
        {"id": [f"i{i}" for i in range(40)], "text": [f"A tale of {beings[i % 2]}" for i in range(40)]}
    )
    return Dataset.from_frame(events, users=users, items=items)


@cache
def fitted(recipe: Ranker = PLAIN) -> FittedRanker:
    return recipe.fit(by_time(town()).train, run=Run(seed=1))


def told(data: Dataset) -> Dataset:
    return data.where(data.events.are(*LABELS))


@pytest.mark.deep
def test_deep_tells_likes_from_dislikes_of_later_days() -> None:
    split = by_time(town())
    asked = told(split.test)
    found = fitted(replace(PLAIN, learner=SMALL)).chances(asked, split.data)
    assert auc(np.asarray(asked.events.weight > 0, int), found) > 0.9


def test_views_are_no_meetings_but_belong_to_the_past() -> None:
    heard: dict[str, dict[str, float]] = {}
    PLAIN.fit(town(), run=Run(tracker=lambda step, figures: heard.update({step: dict(figures)})))
    weights = told(town()).events.weight
    assert heard["Ranker.examples"] == {POSITIVE: float(min((weights > 0).sum(), (weights <= 0).sum()))}
    model = fitted()
    assert model.facts.events.sum() == len(by_time(town()).train.events)
    assert set(model.facts.types) == {"view", *LABELS}


def test_without_judges_chances_stay_as_the_learner_says_them() -> None:
    split = by_time(town())
    model, asked = fitted(), told(split.test)
    lessons = lessons_of_events(asked, split.data, model.facts, model.panel, ())
    raw = model.foresight.learned.chances(lessons.examples)[:, 0]
    np.testing.assert_allclose(model.chances(asked, split.data), raw, atol=1e-12)
    judged = fitted(replace(PLAIN, judges=0.3))
    raw = judged.foresight.learned.chances(lessons.examples)[:, 0]
    assert np.abs(judged.chances(asked, split.data) - raw).max() > 1e-3


def test_words_are_read_where_they_are_asked_for() -> None:
    """Everybody likes tales of giants; who and what do not count, so words alone can tell."""
    data = town()
    giants = data.events.item % 2 == 0
    codes = [data.events.types.index(name) for name in ("dislike", "like")]
    events = replace(data.events, type=np.choose(giants, codes).astype(np.int16), weight=giants.astype(np.float32))
    split = by_time(replace(data, events=events))
    recipe = replace(PLAIN, learner=Logistic(l2=(0.3,), ids=False))
    labels = np.asarray(split.test.events.weight > 0, int)
    nothing = split.data.where(np.zeros(len(split.data.events), bool))  # counts tell nothing, either
    with_words, without = (replace(recipe, words=n).fit(split.train).chances(split.test, nothing) for n in (20, 0))
    assert auc(labels, with_words) == 1.0
    assert auc(labels, without) < 0.7


def test_the_answer_itself_never_teaches() -> None:
    """The same moment asked with the opposite answer gets the same chance; what comes before it counts."""
    split = by_time(town())
    asked = told(split.test)
    plain = fitted().chances(asked, split.train)
    turned = replace(asked, events=replace(asked.events, weight=1.0 - asked.events.weight))
    assert fitted().chances(turned, split.train).tobytes() == plain.tobytes()
    nothing = split.train.where(np.zeros(len(split.train.events), bool))
    assert fitted().chances(asked, nothing).tobytes() != plain.tobytes()


def test_validation_data_do_not_take_the_place_of_train_where_no_source_is_asked() -> None:
    split = by_time(town())
    seen = PLAIN.fit(split.train, run=Run(seed=1, validation=split.validation))
    asked = told(split.test)
    assert seen.chances(asked, split.train).tobytes() == fitted().chances(asked, split.train).tobytes()
