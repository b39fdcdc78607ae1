"""Meetings: examples as the arrays that the joint network takes, and their batches while it learns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array, Rows
from regard.models.examples import Examples
from regard.models.tokens import ITEM, UNKNOWN_TOKEN, Tokens

Person = Literal["fields", "gru", "attention"]  # what reads a person
Content = Literal["fields", "vectors", "convolution"]  # what reads an item
Meeting = Literal["dot", "cosine", "bilinear", "mlp", "attention", "cross"]  # how both meet
FURTHEST = 4.0  # deviations from the mean beyond which a number goes no further


@dataclass(frozen=True, eq=False)
class Given:
    """n examples as arrays; `item` and `past` point into tables of I + 1 rows, the last of them for what is unknown."""

    rows: sparse.csr_array  # (n, T)
    numbers: NDArray[np.float32]  # (n, 2f): in deviations from the mean, then 1 where missing
    item: Rows  # (n,)
    past: NDArray[np.int64]  # (n, h)
    actions: NDArray[np.int64]  # (n, h): from 1; 0 not known
    there: NDArray[np.float32]  # (n, h)

    def take(self, chosen: NDArray[np.integer] | slice) -> Given:
        """Some of them."""
        return Given(*(getattr(self, f.name)[chosen] for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Inputs:
    """How examples are read: tokens, mean and deviation of each number (f,), the window h, I, types of actions.

    A number that is the same in all of train has an infinite deviation: it says nothing.
    """

    tokens: Tokens
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    window: int
    n_items: int
    types: int

    @staticmethod
    def learn(examples: Examples, ids: bool, window: int, n_items: int) -> Inputs:
        """From train examples; where none of them has a past, nobody's past counts."""
        numbers = examples.columns.astype(np.float64)
        known = np.isfinite(numbers)
        n = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, numbers, 0.0).sum(axis=0) / n
        scale = np.sqrt((np.where(known, numbers - centre, 0.0) ** 2).sum(axis=0) / n)
        window = _depth(examples.history[:, max(0, examples.history.shape[1] - window) :])
        types = int(examples.actions.max(initial=-1)) + 1
        return Inputs(
            Tokens.learn(examples, ids), centre, np.where(scale > 1e-9, scale, np.inf), window, n_items, types
        )

    def read(self, examples: Examples) -> Given:
        """(n,) -> (n,)"""
        numbers = examples.columns.astype(np.float64)
        missing = ~np.isfinite(numbers)
        far = np.where(missing, 0.0, np.clip((numbers - self.centre) / self.scale, -FURTHEST, FURTHEST))
        history, actions = (_right(one, self.window) for one in (examples.history, examples.actions))
        return Given(
            self.tokens.read(examples),
            np.concatenate([far, missing], axis=1).astype(np.float32),
            _known(examples.item, self.n_items),
            _known(history, self.n_items),
            np.where((actions >= 0) & (actions < self.types), actions + 1, 0),
            (history >= 0).astype(np.float32),
        )

    @cached_property
    def identities(self) -> Rows:
        """The identity token of each item and, last, of an unknown one, (I + 1,); all -1 where they do not count."""
        if not self.tokens.ids:
            return np.full(self.n_items + 1, -1, np.int64)
        first = int(np.searchsorted(self.tokens.field, ITEM))
        found = np.full(self.n_items + 1, first + UNKNOWN_TOKEN, np.int64)
        n = min(self.n_items, len(self.tokens.items) - 1)
        found[:n] = first + self.tokens.items[:n]
        return found

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps it."""
        sizes = np.array([self.window, self.n_items, self.types], np.int64)
        return {**self.tokens.arrays(), "centre": self.centre, "scale": self.scale, "sizes": sizes}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Inputs:
        """As it was."""
        return Inputs(Tokens.from_arrays(arrays), arrays["centre"], arrays["scale"], *(int(n) for n in arrays["sizes"]))


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step sees: the examples, their cells as bags of K fields each, and labels (n, A)."""

    given: Given
    bags: Rows  # (n K,): where each bag begins
    labels: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Meetings:
    """Every example once an epoch, `size` at a time, in another order each time.

    `forgetting` is the share of examples whose person, and that of those whose item, stays unknown: so the network
    learns what to say of those whom it will not know. table: what items contain, as part of the identity.
    """

    inputs: Inputs
    given: Given
    labels: NDArray[np.float32]
    size: int
    forgetting: float
    learner: str = ""
    table: Array | None = None  # (I + 1, w)

    @cached_property
    def identity(self) -> str:
        """A hash of examples, labels, content and what learns from them."""
        rows = self.given.rows
        told = [rows.indptr, rows.indices, rows.data, self.labels]
        told += [getattr(self.given, f.name) for f in fields(Given) if f.name != "rows"]
        told += [] if self.table is None else [self.table]
        hashed = hashlib.sha256(f"{self.learner} {self.size} {self.forgetting}".encode())
        for array in told:
            hashed.update(np.ascontiguousarray(array).tobytes())
        return hashed.hexdigest()

    def __len__(self) -> int:
        return -(-len(self.labels) // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Batches of one epoch."""
        order = rng.permutation(len(self.labels))
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            yield self._batch(self._forgotten(self.given.take(chosen), rng), self.labels[chosen])

    def all(self) -> Iterator[Batch]:
        """Batches in order, nobody forgotten."""
        for start in range(0, len(self.labels), self.size):
            part = slice(start, start + self.size)
            yield self._batch(self.given.take(part), self.labels[part])

    def _batch(self, given: Given, labels: NDArray[np.float32]) -> Batch:
        return Batch(given, self.inputs.tokens.bags(given.rows).indptr[:-1].astype(np.int64), labels)

    def _forgotten(self, given: Given, rng: np.random.Generator) -> Given:
        if self.inputs.tokens.ids and self.forgetting:
            for side in (0, 1):  # the first two cells of a row are its identities
                lost = rng.random(len(given.item)) < self.forgetting
                unknown = int(np.searchsorted(self.inputs.tokens.field, side)) + UNKNOWN_TOKEN
                given.rows.indices[given.rows.indptr[:-1][lost] + side] = unknown
        return given


def _depth(history: NDArray[np.integer]) -> int:
    """How many of the last columns (n, h) hold an item anywhere."""
    held = np.flatnonzero((history >= 0).any(axis=0))
    return history.shape[1] - int(held[0]) if len(held) else 0


def _right(rows: NDArray[np.integer], window: int) -> NDArray[np.int64]:
    """The last `window` columns, filled with -1 on the left; one column of -1 at least."""
    kept = rows[:, max(0, rows.shape[1] - window) :] if window else rows[:, :0]
    wide = max(1, window)
    return np.concatenate([np.full((len(rows), wide - kept.shape[1]), -1, np.int64), kept], axis=1).astype(np.int64)


def _known(rows: NDArray[np.integer], n_items: int) -> NDArray[np.int64]:
    return np.where((rows >= 0) & (rows < n_items), rows, n_items)


def newest(at: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """The newest `share` of the examples, those of one moment drawn by a fixed order; nobody among too few."""
    n = len(at)
    order = np.lexsort((np.random.default_rng(0).permutation(n), at))
    held = np.zeros(n, np.bool_)
    held[order[n - int(share * n) :]] = n >= 10
    return held
