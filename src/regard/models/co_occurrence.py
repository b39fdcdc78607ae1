"""Co-occurrence of items (Gram matrices, plain and fading along a history) and their inverse, in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import blas, lapack

from regard.domain.errors import InvalidInput

Square = NDArray[np.float32]
BLOCK_CELLS = 16_000_000  # cells of the block that one product reads or writes: 64 MB


def gram(matrix: sparse.csr_array) -> Square:
    """X'X of X (U, I) as a dense float32 (I, I) whose lower triangle holds; by whichever product is cheaper.

    Dense blocks cost U I^2 operations at ~1e11/s (BLAS syrk), the sparse product one per pair of a person's items
    at ~3e8/s, both measured on two cores.
    """
    n_users, n_items = matrix.shape
    pairs = float((np.diff(matrix.indptr).astype(np.float64) ** 2).sum())
    square = np.zeros((n_items, n_items), np.float32)
    step = max(1, BLOCK_CELLS // max(1, n_items))
    if pairs / 3e8 < n_users * float(n_items) ** 2 / 1e11:
        transposed = matrix.T.tocsr()
        for start in range(0, n_items, step):
            square[start : start + step] = (transposed[start : start + step] @ matrix).toarray()
        return square
    for start in range(0, n_users, step):
        block = matrix[start : start + step].toarray()
        # square.T is Fortran's order, so BLAS works in place; its upper triangle is the lower one of `square`
        blas.ssyrk(1.0, block.T, beta=1.0, c=square.T, lower=0, overwrite_c=1)
    return square


def fading_gram(matrix: sparse.csr_array, places: sparse.csr_array, reach: float) -> Square:
    """G_ij = sum_u x_ui x_uj exp(-|place_ui - place_uj| / reach), (I, I); `places` (U, I) has the pattern of `matrix`.

    Items that stand close together in a history tell more about each other than items far apart: a soft session. The
    kernel is positive definite, so G is positive semi-definite. One operation per pair of a person's items.
    """
    n_items = matrix.shape[1]
    flat = np.zeros(n_items * n_items, np.float32)
    place = places.data.astype(np.float32) / np.float32(reach)
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        items, worth, at = matrix.indices[start:end].astype(np.int64), matrix.data[start:end], place[start:end]
        pairs = np.exp(-np.abs(np.subtract.outer(at, at)))
        pairs *= worth
        pairs *= worth[:, None]
        flat[np.add.outer(items * n_items, items).ravel()] += pairs.ravel()  # each cell once: a person's items differ
    return flat.reshape(n_items, n_items)


def invert(square: Square) -> Square:
    """The inverse of a positive definite (n, n) from its lower triangle, in place, by Cholesky (potrf, potri)."""
    factor, failed = lapack.spotrf(square.T, lower=0, clean=0, overwrite_a=1)
    if not failed:
        factor, failed = lapack.spotri(factor, lower=0, overwrite_c=1)
    if failed:
        raise InvalidInput("ridge", "one that makes X'X + l2 I positive definite", "a smaller one", "Raise l2.")
    inverse: Square = np.asarray(factor.T)
    for start in range(0, len(inverse), 1024):  # mirror the lower triangle, block by block
        end = start + 1024
        inverse[start:end, end:] = inverse[end:, start:end].T
        corner = np.tril(inverse[start:end, start:end])
        inverse[start:end, start:end] = corner + np.tril(corner, -1).T
    return inverse
