"""How alike two items are by what they say of themselves: one kernel over labels, numbers, dates and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact, sparse_arrays, sparse_matrix
from regard.domain.arrays import Array, Vectors
from regard.domain.errors import InvalidInput
from regard.domain.records import Item
from regard.domain.weights import DAY
from regard.models.content import Vocabulary, unit

LABELS = 5_000  # the most frequent labels that are kept
FORMATS = ("%d-%b-%Y", "%Y/%m/%d", "%d.%m.%Y")  # of dates that are not ISO 8601
Reach = tuple[str, float]  # an attribute, and the distance at which likeness falls to 1/e
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Content:
    """n items as read: labels (n, L) and text (n, t) at length 1, numbers (n, m), `near` (n, q) with NaN for unsaid."""

    labels: sparse.csr_array
    numbers: Matrix
    near: Matrix
    text: Vectors

    def where(self, rows: NDArray[np.integer]) -> Content:
        """The items of `rows`."""
        return Content(self.labels[rows], self.numbers[rows], self.near[rows], self.text[rows])

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps it."""
        rest: dict[str, Array] = {"numbers": self.numbers, "near": self.near, "text": self.text}
        return {**rest, **sparse_arrays("rows", self.labels)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Content:
        """As it was."""
        return Content(sparse_matrix("rows", arrays), arrays["numbers"], arrays["near"], arrays["text"])


@dataclass(frozen=True, eq=False)
class ContentKernel:
    """The likeness of a and b: labels that count less as numbers differ, plus nearness of dates, plus text.

    k(a, b) = cos(labels) * prod exp(-|number difference| / reach) + sum exp(-|near difference| / reach)
    + text * ((1 + cos(text)) / 2) ** 4. Each term is a kernel, so the sum is positive semi-definite.
    The vocabulary, its idf and the `middle` (m,) that stands in for an unsaid number are learned from known items. An
    unsaid `near`, and an item without text, add nothing. Where nobody bears labels, the numbers stand alone.
    """

    vocabulary: Vocabulary
    numbers: tuple[Reach, ...]
    near: tuple[Reach, ...]
    middle: Matrix
    text: float

    @staticmethod
    def learn(
        items: Sequence[Item],
        labels: Sequence[str] | None,
        numbers: Sequence[Reach],
        near: Sequence[Reach],
        text: float,
    ) -> ContentKernel:
        """From known items; attributes that none of them has are left out."""
        read = {name: _numbers(items, name) for name, _ in (*numbers, *near)}
        said = {name for name, column in read.items() if np.isfinite(column).any()}
        spoken = tuple((name, reach) for name, reach in numbers if name in said)
        middle = np.array([np.nanmedian(read[name]) for name, _ in spoken])
        measured = set(read)
        fields = {f for i in items for f in i.attributes} | {"tags", "creator"} if labels is None else set(labels)
        vocabulary = Vocabulary.learn(items, sorted(fields - measured), LABELS)
        dates = tuple((name, reach) for name, reach in near if name in said)
        return ContentKernel(vocabulary, spoken, dates, middle, text)

    def read(self, items: Sequence[Item], text: Vectors) -> Content:
        """What items and their text vectors (n, t) say."""
        numbers = np.array([_numbers(items, name) for name, _ in self.numbers]).reshape(len(self.numbers), len(items)).T
        near = np.array([_numbers(items, name) for name, _ in self.near]).reshape(len(self.near), len(items)).T
        numbers = np.where(np.isfinite(numbers), numbers, self.middle)
        return Content(self.vocabulary.read(items), numbers, near, unit(text))

    def likeness(self, left: Content, right: Content) -> Matrix:
        """(n, m) for n and m items."""
        shape = (left.labels.shape[0], right.labels.shape[0])
        if len(self.vocabulary.labels):
            found = (left.labels @ right.labels.T).toarray().astype(np.float64)
        else:
            found = np.full(shape, 1.0 if self.numbers else 0.0)
        for column, (_, reach) in enumerate(self.numbers):
            found *= _fading(left.numbers[:, column], right.numbers[:, column], reach)
        for column, (_, reach) in enumerate(self.near):
            found += np.nan_to_num(_fading(left.near[:, column], right.near[:, column], reach))
        if self.text and left.text.shape[1]:
            cosine = (left.text @ right.text.T).astype(np.float64)
            worded = np.outer(left.text.any(axis=1), right.text.any(axis=1))
            found += self.text * worded * ((1 + cosine) / 2) ** 4
        return np.asarray(found)

    def artifact(self, known: Content) -> Artifact:
        """As it is kept, with the content of the items it was learned from."""
        recipe = {"numbers": self.numbers, "near": self.near, "text": self.text}
        return Artifact("content-kernel", recipe, {"middle": self.middle, **self.vocabulary.arrays(), **known.arrays()})

    @staticmethod
    def from_artifact(artifact: Artifact) -> tuple[ContentKernel, Content]:
        """As it was."""
        recipe, arrays = artifact.recipe, artifact.arrays
        numbers, near = (tuple((str(n), float(r)) for n, r in recipe[field]) for field in ("numbers", "near"))
        words = Vocabulary.from_arrays(arrays)
        kernel = ContentKernel(words, numbers, near, arrays["middle"], float(recipe["text"]))
        return kernel, Content.from_arrays(arrays)


def check_reaches(where: str, reaches: Sequence[Reach]) -> None:
    """Raise InvalidInput unless each reach is a distance > 0."""
    for name, reach in reaches:
        if not reach > 0:
            raise InvalidInput(where, "a distance > 0 for each attribute", f"{name}: {reach}")


def _fading(left: Matrix, right: Matrix, reach: float) -> Matrix:
    return np.asarray(np.exp(-np.abs(left[:, None] - right[None]) / reach))


def _numbers(items: Sequence[Item], name: str) -> Matrix:
    """An attribute as numbers, NaN where it is not said; dates (and `valid_from`) as days."""
    if name == "valid_from":
        return np.array([np.nan if item.valid_from is None else item.valid_from / DAY for item in items], np.float64)
    return np.array([_number(item.attributes.get(name)) for item in items], np.float64)


def _number(value: object) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, str):
        return np.nan
    for pattern in (None, *FORMATS):
        try:
            moment = datetime.fromisoformat(value) if pattern is None else datetime.strptime(value, pattern)
        except ValueError:
            continue
        return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds() / DAY
    return np.nan
