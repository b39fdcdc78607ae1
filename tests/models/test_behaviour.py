"""Behaviour: orders with a known next item for every body and loss, the last event, time, early stopping, bounds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.data.artifacts import save
from regard.domain.dataset import Dataset
from regard.domain.errors import Conflict, InvalidInput
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.domain.request import History, Query
from regard.domain.run import Run
from regard.models.behaviour import Behaviour, Body, FittedBehaviour
from tests.contracts.subjects import ask

pytestmark = pytest.mark.deep

BODIES: tuple[Body, ...] = ("gru", "lstm", "convolution", "transformer", "hstu")
DAY = 86_400.0
SMALL = Behaviour(width=16, window=8, dropout=0.0, epochs=30, batch=4, rate=0.02)


def histories(items: list[list[int]], n_items: int, gaps: list[list[float]] | None = None) -> Dataset:
    """One person a list, one event a day unless `gaps` says how many seconds stand before each."""
    flat = [item for one in items for item in one]
    time = np.concatenate([np.cumsum(g) for g in (gaps or [[DAY] * len(one) for one in items])])
    events = sorted_events(
        n_users=len(items),
        user=np.repeat(np.arange(len(items)), [len(one) for one in items]),
        item=np.array(flat, np.int64),
        time=np.asarray(time, np.float64),
        types=("view",),
    )
    names = Index("user", [f"u{n}" for n in range(len(items))]), Index("item", [f"i{n}" for n in range(n_items)])
    return Dataset(*names, events, at=float(time.max()))


@cache
def ring() -> Dataset:
    """Everybody walks round a ring of ten items, from wherever they began."""
    return histories([[(start + n) % 10 for n in range(6)] for start in range(10)] * 3, 10)


@cache
def walked(**fields: Any) -> FittedBehaviour:
    return replace(SMALL, **fields).fit(ring())


def first(model: FittedBehaviour, query: Query) -> int:
    return int(model.retrieve(query, 1).rows[0])


@pytest.mark.parametrize("body", BODIES)
def test_the_next_item_of_the_ring_comes_first_and_the_last_event_changes_it(body: str) -> None:
    model = walked(body=body)
    for start in range(10):
        past = [(start + n) % 10 for n in range(4)]
        assert first(model, ask(*past)) == (start + 4) % 10
        assert first(model, ask(*past, (start + 4) % 10)) == (start + 5) % 10


@pytest.mark.parametrize(
    ("loss", "negatives"),
    [
        *product(("sampled_softmax", "gbce", "bpr"), ("uniform", "popular", "in_batch")),
        *product(("sampled_softmax", "bpr"), ("hard",)),
    ],
)
def test_every_loss_finds_the_ring(loss: str, negatives: str) -> None:
    model = walked(loss=loss, negatives=negatives, samples=16, body="convolution")
    assert sum(first(model, ask(start, (start + 1) % 10)) == (start + 2) % 10 for start in range(10)) >= 9


@pytest.mark.parametrize("body", BODIES)
def test_what_lies_further_back_counts(body: Body) -> None:
    """All pass through 2 and 3; those who came from 0 go on to 4, those from 1 to 5."""
    data = histories([[0, 2, 3, 4], [1, 2, 3, 5]] * 12, 6)
    model = replace(SMALL, body=body, epochs=80, rate=0.005).fit(data)
    assert (first(model, ask(0, 2, 3)), first(model, ask(1, 2, 3))) == (4, 5)


@pytest.mark.parametrize("body", BODIES)
def test_time_counts_where_the_data_say_so(body: Body) -> None:
    """Who comes to 1 within a minute goes on to 2, who comes after a month goes on to 3."""
    minute, month = 60.0, 30 * DAY
    data = histories([[0, 1, 2], [0, 1, 3]] * 12, 4, [[DAY, minute, DAY], [DAY, month, DAY]] * 12)
    model = replace(SMALL, body=body).fit(data)

    def after(gap: float) -> Query:
        return Query(at=2 * month, history=History(np.array([0, 1]), np.ones(2), np.array([DAY, DAY + gap])))

    assert (first(model, after(minute)), first(model, after(month))) == (2, 3)


@pytest.mark.parametrize("body", ["transformer", "hstu"])
@pytest.mark.parametrize("window", [1, 2])
def test_a_window_shorter_than_what_a_graph_is_drawn_with_is_read(body: Body, window: int) -> None:
    model = replace(SMALL, body=body, window=window, batch=32, epochs=2).fit(ring())
    one, other = model.encode([ask(0), ask(1)])
    assert np.isfinite(one).all()
    assert one.tolist() != other.tolist()


def test_only_known_events_of_positive_weight_within_the_window_count() -> None:
    model = walked(body="gru", summary=0)
    expected = model.encode([ask(3, 4)])
    past = History(np.array([9, 3, 99, 4]), np.array([0.0, 1, 1, 1]), DAY * np.array([0.0, 0, 1, 1]))
    np.testing.assert_array_equal(model.encode([Query(at=0.0, history=past)]), expected)
    long = [n % 10 for n in range(40)]
    later = [n % 10 for n in range(39)]
    a, b = model.encode([ask(5, *long), ask(*long)])
    assert a.tolist() == b.tolist()  # all but the last eight have left
    assert a.tolist() != model.encode([ask(*later)])[0].tolist()


def test_evidence_is_what_the_score_loses() -> None:
    model, query = walked(body="transformer"), ask(1, 2, 3)
    why = model.contributions(query, 4)
    for item, amount in zip(why.rows, why.amounts, strict=True):
        left = query.with_history(query.history.without([int(item)]))
        lost = model.scores([query])[0, 4] - model.scores([left])[0, 4]
        assert amount == pytest.approx(lost, abs=1e-5)
    assert why.total == pytest.approx(float(model.scores([query])[0, 4]), rel=1e-5)
    assert not why.exact
    assert why.rows[np.argmax(why.amounts)] == 3


def test_validation_data_stop_the_epochs_and_a_folder_lets_them_go_on(tmp_path: Path) -> None:
    """What is right on the ring stays right in validation, so the figure reaches 1 and no later epoch betters it."""
    told: dict[str, float] = {}
    validation = histories([[(start + 6) % 10] for start in range(10)] * 3, 10)

    def track(epoch: str, figures: Any) -> None:
        told[epoch] = figures["figure"]

    recipe = replace(SMALL, epochs=60, patience=2, rate=0.05)
    run = Run(validation=validation, tracker=track)
    recipe.fit(ring(), run=run)
    best = max(told, key=lambda epoch: told[epoch])
    assert told[best] > 0.9
    assert len(told) == list(told).index(best) + 3 < 60
    whole = SMALL.fit(ring())

    def stop(epoch: str, _: Any) -> None:
        if epoch == "epoch 9":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SMALL.fit(ring(), run=Run(folder=tmp_path, tracker=stop))
    with pytest.raises(Conflict):
        replace(SMALL, loss="bpr").fit(ring(), run=Run(folder=tmp_path))
    again = SMALL.fit(ring(), run=Run(folder=tmp_path))
    assert again.item_vectors.tobytes() == whole.item_vectors.tobytes()


def test_without_an_event_to_learn_from_it_says_nothing() -> None:
    model = SMALL.fit(histories([[0], [1]], 3).where(np.zeros(2, np.bool_)))
    assert len(model.retrieve(ask(0), 3)) == 0
    assert len(model.retrieve(ask(), 3)) == 0


def test_who_has_done_nothing_gets_what_people_begin_with() -> None:
    model = SMALL.fit(histories([[2, n % 2] for n in range(12)], 4))
    assert first(model, ask()) == 2
    assert first(model, ask(99)) == 2  # an item that the model does not know


def test_what_serves_loads_no_torch(tmp_path: Path) -> None:
    save(walked(body="hstu").artifact(), tmp_path / "model")
    said = subprocess.run([sys.executable, "-c", SERVED, str(tmp_path / "model")], capture_output=True, text=True)
    assert said.stdout.split() == ["[]", str(first(walked(body="hstu"), ask(1, 2)))], said.stderr


SERVED = """
import sys
from pathlib import Path
import numpy as np
from regard.data.artifacts import load
from regard.domain.request import History, Query
from regard.models.behaviour import FittedBehaviour
model = FittedBehaviour.from_artifact(load(Path(sys.argv[1])))
past = History(np.array([1, 2]), np.ones(2), np.array([0.0, 86400.0]))
found = model.retrieve(Query(at=0.0, history=past), 1).rows[0]
print([name for name in ("torch", "onnx", "safetensors") if name in sys.modules], found)
"""


def test_a_graph_that_is_none_is_named() -> None:
    model = walked(body="gru")
    broken = replace(model, tower=replace(model.tower, graph=np.zeros(9, np.uint8)))
    with pytest.raises(InvalidInput, match=r"PersonTower\.graph"):
        broken.encode([ask(1)])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("body", "rnn"),
        ("loss", "hinge"),
        ("negatives", "easy"),
        ("width", 0),
        ("dropout", 1.0),
        ("rate", 0.0),
        ("rate", float("nan")),
        ("precision", "int8"),
    ],
)
def test_bounds(field: str, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=rf"Behaviour\.{field}"):
        replace(SMALL, **{field: wrong})
