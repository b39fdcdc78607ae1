"""Padding: sparse rows of weighted tokens (Fields) as two rectangular arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def padded(rows: sparse.csr_array) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
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
