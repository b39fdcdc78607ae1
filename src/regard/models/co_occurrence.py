"""Co-occurrence of items (Gram matrices, plain and fading along a history) and their inverse, in place."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import blas, lapack
from threadpoolctl import ThreadpoolController

from regard.domain.errors import InvalidInput

Square = NDArray[np.float32]
BLOCK_CELLS = 16_000_000  # cells of the block that one product reads or writes: 64 MB
ROWS = 64  # events of one person whose pairs are weighed at once
SMALL = 4_000  # items; up to here one thread computes: on busy cores a second one made it 10 times slower


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def _threads(n_items: int) -> AbstractContextManager[object]:
    return _pools().limit(limits=1, user_api="blas") if n_items <= SMALL else nullcontext()


def gram(matrix: sparse.csr_array, square: Square | None = None) -> Square:
    """X'X of X (U, I), added to `square` if given: dense float32 (I, I) whose lower triangle holds.

    By whichever product is cheaper.
    Dense blocks cost U I^2 operations at ~1e11/s (BLAS syrk), the sparse product one per pair of a person's items
    at ~3e8/s, both measured on two cores.
    """
    n_users, n_items = matrix.shape
    pairs = float((np.diff(matrix.indptr).astype(np.float64) ** 2).sum())
    square = np.zeros((n_items, n_items), np.float32) if square is None else square
    step = max(1, BLOCK_CELLS // max(1, n_items))
    if pairs / 3e8 < n_users * float(n_items) ** 2 / 1e11:
        transposed = matrix.T.tocsr()
        for start in range(0, n_items, step):
            square[start : start + step] += (transposed[start : start + step] @ matrix).toarray()
        return square
    with _threads(n_items):
        for start in range(0, n_users, step):
            block = matrix[start : start + step].toarray()
            # square.T is Fortran's order, so BLAS works in place; its upper triangle is the lower one of `square`
            blas.ssyrk(1.0, block.T, beta=1.0, c=square.T, lower=0, overwrite_c=1)
    return square


def fading_gram(matrix: sparse.csr_array, places: sparse.csr_array, reach: float, share: float = 1.0) -> Square:
    """G_ij = sum_u x_ui x_uj (1 - share + share exp(-|place_ui - place_uj| / reach)), (I, I); its lower triangle holds.

    `places` (U, I) has the pattern of `matrix` (sorted columns). Items that stand close together in a history tell more
    about each other than items far apart: a soft session. The kernel is positive definite, so G is positive
    semi-definite. One operation per pair of a person's items.
    """
    n_items = matrix.shape[1]
    flat = np.zeros(n_items * n_items, np.float32)
    place = places.data.astype(np.float32) / np.float32(reach)
    log_share = np.log(np.float32(share)) if share else np.float32(-np.inf)
    items = matrix.indices.astype(np.int64)
    starts = items * n_items
    for begin, end in zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True):
        for top in range(begin, end, ROWS):  # blocks of rows, each up to its diagonal: half the pairs are enough
            rows, columns = slice(top, min(top + ROWS, end)), slice(begin, min(top + ROWS, end))
            pairs = np.abs(np.subtract.outer(place[rows], place[columns]))
            np.exp(np.subtract(log_share, pairs, out=pairs), out=pairs)
            pairs += np.float32(1 - share)
            pairs *= matrix.data[columns]
            pairs *= matrix.data[rows, None]
            np.add.at(flat, np.add.outer(starts[rows], items[columns]).ravel(), pairs.ravel())
    return flat.reshape(n_items, n_items)


def invert(square: Square) -> Square:
    """The inverse of a positive definite (n, n) from its lower triangle, in place, by Cholesky (potrf, potri)."""
    with _threads(len(square)):
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
