"""Words: what counts as one, what the vocabulary keeps, and which columns are prose."""

from __future__ import annotations

import polars as pl

from regard.domain.dataset import Dataset
from regard.models.words import NOTHING, RARE, WORDS, Vocabulary, texts_of, words_of


def test_a_vocabulary_keeps_what_enough_texts_say_the_most_frequent_first() -> None:
    texts = ["good good film", "good song", "bad film", "odd"]
    known = Vocabulary.learn(texts, least=2)
    assert known.words == ("film", "good")  # two texts each, by name; twice in one text counts once
    assert Vocabulary.learn(texts, least=1, most=3).words == ("film", "good", "bad")
    found = known.read(["good film, good", "odd", ""], length=2)
    assert found.tolist() == [[3, 2], [RARE, NOTHING], [NOTHING, NOTHING]]


def test_prose_is_read_and_labels_are_not() -> None:
    items = pl.DataFrame(
        {
            "id": ["a", "b"],
            "title": ["Heat", None],
            "kind": ["a film", "a film"],
            "review": ["I liked it a lot", "It did not fit me"],
        }
    )
    data = Dataset.from_frame(pl.DataFrame({"user": ["u", "u"], "item": ["a", "b"]}), items=items)
    assert texts_of(data) == ["Heat . I liked it a lot", "It did not fit me"]


def test_the_vocabulary_is_that_of_items_that_somebody_met() -> None:
    items = pl.DataFrame({"id": list("abcd"), "text": ["so good", "good", "good so so", "odd odd"]})
    frame = pl.DataFrame({"user": ["u"] * 3, "item": ["a", "b", "c"]})
    data = Dataset.from_frame(frame, items=items)
    assert words_of(data, 2)[WORDS].tolist() == [[RARE, 2], [2, 0], [2, RARE], [RARE, RARE]]  # "so" stands in two
    assert words_of(Dataset.from_frame(frame), 2) == {}
