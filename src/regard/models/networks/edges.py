"""Edges: who met what, in batches drawn anew each epoch; what a graph network learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EdgeBatch:
    """n edges of the graph: rows of the people's side, items, and the edges' own entries of the matrix, all (n,)."""

    person: Codes
    item: Codes
    share: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Edges:
    """Every edge of a person with another one beside it teaches once an epoch.

    A person's only item cannot be told from their past, since it is all of it. person, item, share: see EdgeBatch.
    size: edges of one batch. learner: what learns from them, as part of the identity.
    """

    person: Codes
    item: Codes
    share: NDArray[np.float32]
    size: int
    learner: str = ""

    @staticmethod
    def of(normal: sparse.csr_array, people: int, size: int, learner: str) -> Edges:
        """The edges of the first `people` rows of `normal` (N, I)."""
        degrees = np.diff(normal.indptr)[:people]
        ends = slice(0, normal.indptr[people])
        person = np.repeat(np.arange(people), degrees)
        teaches = degrees[person] > 1
        item, share = normal.indices[ends].astype(np.int64), normal.data[ends].astype(np.float32)
        return Edges(person[teaches], item[teaches], share[teaches], size, learner)

    @cached_property
    def identity(self) -> str:
        """The hash of the edges, of how many make a batch, and of who learns."""
        whole = hashlib.sha256(f"{self.size} {self.learner}".encode())
        for column in (self.person, self.item, self.share):
            whole.update(np.ascontiguousarray(column).tobytes())
        return whole.hexdigest()

    def __len__(self) -> int:
        return -(-len(self.item) // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[EdgeBatch]:
        """All edges, shuffled."""
        order = rng.permutation(len(self.item))
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            yield EdgeBatch(self.person[chosen], self.item[chosen], self.share[chosen])
