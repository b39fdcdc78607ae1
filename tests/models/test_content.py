"""Content profiles and content kNN: exact reasons, hand-computed cosines, items without people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from regard.data.artifacts import Artifact, load, save
from regard.data.item_records import record
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.records import Item
from regard.domain.request import History, Query
from regard.models import content
from regard.models.content import ContentKNN, ContentProfile, FittedContentKNN, Vocabulary, labels_of, shared


def _data() -> Dataset:
    items = pl.DataFrame(
        {
            "id": ["war1", "war2", "love1", "love2", "mute"],
            "tags": [["war", "drama"], ["war"], ["love", "drama"], ["love"], None],
            "director": ["M", "M", "K", "K", None],
        }
    )
    events = pl.DataFrame({"user": ["u", "v"], "item": ["war1", "love2"]})
    return Dataset.from_frame(events, items=items)


def test_labels_and_what_two_items_share() -> None:
    one = Item("a", tags=("war",), creator="M", attributes={"cast": ("P", "D"), "year": 1990.0, "lead": "P"})
    assert labels_of(one) == {("tags", "war"), ("creator", "M"), ("cast", "P"), ("cast", "D"), ("lead", "P")}
    assert labels_of(one, ["cast"]) == {("cast", "P"), ("cast", "D")}
    assert shared(one, Item("b", attributes={"cast": ("D", "X"), "year": 1990.0})) == (("cast", "D"),)


def test_a_vocabulary_keeps_labels_that_two_items_bear() -> None:
    items = [Item("a", tags=("x", "y")), Item("b", tags=("x",)), Item("c", tags=("y",)), Item("d", tags=("rare",))]
    words = Vocabulary.learn(items, None, 10)
    assert list(words.labels) == [("tags", "x"), ("tags", "y")]
    assert np.allclose(words.idf, np.log(5 / 3))  # (1 + 4) / (1 + 2)
    assert np.allclose(words.read([items[0], items[3]]).toarray(), np.array([[0.5**0.5, 0.5**0.5], [0, 0]]))
    assert list(Vocabulary.learn(items, None, 1).labels) == [("tags", "x")]


def test_the_profile_is_the_mean_at_length_one() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    query = Query(at=0, history=History(np.array([0, 1, 2]), np.ones(3), np.arange(3.0)))
    expected = np.array([[2 / 5**0.5, 1 / 5**0.5], [0, 0]])
    assert np.allclose(ContentProfile(vectors).encode([query, Query(at=0)]), expected)


def test_nearest_in_content_with_exact_reasons() -> None:
    data = _data()
    model = ContentKNN(vectors=None).fit(data)
    query = data.query("u")
    found = model.retrieve(query, 5)
    assert [data.items[row] for row in found.rows[:2]] == ["war1", "war2"]
    for row, score in zip(found.rows, found.scores, strict=True):
        why = model.contributions(query, int(row))
        assert abs(why.total - score) < 1e-6
        assert why.kind == "content"
    assert len(model.retrieve(Query(at=0), 5)) == 0


def test_text_and_labels_side_by_side() -> None:
    data = _data().with_vectors("use", np.eye(5, dtype=np.float32))
    model = ContentKNN(labels=0.25).fit(data)
    # text is orthogonal, so war1 is like itself by .75 + .25 and like war2 by .25 times their label cosine
    labels = ContentKNN(vectors=None).fit(data).items
    scores = model.scores([data.query("u")])[0]
    assert np.allclose(scores[:2], [1.0, 0.25 * labels[0] @ labels[1]], atol=1e-6)


@pytest.mark.parametrize("rare", [0.0, 0.4, 1.0])
def test_rare_labels_beside_a_search_make_the_same_scores(rare: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "RARE", rare)
    data = _data().with_vectors("use", np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    model = ContentKNN(labels=0.5).fit(data)
    queries = [data.query("u"), data.query("v"), Query(at=0)]
    people, beside = model.sides(queries, model.encode(queries))
    assert model.factors().shape[1] == {0.0: 8, 0.4: 3, 1.0: 3}[rare]  # each of five labels is borne by two of five
    assert people @ model.factors().T + beside.toarray() == pytest.approx(model.scores(queries), abs=1e-6)


def test_a_new_item_is_found_at_once_and_the_artifact_is_the_same(tmp_path: Path) -> None:
    data = _data()
    model = ContentKNN(vectors=None).fit(data)
    twin = model.encode_items([record(data, 0)], {})
    assert np.array_equal(twin, model.items[:1])
    said = model.evidence(data.query("u"), twin[0])
    assert said.total == pytest.approx(model.scores([data.query("u")])[0, 0], abs=1e-6)
    save(model.artifact(), tmp_path / "m")
    again = FittedContentKNN.from_artifact(load(tmp_path / "m"))
    assert again.recipe == model.recipe
    assert np.array_equal(again.scores([data.query("u")]), model.scores([data.query("u")]))
    assert np.array_equal(again.encode_items([record(data, 0)], {}), twin)
    old = Artifact("content-knn", model.artifact().recipe, {"items": model.items})
    assert not FittedContentKNN.from_artifact(old).encode_items([record(data, 0)], {}).any()  # nothing is guessed


def test_bounds() -> None:
    with pytest.raises(InvalidInput, match="share"):
        ContentKNN(labels=2)
    with pytest.raises(InvalidInput, match="neither"):
        ContentKNN(vectors=None, labels=0)
    with pytest.raises(InvalidInput, match="encode_dataset"):
        ContentKNN(vectors="absent").fit(_data())
