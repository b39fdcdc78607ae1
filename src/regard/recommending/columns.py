"""Columns of the catalogue as the corridor reads them: arrays over item rows, or a call that gives today's array."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from regard.domain.arrays import Array, Rows, Vectors

Column: TypeAlias = Array | Callable[[], Array]  # (I, ...); a call, where the catalogue grows


def take(column: Column, rows: Rows, missing: float | bool) -> Array:
    """The values of `rows` (n,), (n, ...); `missing` for an item that is newer than the column.

    >>> take(np.array([3.0, 5.0]), np.array([1, 7]), missing=0.0).tolist()
    [5.0, 0.0]
    """
    values = column() if callable(column) else column
    known = (rows >= 0) & (rows < len(values))
    if known.all():
        return np.asarray(values[rows])
    taken = np.full((len(rows), *values.shape[1:]), missing, values.dtype)
    taken[known] = values[rows[known]]
    return taken


def directions(vectors: Column, rows: Rows) -> Vectors:
    """The vectors (n, d) of `rows` at length 1; zero, which is like nothing, where an item has none."""
    taken: Vectors = np.asarray(take(vectors, rows, missing=0.0), np.float32)  # a copy of our own
    length: Vectors = np.sqrt(np.einsum("nd,nd->n", taken, taken))
    length[length == 0] = 1.0
    taken /= length[:, None]
    return taken
