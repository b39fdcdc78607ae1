"""Tokens: an example as one sparse row: who, what, and each field of person, item and moment, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array, Rows
from regard.models.examples import SPARSE, Examples

PERSON, ITEM = 0, 1  # the sides of a meeting; the moment stands on the person's
SIDES = {"people": PERSON, "items": ITEM, "context": PERSON}
UNKNOWN_TOKEN = 0  # the first token of an identity field: somebody, or something, that train has hardly met
OFTEN = 2  # examples from which on somebody is known: by one alone, its answer would be learned by heart


@dataclass(frozen=True, eq=False)
class Tokens:
    """Which of T tokens stands for what; K fields, the tokens of each side by side.

    `people` (U + 1,) and `items` (I + 1,) give the identity token of each row, UNKNOWN_TOKEN where train has hardly
    met it, and in the last place; empty where identities do not count. They are the first two fields. `place` (F,)
    gives the token of each column of the sparse parts, one part after another.
    """

    people: Rows
    items: Rows
    place: Rows
    field: Rows  # (T,), ascending
    side: Rows  # (K,): PERSON or ITEM

    @staticmethod
    def learn(examples: Examples, ids: bool = True) -> Tokens:
        """From train examples; a sparse part without `groups` is one field."""
        own = [_met(examples.person), _met(examples.item)] if ids else [np.empty(0, np.int64)] * 2
        widths = [int(one.max(initial=0)) + 1 for one in own if len(one)]
        field = list(np.repeat(np.arange(len(widths)), widths))
        side, places = [PERSON, ITEM][: len(widths)], [np.empty(0, np.int64)]
        for part in SPARSE:
            width = getattr(examples, part).shape[1]
            _, group = np.unique(examples.groups.get(part, np.zeros(width, np.int64)), return_inverse=True)
            order = np.argsort(group, kind="stable")
            place = np.empty(width, np.int64)
            place[order] = len(field) + np.arange(width)
            field += list(len(side) + group[order])
            side += [SIDES[part]] * (int(group.max(initial=-1)) + 1)
            places.append(place)
        people, items = own
        return Tokens(people, items, np.concatenate(places), np.array(field, np.int64), np.array(side, np.int64))

    @property
    def width(self) -> int:
        """T."""
        return len(self.field)

    @property
    def ids(self) -> bool:
        """Whether identities count."""
        return len(self.people) > 0

    def read(self, examples: Examples) -> sparse.csr_array:
        """(n,) -> (n, T) float32, the tokens of a row in ascending order."""
        n = len(examples)
        parts = [getattr(examples, name) for name in SPARSE]
        if self.ids:
            first = int(np.searchsorted(self.field, 1))  # tokens of people
            who, what = _token(self.people, examples.person), first + _token(self.items, examples.item)
            alone, ends, shape = np.ones(n, np.float32), np.arange(n + 1), (n, self.width)
            parts = [sparse.csr_array((alone, one, ends), shape=shape) for one in (who, what)] + parts
        counts = np.stack([np.diff(part.indptr) for part in parts])  # (parts, n)
        starts = np.cumsum(counts.T.ravel()).reshape(n, len(parts)).T - counts  # where each part of each row begins
        indices, data = np.empty(int(counts.sum()), np.int64), np.empty(int(counts.sum()), np.float32)
        column = 0
        for place, part in enumerate(parts):
            at = np.repeat(starts[place] - part.indptr[:-1], counts[place]) + np.arange(part.nnz)
            identity = self.ids and place < 2
            indices[at] = part.indices if identity else self.place[column + part.indices]
            data[at] = part.data
            column += 0 if identity else part.shape[1]
        rows = sparse.csr_array((data, indices, np.r_[0, np.cumsum(counts.sum(axis=0))]), shape=(n, self.width))
        rows.sort_indices()
        return rows

    def bags(self, rows: sparse.csr_array) -> sparse.csr_array:
        """The same cells with one row per example and field, (n, T) -> (n K, T)."""
        n, fields = rows.shape[0], len(self.side)
        bag = np.repeat(np.arange(n), np.diff(rows.indptr)) * fields + self.field[rows.indices]
        indptr = np.r_[0, np.cumsum(np.bincount(bag, minlength=n * fields))]
        return sparse.csr_array((rows.data, rows.indices, indptr), shape=(n * fields, self.width))

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps it."""
        return {f"tokens.{name}": getattr(self, name) for name in ("people", "items", "place", "field", "side")}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Tokens:
        """As it was."""
        return Tokens(*(arrays[f"tokens.{name}"] for name in ("people", "items", "place", "field", "side")))


def _met(rows: Rows) -> Rows:
    """A token from 1 for each row that stands OFTEN in `rows`, UNKNOWN_TOKEN for others and at the end."""
    known, counts = np.unique(rows[rows >= 0], return_counts=True)
    tokens = np.full(int(known.max(initial=-1)) + 2, UNKNOWN_TOKEN, np.int64)
    known = known[counts >= OFTEN]
    tokens[known] = 1 + np.arange(len(known))
    return tokens


def _token(tokens: Rows, rows: NDArray[np.integer]) -> Rows:
    """The identity token of each row; of an unknown one (-1, or newer) the last place's."""
    return tokens[np.where((rows >= 0) & (rows < len(tokens)), rows, -1)]
