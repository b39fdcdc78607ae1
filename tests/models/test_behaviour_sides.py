"""Behaviour beside the order: context, mood, the clock, people, actions, what lies before the window, new items."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import Conflict, InvalidInput
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.domain.records import Item
from regard.domain.request import History, Query
from regard.domain.run import Run
from regard.models.behaviour import Behaviour, FittedBehaviour
from regard.models.towers import ItemTower
from tests.contracts.subjects import ask

pytestmark = pytest.mark.deep

DAY = 86_400.0
SMALL = Behaviour(body="gru", width=16, window=8, dropout=0.0, epochs=40, batch=4, rate=0.02)


def told(rows: list[tuple[int, int, float]], n_items: int, **columns: Any) -> Dataset:
    """Events (person, item, time); `columns`: context, type with types, value, users and items (attribute tables)."""
    users, items = columns.pop("users", pa.table({})), columns.pop("items", pa.table({}))
    people = max(u for u, _, _ in rows) + 1
    user, item, time = (np.array(column) for column in zip(*rows, strict=True))
    columns = {"types": ("view",), **columns}
    events = sorted_events(n_users=people, user=user, item=item, time=time.astype(np.float64), **columns)
    names = Index("user", [f"u{n}" for n in range(people)]), Index("item", [f"i{n}" for n in range(n_items)])
    return Dataset(*names, events, users, items, at=float(time.max()))


def first(model: FittedBehaviour, query: Query) -> int:
    return int(model.retrieve(query, 1).rows[0])


@cache
def devices() -> Dataset:
    """After item 0 people take 1 on the phone and 2 at the desk; who is pleased takes 3 whatever they hold."""
    rows, device, mood = list[tuple[int, int, float]](), list[str](), list[float]()
    for person in range(36):
        held, valence = ("phone", "desk")[person % 2], (-1.0, 1.0)[person % 3 == 0]
        rows += [(person, 0, 0.0), (person, 3 if valence > 0 else 1 + person % 2, DAY)]
        device, mood = [*device, "desk", held], [*mood, -1.0, valence]
    return told(rows, 4, context=pa.table({"device": device, "valence": mood}))


@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_context_and_mood_change_the_list_where_the_data_say_that_they_matter(body: Any) -> None:
    model = replace(SMALL, body=body, rate=0.01).fit(devices())

    def chosen(**context: Any) -> int:
        return first(model, replace(ask(0), context=context))

    assert chosen(device="phone", valence=-1.0) == 1
    assert chosen(device="desk", valence=-1.0) == 2
    assert chosen(device="desk", valence=1.0) == chosen(device="phone", valence=1.0) == 3
    assert model.parts(replace(ask(0), context={"device": "phone"}))["moment"] > 0.05
    blind = replace(SMALL, context=False).fit(devices())
    phone, desk = blind.encode([replace(ask(0), context={"device": d}) for d in ("phone", "desk")])
    np.testing.assert_array_equal(phone, desk)


def test_the_clock_counts_where_it_is_asked_for() -> None:
    """At noon people go on to 1, at midnight to 2."""
    rows = [(p, *event) for p in range(24) for event in ((0, 0.0), (1 + p % 2, 10 * DAY + (p % 2 == 0) * DAY / 2))]
    data = told(rows, 3)
    model = replace(SMALL, timed=True).fit(data)
    past = History(np.array([0]), np.ones(1), np.zeros(1))
    assert [first(model, Query(at=10 * DAY + hours * 3600, history=past)) for hours in (12, 0)] == [1, 2]


def test_people_are_known_by_what_they_say_of_themselves_before_they_do_anything() -> None:
    rows = [(p, p % 2, 0.0) for p in range(20)]
    users = pa.table({"country": [("de", "fr")[p % 2] for p in range(20)]})
    model = SMALL.fit(told(rows, 2, users=users))
    assert [first(model, replace(ask(), attributes={"country": c})) for c in ("de", "fr")] == [0, 1]
    parts = model.parts(replace(ask(), attributes={"country": "de"}))
    assert sum(parts.values()) == pytest.approx(1.0, abs=1e-5)
    assert parts["earlier"] == parts["moment"] == 0.0  # nothing there to count
    assert parts["person"] > 0.1


def test_what_was_done_and_how_much_counts() -> None:
    """Who bought 0 goes on to 1, who viewed it to 2; who rated 0 with five stars goes on to 3, with one to 4."""
    rows, types, values = list[tuple[int, int, float]](), list[int](), list[float]()
    kinds = ((0, 1.0, 1), (1, 1.0, 2), (2, 5.0, 3), (2, 1.0, 4))  # code, value, next
    for person in range(40):
        code, value, reached = kinds[person % 4]
        rows += [(person, 0, 0.0), (person, reached, DAY)]
        types, values = [*types, code, 1], [*values, value, 1.0]
    names = ("buy", "view", "rating")
    columns = {"types": names, "type": np.array(types, np.int16), "value": np.array(values, np.float32)}
    model = replace(SMALL, epochs=60).fit(told(rows, 5, **columns))

    def after(action: str, value: float) -> int:
        types = ("other", *names)  # the request's codes are its own
        past = History(
            np.array([0]), np.ones(1), np.zeros(1), np.array([types.index(action)]), np.array([value]), types
        )
        return first(model, Query(at=DAY, history=past))

    assert [after("buy", 1.0), after("view", 1.0), after("rating", 5.0), after("rating", 1.0)] == [1, 2, 3, 4]


def test_only_wanted_actions_are_foretold_but_all_are_read() -> None:
    """Views of 0 or 1 lead to buying 2 or 3; nobody is foretold to view."""
    rows, types = list[tuple[int, int, float]](), list[int]()
    for person in range(24):
        rows += [(person, person % 2, 0.0), (person, 2 + person % 2, DAY)]
        types += [1, 0]
    data = told(rows, 4, types=("buy", "view"), type=np.array(types, np.int16))
    model = replace(SMALL, actions=("buy",), pretrain=5).fit(data)
    assert [first(model, ask(0)), first(model, ask(1))] == [2, 3]


@pytest.mark.parametrize(("loss", "negatives"), [("full_softmax", "uniform"), ("gbce", "in_batch"), ("bpr", "hard")])
def test_rare_actions_teach_where_they_are(loss: Any, negatives: Any) -> None:
    """Two of thirty people buy, so most batches hold no event that teaches; where nobody did it, that is said."""
    rows = [(person, item, DAY * n) for person in range(30) for n, item in enumerate([0, 1, 2])]
    bought = [int(person < 2 and item == 2) for person, item, _ in rows]
    data = told(rows, 4, types=("view", "buy", "gift"), type=np.array(bought, np.int16))
    recipe = replace(SMALL, batch=1, window=3, loss=loss, negatives=negatives, actions=("buy",), pretrain=2, epochs=2)
    heard: list[float] = []
    model = recipe.fit(data, run=Run(tracker=lambda _, figures: heard.append(figures["loss"])))
    assert np.isfinite(heard).all()
    assert first(model, ask(0, 1)) == 2
    heard.clear()
    with pytest.raises(InvalidInput, match=r"Behaviour\.actions: expected some of view, buy, got \('gift',\)"):
        replace(recipe, actions=("gift",)).fit(data, run=Run(tracker=lambda _, figures: heard.append(figures["loss"])))
    assert not heard  # nothing was learned in vain


def test_pretraining_alone_learns_what_stands_before_and_hides_items() -> None:
    heard: list[str] = []
    recipe = replace(SMALL, pretrain=3, masked=0.5, epochs=2)
    recipe.fit(devices(), run=Run(tracker=lambda step, _: heard.append(step)))
    assert heard == ["epoch 1", "epoch 2", "epoch 3", "epoch 1", "epoch 2"]


def test_what_lies_before_the_window_counts_in_sum() -> None:
    """All walk 2, 3, 4 at the end (the window); those who began with 0 take 5, the others 6."""
    rows = [(p, item, DAY * n) for p in range(24) for n, item in enumerate([p % 2, p % 2, 2, 3, 4, 5 + p % 2])]
    model = replace(SMALL, window=3, summary=9, epochs=60).fit(told(rows, 7))
    assert [first(model, ask(0, 0, 2, 3, 4)), first(model, ask(1, 1, 2, 3, 4))] == [5, 6]
    assert model.parts(ask(0, 0, 2, 3, 4))["earlier"] > 0.05
    blind = replace(SMALL, window=3, summary=0, epochs=5).fit(told(rows, 7))
    np.testing.assert_array_equal(blind.encode([ask(0, 0, 2, 3, 4)]), blind.encode([ask(1, 1, 2, 3, 4)]))


@cache
def kinds() -> Dataset:
    """Sixteen items of two kinds (war, love), people keep to one kind; items 14 and 15 have no events yet."""
    rng = np.random.default_rng(0)
    rows = [(p, 2 * int(n) + p % 2, DAY * t) for p in range(60) for t, n in enumerate(rng.integers(0, 7, 6))]
    items = pa.table({"tags": [[("war", "love")[n % 2]] for n in range(16)], "title": [f"t{n}" for n in range(16)]})
    vectors = np.eye(2, 4, dtype=np.float32)[np.arange(16) % 2]
    return told(rows, 16, items=items).with_vectors("use", vectors)


@pytest.mark.parametrize("tower", [ItemTower(("use",), id_dropout=0.3), ItemTower(attributes=True, id_dropout=0.3)])
def test_an_item_without_events_is_known_by_what_it_says_at_once(tower: ItemTower) -> None:
    model = replace(SMALL, items=tower, epochs=20, rate=0.01).fit(kinds())
    for kind in (0, 1):
        scores = model.scores([ask(kind, kind + 2, kind + 4)])[0]
        assert scores[14 + kind] > scores[14 + 1 - kind]
    new, contents = [Item("w", tags=("war",)), Item("l", tags=("love",))], {"use": np.eye(2, 4, dtype=np.float32)}
    vectors = model.encode_items(new, contents)
    np.testing.assert_allclose(vectors, model.item_vectors[14:], atol=1e-5)
    said = model.evidence(ask(0, 2, 4), vectors[0])
    assert said.total == pytest.approx(model.scores([ask(0, 2, 4)])[0, 14], abs=1e-5)
    again = FittedBehaviour.from_artifact(model.artifact())
    np.testing.assert_array_equal(again.encode_items(new, contents), vectors)


def test_a_checkpoint_does_not_go_on_with_what_others_say_of_themselves(tmp_path: Path) -> None:
    def people(*words: str) -> Dataset:
        return told([(p, p % 2, 0.0) for p in range(8)], 2, users=pa.table({"group": words * 4}))

    def stop(step: str, _: Any) -> None:
        if step == "epoch 2":
            raise KeyboardInterrupt

    recipe = replace(SMALL, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(people("a", "b"), run=Run(folder=tmp_path, tracker=stop))
    with pytest.raises(Conflict, match="checkpoint"):
        recipe.fit(people("b", "a"), run=Run(folder=tmp_path))
    recipe.fit(people("a", "b"), run=Run(folder=tmp_path))


def test_the_item_tower_encodes_records() -> None:
    model = replace(SMALL, items=ItemTower(attributes=True), epochs=2).fit(kinds())
    war, love, nothing = model.item_tower.encode([Item("a", tags=("war",)), Item("b", tags=("love",)), Item("c")])
    np.testing.assert_allclose(war, model.item_vectors[14], atol=1e-5)
    np.testing.assert_allclose(love, model.item_vectors[15], atol=1e-5)
    assert not np.allclose(nothing, war)
    assert not replace(SMALL, epochs=1).fit(kinds()).item_tower.encode([Item("a", tags=("war",))]).any()


def test_vectors_that_are_not_there_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"ItemTower\.content"):
        replace(SMALL, items=ItemTower(("clip",))).fit(kinds())
    with pytest.raises(InvalidInput, match=r"ItemTower\.id_dropout"):
        ItemTower(id_dropout=1.0)


def test_validation_counts_in_its_own_context() -> None:
    """The figure is 1 only where the moments of the validation events are read."""
    figures: list[float] = []
    data = devices()
    last = np.arange(len(data.events)) % 2 == 1
    half = np.arange(len(data.events)) // 2 % 4 == 0  # the last events of a quarter of the people validate
    run = Run(validation=data.where(last & half), tracker=lambda _, told: figures.append(told["figure"]))
    replace(SMALL, rate=0.01).fit(data.where(~(last & half)), run=run)
    assert max(figures) > 0.95


def test_a_date_a_list_and_a_missing_number_say_at_a_request_what_they_said_to_the_fit() -> None:
    days = [dt.datetime(1990, 1, 1 + p) for p in range(20)]
    ages = [float("nan") if p == 3 else float(p) for p in range(20)]
    users = pa.table({"since": days, "langs": [["de", "en"] if p % 2 else ["fr"] for p in range(20)], "age": ages})
    data = told([(p, p % 2, 0.0) for p in range(20)], 2, users=users)
    model = replace(SMALL, epochs=1).fit(data)
    asked, sides = data.queries(np.arange(20)), model.tower.sides
    np.testing.assert_array_equal(sides.of(asked)[0].toarray(), sides.people(data)[:20].toarray())
    assert np.isfinite(model.scores(asked)).all()
    moody = replace(SMALL, epochs=1).fit(devices())
    silent, unsure = replace(ask(0), context={}), replace(ask(0), context={"valence": float("nan")})
    assert moody.scores([unsure]).tolist() == moody.scores([silent]).tolist()
