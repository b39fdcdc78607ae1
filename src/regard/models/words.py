"""Words: a vocabulary learned from train texts, and texts as rows of word numbers for a network that reads them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Vectors
from regard.domain.dataset import Dataset

TOKEN = re.compile(r"[^\W_]+(?:'[a-z]+)?|[!?]")
HAN = re.compile(r"([\u3400-\u9fff])")  # each of these is a word
WORDS = "words"  # under this name the content of items holds word numbers (I, L) and no vectors
NOTHING, RARE = 0, 1  # what fills a row; a word that is not in the vocabulary
LEAST = 3  # texts that must bear a word
WORDY = 3.0  # mean words from which a text column is prose and no label


def tokens(text: str) -> list[str]:
    """The words of a text in lower case; ! and ? count, each Chinese character is a word.

    >>> tokens("Didn't fit me, sadly! 很好")
    ["didn't", 'fit', 'me', 'sadly', '!', '很', '好']
    """
    return TOKEN.findall(HAN.sub(r" \1 ", text.lower()))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words that at least `least` texts bear, the most frequent first; word n has the number n + 2."""

    words: tuple[str, ...]

    @staticmethod
    def learn(texts: Sequence[str], least: int = LEAST, most: int = 20_000) -> Vocabulary:
        """From train texts alone."""
        counts = Counter(word for text in texts for word in set(tokens(text)))
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return Vocabulary(tuple(word for word, count in ranked if count >= least)[:most])

    def __len__(self) -> int:
        return len(self.words) + 2

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {word: place + 2 for place, word in enumerate(self.words)}

    def read(self, texts: Sequence[str], length: int) -> NDArray[np.int32]:
        """(n,) -> (n, L): the first words of each text, then NOTHING; L is the longest one's, at most `length`."""
        rows = [[self._numbers.get(word, RARE) for word in tokens(text)[:length]] for text in texts]
        found = np.zeros((len(rows), max(map(len, rows), default=0)), np.int32)
        for place, row in enumerate(rows):
            found[place, : len(row)] = row
        return found


def words_of(data: Dataset, length: int) -> dict[str, Vectors]:
    """Under WORDS the numbers of the first `length` words of each item, (I, L); nothing where no item says a word.

    The vocabulary is that of the items that somebody has met.
    """
    texts = texts_of(data)
    vocabulary = Vocabulary.learn([texts[row] for row in np.unique(data.events.item)])
    return {WORDS: vocabulary.read(texts, length).astype(np.float32)} if vocabulary.words else {}


def texts_of(data: Dataset) -> list[str]:
    """What each item says in prose, (I,): its title, its text, and further columns of texts of WORDY words or more."""
    table = data.item_attributes
    texts = [""] * len(data.items)
    for name in sorted(table.column_names, key=lambda name: (name != "title", name != "text", name)):
        column = [value if isinstance(value, str) else "" for value in table.column(name).to_pylist()]
        said = [len(tokens(text)) for text in column if text]
        if said and (name in ("title", "text") or np.mean(said) >= WORDY):
            texts = [" . ".join(filter(None, both)) for both in zip(texts, column, strict=True)]
    return texts
