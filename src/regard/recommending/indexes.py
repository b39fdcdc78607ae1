"""Indexes: the rows of a retriever as faiss holds them, and how they are searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import faiss
import numpy as np

from regard.data.int8 import LARGEST, Int8
from regard.domain.arrays import Array, Mask, Rows, Vectors

Kind = Literal["exact", "ivf", "hnsw"]
LEARN = 39  # rows that faiss wants for each inverted list
PRINCIPAL = 128  # columns that are scanned of more than twice as many: of 1,024 they hold four fifths of the squares
SAMPLE = 20_000  # rows from which they are learned
BLOCK = 8_192  # rows that are multiplied at once

_pinned: list[int] = []  # the newest of it holds


def pin_threads(threads: int = 1) -> None:
    """How many threads faiss may use in this process; serving calls it once (two pools on two cores: 3 -> 88 ms)."""
    _pinned[:] = [threads]
    faiss.omp_set_num_threads(threads)


def search(index: Any, queries: Vectors, k: int, mask: Mask | None = None) -> tuple[Vectors, Rows]:
    """(Q, d) -> scores and rows (Q, k) of a faiss index, best first, of what the mask (n,) allows; -1: no more rows."""
    for threads in _pinned:
        faiss.omp_set_num_threads(threads)  # OpenMP holds it for one thread alone, and any thread may search
    if mask is None:
        said, rows = index.search(queries, k)
    else:
        bits = np.packbits(mask[: index.ntotal], bitorder="little")
        among = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # its stub is that of C++
        said, rows = index.search(queries, k, params=faiss.SearchParameters(sel=among))  # type: ignore[call-arg]
    return said, rows


@dataclass(frozen=True, slots=True, eq=False)
class Int8Scan:
    """All rows at one byte a number, with a scale for each column that moves into the query: `search` as faiss has it.

    faiss takes queries to this quantiser as whole numbers too, so the query is rounded with a step of its own.
    """

    index: Any
    scale: Vectors  # (1, d), or (1, p) after a turn
    turn: Vectors | None = None  # (d, p): to the p principal columns; None: all columns are held

    @staticmethod
    def of(items: Vectors) -> Int8Scan:
        """The index of vectors (n, d)."""
        wide = items.shape[1] > 2 * PRINCIPAL
        turn = _principal(items[:: max(1, -(-len(items) // SAMPLE))]) if wide else None
        short = Int8.of(items if turn is None else items @ turn, per="column")
        kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
        index = faiss.IndexScalarQuantizer(short.values.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        index.add_sa_codes(short.values.view(np.uint8) ^ np.uint8(128))  # faiss keeps v + 128
        return Int8Scan(index, short.scale, turn)

    @property
    def ntotal(self) -> int:
        """How many rows are held."""
        return int(self.index.ntotal)

    def search(self, queries: Vectors, k: int, mask: Mask | None = None) -> tuple[Vectors, Rows]:
        """(Q, d) -> scores and rows (Q, k), best first, of those that the mask (n,) allows; the scores are those of
        what is held, and a row is -1 where there are no more."""
        folded = (queries if self.turn is None else queries @ self.turn) * self.scale
        step = np.abs(folded).max(axis=1, keepdims=True) / LARGEST
        step[step == 0] = 1.0
        said, rows = search(self.index, np.rint(folded / step).astype(np.float32), k, mask)
        return said * step, rows

    def products(self, queries: Vectors) -> Vectors:
        """(Q, d) -> the scores of what is held, (Q, n): for several queries one product costs less than their scans."""
        folded = np.asarray((queries if self.turn is None else queries @ self.turn) * self.scale, np.float32)
        codes = faiss.rev_swig_ptr(self.index.codes.data(), self.index.codes.size()).reshape(self.ntotal, self.index.d)
        found = products(folded, codes)
        found -= np.float32(128) * folded.sum(axis=1, keepdims=True)
        return found


def products(queries: Vectors, items: Array) -> Vectors:
    """(Q, d), (n, d) -> (Q, n) in float32; many rows first and in blocks, which BLAS does in half the time."""
    found = np.empty((len(queries), len(items)), np.float32)
    for start in range(0, len(items), BLOCK):
        found[:, start : start + BLOCK] = (np.asarray(items[start : start + BLOCK], np.float32) @ queries.T).T
    return found


def _principal(rows: Vectors) -> Vectors:
    """The directions (d, p) in which vectors (n, d) are longest: a product loses least there (Eckart & Young 1936)."""
    _, directions = np.linalg.eigh(rows.T @ rows)
    return np.ascontiguousarray(directions[:, : -PRINCIPAL - 1 : -1])


def build(items: Vectors, kind: Kind, effort: int | None) -> Any:
    """An index of vectors (n, d)."""
    n, width = items.shape
    if kind == "hnsw":
        index: Any = faiss.IndexHNSWFlat(width, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = effort or 512
        index.hnsw.efConstruction = 80
    elif kind == "ivf" and n > LEARN:
        lists = min(int(2 * n**0.5), n // LEARN)
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(width), width, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        index.nprobe = min(lists, effort or 128)
    else:
        return Int8Scan.of(items)
    rows = np.ascontiguousarray(items, np.float32)
    if n:
        index.train(rows)
        index.add(rows)
    return index
