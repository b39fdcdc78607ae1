"""Content: what items say of themselves as vectors, the people who like it, and what two items share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact
from regard.data.item_records import records
from regard.domain.arrays import Mask, Scores, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.records import Item
from regard.domain.request import Query, history_matrix
from regard.domain.run import Run
from regard.domain.weights import Weighting
from regard.models.scoring import InductiveScores, recipe_from

LABELS = 512  # the most frequent labels that are kept
BLOCK = 8_192  # items whose vectors are held in float64 at once
RARE = 0.01  # share of the items that bear a label up to which a search looks for it by name
Label = tuple[str, str]  # (field, value): ("tags", "drama"), ("director", "Mann")


def labels_of(item: Item, fields: Sequence[str] | None = None) -> frozenset[Label]:
    """The labels of one item: its tags, its creator, and its attributes that are words; of `fields` only, if given."""
    held: dict[str, object] = {"tags": item.tags, "creator": item.creator, **item.attributes}
    found: set[Label] = set()
    for name, value in held.items():
        if fields is None or name in fields:
            words = value if isinstance(value, tuple) else (value,)
            found |= {(name, word) for word in words if isinstance(word, str) and word}
    return frozenset(found)


def shared(one: Item, other: Item) -> tuple[Label, ...]:
    """What two items have in common, in the order of names: "same director, same genre".

    >>> shared(Item("a", tags=("war", "drama"), creator="Mann"), Item("b", tags=("drama",), creator="Mann"))
    (('creator', 'Mann'), ('tags', 'drama'))
    """
    return tuple(sorted(labels_of(one) & labels_of(other)))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The labels that at least two known items bear, the most frequent first, and how telling each is (idf, (L,))."""

    labels: Mapping[Label, int]
    idf: Scores

    @staticmethod
    def learn(items: Sequence[Item], fields: Sequence[str] | None, most: int) -> Vocabulary:
        """From known items alone, so that nothing of the held-out ones enters."""
        counts = Counter(label for item in items for label in labels_of(item, fields))
        kept = [pair for pair in sorted(counts.items(), key=lambda p: (-p[1], p[0])) if pair[1] > 1][:most]
        idf = np.log((1 + len(items)) / (1 + np.array([count for _, count in kept], np.float64)))
        return Vocabulary({label: column for column, (label, _) in enumerate(kept)}, idf)

    def read(self, items: Iterable[Item], by_idf: bool = True) -> sparse.csr_array:
        """Rows of length 1 over the labels, (n, L) float32; zero for an item without any."""
        columns = [[self.labels[label] for label in sorted(labels_of(item)) if label in self.labels] for item in items]
        indptr = np.cumsum([0, *map(len, columns)])
        indices = np.array([column for row in columns for column in row], np.int64)
        data = self.idf[indices] if by_idf else np.ones(len(indices))
        rows = np.repeat(np.arange(len(columns)), np.diff(indptr))
        norms = np.sqrt(np.bincount(rows, data**2, len(columns)))
        data = data / np.where(norms > 0, norms, 1)[rows]
        return sparse.csr_array((data.astype(np.float32), indices, indptr), shape=(len(columns), len(self.labels)))

    def arrays(self) -> dict[str, np.ndarray]:
        """As an artifact keeps it."""
        names = [list(label) for label in self.labels] or np.empty((0, 2))
        return {"labels": np.array(names, str), "idf": self.idf}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> Vocabulary:
        """As it was."""
        labels = {(str(name), str(value)): n for n, (name, value) in enumerate(arrays["labels"])}
        return Vocabulary(labels, arrays["idf"])


NO_LABELS = Vocabulary({}, np.empty(0))


def side_by_side(text: Vectors, words: sparse.csr_array, labels: float) -> Vectors:
    """Text vectors (n, t) and label rows (n, L) as (n, t + L): dots are (1 - labels) * text + labels * words."""
    parts = unit(text) * np.float32((1 - labels) ** 0.5), words.toarray() * np.float32(labels**0.5)
    return np.concatenate(parts, axis=1)


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1, (n, d); zero rows stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), np.float32)


@dataclass(frozen=True, eq=False)
class ContentProfile:
    """Encoder[Query]: the weighted mean of the history's content vectors (I, d), at length 1; zero without history.

    p = sum_j w_j v_j / |sum_j w_j v_j| (Pazzani & Billsus 2007), so that p . v_i is a sum over the history.
    """

    items: Vectors
    weighting: Weighting = field(default_factory=Weighting)

    def encode(self, entities: Sequence[Query]) -> Vectors:
        """(Q,) -> (Q, d)"""
        past = history_matrix(entities, len(self.items), self.weighting)
        used, place = np.unique(past.indices, return_inverse=True)
        shape = (len(entities), len(used))
        sums = sparse.csr_array((past.data.astype(np.float64), place, past.indptr), shape=shape) @ self.items[used]
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.where(norms > 0, norms, 1), np.float32)

    def evidence(self, query: Query, vector: Vectors) -> Evidence:
        """w_j v_j . v / |sum| of each history item j, for an item with the vector v (d,): the largest is the nearest
        thing that they liked."""
        past = history_matrix([query], len(self.items), self.weighting)
        near = self.items[past.indices].astype(np.float64)
        weights = past.data.astype(np.float64)
        norm = np.linalg.norm(weights @ near)
        amounts = weights * (near @ vector.astype(np.float64)) / (norm if norm > 0 else 1.0)
        return Evidence("content", past.indices.astype(np.int64), amounts)


@dataclass(frozen=True)
class ContentKNN:
    """The items nearest in content to what a person liked; needs no other people.

    vectors: the name of text vectors in the data (`encode_dataset`), or None. labels: the share of tags, creator and
    worded attributes (as idf-weighted cosine) in the likeness, 0..1; the rest is the text's.
    """

    vectors: str | None = "use"
    labels: float = 0.5
    weighting: Weighting = field(default_factory=Weighting)

    def __post_init__(self) -> None:
        if not 0 <= self.labels <= 1:
            raise InvalidInput("ContentKNN.labels", "a share in [0, 1]", repr(self.labels))
        if self.vectors is None and self.labels == 0:
            raise InvalidInput("ContentKNN", "text vectors or labels", "neither")

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedContentKNN:  # noqa: B008
        """Nothing is learned but how telling each label is."""
        if self.share < 1 and self.vectors not in data.vectors:
            hint = f"encode_dataset(data, encoder) gives them; there are {sorted(data.vectors)}."
            raise InvalidInput("ContentKNN.vectors", f"content vectors {self.vectors!r} in the data", "none", hint)
        text = data.vectors[str(self.vectors)] if self.share < 1 else np.zeros((len(data.items), 0), np.float32)
        items = list(records(data)) if self.share > 0 else []
        vocabulary = Vocabulary.learn(items, None, LABELS)
        words = vocabulary.read(items) if items else sparse.csr_array((len(data.items), 0), dtype=np.float32)
        return FittedContentKNN(self, side_by_side(text, words, self.share), vocabulary)

    @property
    def share(self) -> float:
        """What the labels count for, 0..1."""
        return 1.0 if self.vectors is None else self.labels


@dataclass(frozen=True, eq=False)
class FittedContentKNN(InductiveScores):
    """score_i = p . v_i with the ContentProfile p."""

    recipe: ContentKNN
    items: Vectors  # (I, d)
    vocabulary: Vocabulary = NO_LABELS  # of the last columns
    name: str = "content"

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.items)

    @property
    def profile(self) -> ContentProfile:
        """The person's side, over `items`."""
        return ContentProfile(self.items, self.recipe.weighting)

    def support(self) -> NDArray[np.float64]:
        """1 for an item that says something of itself, else 0, (I,): no people are asked."""
        return np.asarray(self.items.any(axis=1), np.float64)

    def factors(self) -> Vectors:
        """The vectors without rare labels, (I, d - r)."""
        rare = self._rare[0]
        return np.compress(~rare, self.items, axis=1) if rare.any() else self.items

    def encode(self, queries: Sequence[Query]) -> Vectors:
        """(Q,) -> (Q, d)"""
        return self.profile.encode(queries)

    def sides(self, queries: Sequence[Query], people: Vectors) -> tuple[Vectors, sparse.csr_array]:
        """The profile without rare labels; beside it the items that share one: what tells most is found by name, as no
        summary of the vectors holds it."""
        rare, bearers = self._rare
        shared = sparse.csr_array(sparse.csr_array(people[:, rare].astype(np.float64)) @ bearers)
        return np.compress(~rare, people, axis=1), shared

    @cached_property
    def _rare(self) -> tuple[Mask, sparse.csr_array]:
        """Which columns are labels that few items bear (d,), and who bears them (r, I)."""
        borne = np.count_nonzero(self.items, axis=0) <= RARE * self.n_items
        rare = borne & (self.items.min(axis=0, initial=0.0) >= 0)
        starts = range(0, max(1, self.n_items), BLOCK)
        blocks = [sparse.csr_array(self.items[start : start + BLOCK][:, rare], dtype=np.float64) for start in starts]
        return rare, sparse.csr_array(sparse.vstack(blocks).T)

    def scored(self, people: Vectors) -> Vectors:
        """(Q, d) -> (Q, I); in float64, block by block, before they are rounded, so that batches equal singles."""
        exact, found = people.astype(np.float64), np.empty((len(people), self.n_items), np.float32)
        for start in range(0, self.n_items, BLOCK):
            found[:, start : start + BLOCK] = exact @ self.items[start : start + BLOCK].astype(np.float64).T
        return found

    def contributions(self, query: Query, row: int) -> Evidence:
        """Which of their items it is near to; the amounts sum to the score."""
        return self.newer(query, "content") if row >= self.n_items else self.evidence(query, self.items[row])

    def encode_items(self, items: Sequence[Item], contents: Mapping[str, Vectors]) -> Vectors:
        """By their text and those of their labels that are known, (m, d)."""
        words, share = self.vocabulary.read(items), self.recipe.share
        blank = np.zeros((len(items), self.items.shape[1] - words.shape[1]), np.float32)
        text = contents.get(str(self.recipe.vectors), blank) if share < 1 else blank[:, :0]
        if text.shape[1] != blank.shape[1]:  # an older Regard did not keep what the columns of labels are
            return np.zeros((len(items), self.items.shape[1]), np.float32)
        return side_by_side(text, words, share)

    def evidence(self, query: Query, vector: Vectors) -> Evidence:
        """Which of their items it is near to."""
        return self.profile.evidence(query, vector)

    def artifact(self) -> Artifact:
        """The vectors, what their columns of labels are, and the recipe."""
        return Artifact("content-knn", asdict(self.recipe), {"items": self.items, **self.vocabulary.arrays()})

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedContentKNN:
        """The same model, bit for bit."""
        held = artifact.arrays
        words = Vocabulary.from_arrays(held) if "idf" in held else NO_LABELS  # an older Regard kept none
        return cls(recipe_from(ContentKNN, artifact.recipe), held["items"], words)
