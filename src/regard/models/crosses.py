"""Crosses: how much better an action goes where a word of a person or a moment meets a word of an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array
from regard.models.examples import Examples

Side = Literal["people", "context"]
SIDES: tuple[Side, ...] = ("people", "context")
NAMES = ("person with item", "moment with item")
MOST = 200  # words of a side that are crossed, the most frequent ones
LENT = 50.0  # examples without any lift that each pair of words is lent
FOLDS = 5  # parts of the people: the examples of each are told what the others' show


@dataclass(frozen=True, eq=False)
class Crosses:
    """lift_ci = sum over examples with both (y - m_ci) / (n_ci + LENT), m_ci = mean_c + mean_i - mean.

    A tree splits one word at a time, and where a preference turns round with the moment (songs on the phone, talks at
    the desk) neither word alone promises anything. So each side's lifts, summed over the example's pairs of words,
    stand in a column of their own: the second-order term of a factorization machine (Rendle 2010), in closed form.
    """

    words: Mapping[str, NDArray[np.int64]]  # of "people", "context", "items": which columns are words that count
    lifts: Mapping[Side, NDArray[np.float32]]  # (F of the side's words, F of the items' words)

    @staticmethod
    def learn(examples: Examples, labels: Array, at_least: int) -> tuple[Crosses, NDArray[np.float32]]:
        """From labels (n,) without NaN; and each example's columns as people of other folds see it, (n, 2)."""
        words = {name: _frequent(getattr(examples, name), at_least) for name in (*SIDES, "items")}
        fold = np.unique(examples.person, return_inverse=True)[1] % FOLDS
        lifts: dict[Side, NDArray[np.float32]] = {}
        columns = np.zeros((len(examples), len(SIDES)), np.float32)
        items = _only(examples.items, words["items"])
        for place, side in enumerate(SIDES):
            own = _only(getattr(examples, side), words[side])
            parts = [_sums(own[fold == f], items[fold == f], labels[fold == f]) for f in range(FOLDS)]
            whole = sum(parts[1:], start=parts[0])
            lifts[side] = whole.lift()
            for f, part in enumerate(parts):
                columns[fold == f, place] = _met(own[fold == f], (whole - part).lift(), items[fold == f])
        return Crosses(words, lifts), columns

    def columns(self, examples: Examples) -> NDArray[np.float32]:
        """The sum of lifts of each side, (n, 2)."""
        items = _only(examples.items, self.words["items"])
        met = [_met(_only(getattr(examples, side), self.words[side]), self.lifts[side], items) for side in SIDES]
        return np.stack(met, axis=1)

    def shares(self, examples: Examples, side: Side) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """What each word of a side adds to its column: which columns of the side they are, and amounts (n, F)."""
        items, own = (_only(getattr(examples, name), self.words[name]) for name in ("items", side))
        return self.words[side], np.asarray(own.toarray() * (items @ self.lifts[side].T))

    def arrays(self, prefix: str) -> dict[str, Array]:
        """As an artifact keeps it."""
        return {
            **{f"{prefix}.{name}": words for name, words in self.words.items()},
            **{f"{prefix}.{side} lift": lift for side, lift in self.lifts.items()},
        }

    @staticmethod
    def from_arrays(prefix: str, arrays: Mapping[str, Array]) -> Crosses:
        """As it was."""
        words = {name: arrays[f"{prefix}.{name}"] for name in (*SIDES, "items")}
        return Crosses(words, {side: arrays[f"{prefix}.{side} lift"] for side in SIDES})


@dataclass(frozen=True, eq=False)
class _Sums:
    """Over pairs of words: examples and labels; over each word: the same; over all."""

    pairs: NDArray[np.float64]  # (2, Fs, Fi): examples, labels
    own: NDArray[np.float64]  # (2, Fs)
    items: NDArray[np.float64]  # (2, Fi)
    all: NDArray[np.float64]  # (2,)

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.pairs + other.pairs, self.own + other.own, self.items + other.items, self.all + other.all)

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(self.pairs - other.pairs, self.own - other.own, self.items - other.items, self.all - other.all)

    def lift(self) -> NDArray[np.float32]:
        mean = self.all[1] / max(self.all[0], 1.0)
        own, items = ((one[1] + mean * LENT) / (one[0] + LENT) for one in (self.own, self.items))
        expected = own[:, None] + items[None, :] - mean
        return np.asarray((self.pairs[1] - self.pairs[0] * expected) / (self.pairs[0] + LENT), np.float32)


def _sums(own: sparse.csr_array, items: sparse.csr_array, labels: Array) -> _Sums:
    y = np.asarray(labels, np.float64)
    ones = np.ones(len(y))
    pairs = [(own.T @ items.multiply(w[:, None]).tocsr()).toarray() for w in (ones, y)]
    of_own, of_items = (np.stack([block.T @ ones, block.T @ y]) for block in (own, items))
    return _Sums(np.stack(pairs).astype(np.float64), of_own, of_items, np.array([ones.sum(), y.sum()]))


def _met(own: sparse.csr_array, lift: NDArray[np.float32], items: sparse.csr_array) -> NDArray[np.float32]:
    """sum over pairs of words of own_c lift_ci item_i, (n,); each row by itself."""
    row = np.repeat(np.arange(items.shape[0]), np.diff(items.indptr))
    amounts = (own @ lift)[row, items.indices] * items.data
    return np.bincount(row, amounts, items.shape[0]).astype(np.float32)


def _only(block: sparse.csr_array, columns: NDArray[np.int64]) -> sparse.csr_array:
    """`block[:, columns]`, for ascending columns, without scipy's detours."""
    place = np.full(block.shape[1], -1, np.int64)
    place[columns] = np.arange(len(columns))
    kept = place[block.indices] >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[block.indptr]
    return sparse.csr_array((block.data[kept], place[block.indices[kept]], indptr), (block.shape[0], len(columns)))


def _frequent(block: sparse.csr_array, at_least: int) -> NDArray[np.int64]:
    """The columns of words (never negative) that enough examples bear, the MOST most frequent."""
    counts = np.bincount(block.indices, minlength=block.shape[1])
    negative = np.bincount(block.indices, block.data < 0, block.shape[1]) > 0
    counts[negative | (counts < at_least)] = 0
    chosen = np.argsort(-counts, kind="stable")[: min(MOST, int((counts > 0).sum()))]
    return np.sort(chosen)
