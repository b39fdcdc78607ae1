"""Content as numbers: labels, a smooth basis of each numeric attribute, and text, scaled on known items only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Vectors
from regard.domain.errors import InvalidInput
from regard.domain.records import Item
from regard.models.content import Vocabulary, unit

KNOTS = 16  # bumps a numeric attribute is read through, at its quantiles
LABELS = 2_000  # the most frequent labels that are kept


@dataclass(frozen=True, eq=False)
class ContentFeatures:
    """What was learned of the known items' content: the vocabulary, and middle, knots and widths of each number."""

    vocabulary: Vocabulary
    numbers: tuple[str, ...]
    middle: NDArray[np.float64]  # (m,): medians, for items that do not say
    knots: NDArray[np.float64]  # (m, KNOTS); NaN where a number has fewer distinct quantiles
    widths: NDArray[np.float64]  # (m, KNOTS)
    text: int  # the width of the text vectors

    @staticmethod
    def learn(
        items: Sequence[Item], text: Vectors, labels: Sequence[str] | None, numbers: Sequence[str]
    ) -> ContentFeatures:
        """From known items and their text vectors (n, t); numbers that nobody has are left out."""
        values = {name: _number(items, name) for name in numbers}
        present = tuple(name for name, column in values.items() if np.isfinite(column).any())
        bases = [_basis(values[name]) for name in present]
        middle = np.array([np.nanmedian(values[name]) for name in present])
        knots = np.array([knots for knots, _ in bases]).reshape(len(present), KNOTS)
        widths = np.array([widths for _, widths in bases]).reshape(len(present), KNOTS)
        vocabulary = Vocabulary.learn(items, labels, LABELS)
        learned = ContentFeatures(vocabulary, present, middle, knots, widths, text.shape[1])
        if learned.width == 0:
            hint = "Give items tags, a year or another number, or text vectors (encode_dataset)."
            raise InvalidInput("ContentFeatures", "labels, numbers or text vectors", "none of them", hint)
        return learned

    @property
    def width(self) -> int:
        """F, how many columns `read` gives."""
        return len(self.vocabulary.labels) + self.knots.size + self.text

    def read(self, items: Sequence[Item], text: Vectors) -> NDArray[np.float64]:
        """Labels, numbers, text side by side, (n, F): labels and text at length 1, a number as bumps at its knots."""
        blocks = [self.vocabulary.read(items, by_idf=False).toarray().astype(np.float64)]
        for column, name in enumerate(self.numbers):
            value = _number(items, name)
            value = np.where(np.isfinite(value), value, self.middle[column])
            bumps = np.exp(-0.5 * ((value[:, None] - self.knots[column]) / self.widths[column]) ** 2)
            blocks.append(np.nan_to_num(bumps))
        return np.concatenate([*blocks, unit(text).astype(np.float64)], axis=1)

    def artifact(self) -> Artifact:
        """As it is kept."""
        arrays = {"middle": self.middle, "knots": self.knots, "widths": self.widths, **self.vocabulary.arrays()}
        return Artifact("content-features", {"numbers": list(self.numbers), "text": self.text}, arrays)

    @staticmethod
    def from_artifact(artifact: Artifact) -> ContentFeatures:
        """As it was."""
        a, recipe = artifact.arrays, artifact.recipe
        words = Vocabulary.from_arrays(a)
        return ContentFeatures(words, tuple(recipe["numbers"]), a["middle"], a["knots"], a["widths"], recipe["text"])


def _number(items: Sequence[Item], name: str) -> NDArray[np.float64]:
    said = [item.attributes.get(name) for item in items]
    return np.array([float(v) if isinstance(v, (int, float)) else np.nan for v in said])


def _basis(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Knots at quantiles, as wide as the gaps between them (at least 1/20 of the deviation), padded by NaN."""
    held = values[np.isfinite(values)]
    found = np.unique(np.quantile(held, np.linspace(0, 1, KNOTS)))
    gaps = np.gradient(found) if len(found) > 1 else np.ones(1)
    widths = np.maximum(gaps, max(held.std() / 20, 1e-9))
    pad = np.full(KNOTS - len(found), np.nan)
    return np.r_[found, pad], np.r_[widths, np.ones(len(pad))]
