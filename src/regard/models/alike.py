"""Who is like whom: term weights, shrunk cosine and the k nearest rows of a sparse matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Scores, kth_highest

Likeness = Literal["cosine", "tfidf", "bm25"]
K1, B = 1.2, 0.75  # the constants of BM25 (Robertson & Zaragoza 2009)
BLOCK_CELLS = 16_000_000  # products held at once, at most


@dataclass(frozen=True, eq=False)
class TermWeights:
    """How the cells of a (documents, terms) matrix count: as they are, by tf-idf (smoothed), or by BM25."""

    likeness: Likeness
    rarity: NDArray[np.float64]  # (terms,)
    length: float  # mean sum of a document

    @staticmethod
    def of(matrix: sparse.csr_array, likeness: Likeness) -> TermWeights:
        """Learned from `matrix` (documents n, terms)."""
        n, holders = matrix.shape[0], np.bincount(matrix.indices, minlength=matrix.shape[1])
        if likeness == "tfidf":
            rarity = np.log((1 + n) / (1 + holders)) + 1
        elif likeness == "bm25":
            rarity = np.log1p((n - holders + 0.5) / (holders + 0.5))
        else:
            rarity = np.ones(matrix.shape[1])
        return TermWeights(likeness, rarity, float(matrix.sum()) / max(1, n))

    def weigh(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """The same matrix (any documents, terms) in float64 with weighted cells."""
        data = matrix.data.astype(np.float64)
        if self.likeness == "bm25":
            length = matrix.sum(axis=1, dtype=np.float64) / (self.length or 1.0)
            damping = np.repeat(K1 * (1 - B + B * length), np.diff(matrix.indptr))
            data = data * (K1 + 1) / (damping + data)
        data *= self.rarity[matrix.indices]
        return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def norms(matrix: sparse.csr_array) -> Scores:
    """The length of each row, (n,)."""
    return np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), np.float64))


@dataclass(frozen=True, eq=False)
class Crowd:
    """The rows (n, m) that others are compared with, turned and measured once."""

    turned: sparse.csr_array  # (m, n)
    lengths: Scores  # (n,)
    shrinkage: float

    @staticmethod
    def of(rows: sparse.csr_array, shrinkage: float) -> Crowd:
        """The crowd of `rows` (n, m)."""
        return Crowd(rows.T.tocsr(), norms(rows), shrinkage)

    def likeness(self, others: sparse.csr_array) -> sparse.csr_array:
        """<a, b> / (|a| |b| + shrinkage) of each row a of `others` (p, m) with each b of the crowd, (p, n)."""
        alike = sparse.csr_array(others @ self.turned)
        alike.sort_indices()
        alike.data /= np.repeat(norms(others), np.diff(alike.indptr)) * self.lengths[alike.indices] + self.shrinkage
        return alike


def top(alike: sparse.csr_array, k: int, own: NDArray[np.integer]) -> sparse.csr_array:
    """The k highest cells of each row, equal ones by column, without the column `own` (rows,) (-1: none)."""
    kept = np.zeros(alike.nnz, np.bool_)
    for row, (start, end) in enumerate(zip(alike.indptr[:-1], alike.indptr[1:], strict=True)):
        cells = alike.data[start:end]
        others = np.flatnonzero((alike.indices[start:end] != own[row]) & (cells > 0))
        if len(others) > k:
            last = kth_highest(cells[others], k)
            above = others[cells[others] > last]
            others = np.concatenate([above, others[cells[others] == last][: k - len(above)]])
        kept[start + others] = True
    indptr = np.concatenate([[0], np.cumsum(kept)])[alike.indptr]
    return sparse.csr_array((alike.data[kept], alike.indices[kept], indptr), shape=alike.shape)


def nearest(
    matrix: sparse.csr_array, k: int, shrinkage: float, progress: Callable[[str, float], None]
) -> sparse.csr_array:
    """Row i holds the likeness of the k rows of `matrix` (n, m) most like row i, (n, n)."""
    n = matrix.shape[0]
    step = max(1, BLOCK_CELLS // max(1, n))
    crowd, blocks = Crowd.of(matrix, shrinkage), []
    for start in range(0, n, step):
        block = crowd.likeness(matrix[start : start + step])
        blocks.append(top(block, k, np.arange(start, start + block.shape[0])))
        progress("neighbours", min(1.0, (start + step) / n))
    return sparse.csr_array(sparse.vstack(blocks, format="csr")) if blocks else sparse.csr_array((n, n))
