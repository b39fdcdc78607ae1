"""Padding: sparse rows of weighted tokens (Fields) as two rectangular arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Padded: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]  # index and weight, (n, T) each


def padded(rows: sparse.csr_array) -> Padded:
    """A sparse matrix (n, F) as index and weight (n, T), T the most cells of a row, at least 1; F where there is none.

    >>> padded(sparse.csr_array([[0.0, 2.0], [0.0, 0.0]]))[0].tolist()
    [[1], [2]]
    """
    count = np.diff(rows.indptr)
    place = np.arange(max(1, int(count.max(initial=1))))
    there = place < count[:, None]
    if not rows.nnz:
        return np.full(there.shape, rows.shape[1], np.int64), np.zeros(there.shape, np.float32)
    cell = np.minimum(rows.indptr[:-1, None] + place, rows.nnz - 1)
    index = np.where(there, rows.indices[cell], rows.shape[1]).astype(np.int64)
    return index, np.where(there, rows.data[cell], 0).astype(np.float32)


def padded_row(rows: sparse.csr_array, place: int) -> Padded:
    """`padded` of one row alone, (1, T); slicing a sparse matrix takes as long as the rest of a request."""
    own = slice(*rows.indptr[place : place + 2])
    index, weight = rows.indices[own], rows.data[own]
    if not len(index):
        index, weight = np.array([rows.shape[1]]), np.zeros(1)
    return index.astype(np.int64)[None], weight.astype(np.float32)[None]
