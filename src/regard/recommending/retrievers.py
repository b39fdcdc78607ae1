"""Who proposes: nearest neighbours between any two encoders, and lists that somebody wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np

from regard.domain.arrays import Mask, Rows, Scores, Vectors, check_finite, check_shape, kth_highest
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Encoder
from regard.domain.request import NO_ROWS, Query
from regard.recommending.indexes import Int8Scan, Kind, build, products, search

Masks: TypeAlias = Sequence[Mask | None] | None  # what each request's own filter lets through
Found: TypeAlias = tuple[Rows, Vectors]  # rows (n,) of an index and their float32 scores (n,)
Look: TypeAlias = Callable[[int], tuple[Vectors, Rows]]  # the best so many by the scores of an index, (n,) each
MARGIN = 16  # rows fetched beyond k, at least: the index has rounded, and one of the best may stand a little lower
PLACES = 128  # columns for which k more rows are fetched: the wider the vectors, the more is rounded or left out
DOUBT = 6.0  # how many times the error seen in an index a row past its findings may be off
TAIL = 4_096  # rows beyond the index that are searched one by one before a new index is built
MANY = 4  # queries from which on one product with all rows is faster than a scan for each
LARGE = 20_000_000  # numbers in all rows up to which one product with them is cheaper than to scan twice
DEEP = 16  # a scan looks at one row of as many at most; what is still in doubt then, all products decide
CELLS = 8_000_000  # scores held at once while many queries are answered: 32 MB
FEW = 8_192  # rows of a block; as many allowed ones are compared by name rather than searched for
LOWEST = float(np.finfo(np.float32).min)
SLACK = 1e-5  # more than a float32 product of unit vectors errs by


def dots(vectors: Vectors, query: Vectors) -> Vectors:
    """The inner products of rows (n, d) with one vector (d,), (n,); each row's sum is the same whatever its company."""
    return np.asarray(np.einsum("nd,d->n", vectors, query), np.float32)


@dataclass(frozen=True, eq=False)
class NearestNeighbours:
    """The items whose vectors (I, d) have the largest inner product with the query's, by faiss.

    `exact` scans all rows, items and query as int8, takes the scores of its findings anew in float32, and looks deeper
    until the k-th best of them stands clear of the last row found: by DOUBT times the root mean square of the errors
    that the scan made on the findings. So a list is that of float32, to the order of its scores, unless the scan is
    wrong on a row that it did not find by more than that; none of 14,000 lists was (docs/how-to/cold-start.md says of
    what). Of wide vectors it scans the principal columns alone, and the same test says when that was too little. For
    several queries at once products take the place of scans, of all numbers or, where those are many, of the held ones.
    Beyond ~1M items `ivf` (inverted lists, int8; Jégou et al. 2011) or, where the index is rebuilt rarely, `hnsw`
    (Malkov & Yashunin 2018): both miss some. `effort` is how many lists are probed (default 128) or how wide the graph
    is searched (default 512). Equal scores come in the order of rows. A query whose vector is zero proposes nothing.
    The object never changes: `extended` gives a larger one.
    """

    encoder: Encoder[Query]
    items: Vectors
    index: Kind = "exact"
    effort: int | None = None
    name: str = "neighbours"
    _built: Any = field(default=None, repr=False)  # a faiss index over the first rows of `items`

    def __post_init__(self) -> None:
        check_shape("NearestNeighbours.items", self.items, (None, None))
        check_finite("NearestNeighbours.items", self.items[self._built.ntotal if self._built else 0 :])
        if self.index not in ("exact", "ivf", "hnsw"):
            raise InvalidInput("NearestNeighbours.index", "exact, ivf or hnsw", repr(self.index))
        if self.effort is not None and self.effort < 1:
            raise InvalidInput("NearestNeighbours.effort", "at least 1", str(self.effort))
        if self._built is None:
            object.__setattr__(self, "_built", build(self.items, self.index, self.effort))

    @property
    def n_items(self) -> int:
        """I, how many items can be found."""
        return len(self.items)

    def extended(self, items: Vectors) -> NearestNeighbours:
        """The same retriever over more rows, (I + new, d), found at once; the first I must be the old ones.

        Rows after the index are compared one by one, and a new index is built once there are more than 4,096.
        """
        check_shape("NearestNeighbours.extended", items, (None, self.items.shape[1]))
        if len(items) < self.n_items:
            raise InvalidInput("NearestNeighbours.extended", f"at least {self.n_items} rows", str(len(items)))
        keep = len(items) - self._built.ntotal <= TAIL
        return replace(self, items=items, _built=self._built if keep else None)

    def retrieve(self, query: Query, k: int) -> Candidates:
        """At most k, best first."""
        return self.retrieve_many([query], k)[0]

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """Equals the singles: every score is the float32 product of the two vectors alone."""
        if not queries:
            return []
        vectors = np.ascontiguousarray(self.encoder.encode(queries), np.float32)
        check_shape("NearestNeighbours.encoder", vectors, (len(queries), self.items.shape[1]))
        return self.nearest(vectors, k, [query.allowed for query in queries])

    def nearest(self, vectors: Vectors, k: int, masks: Masks = None) -> list[Candidates]:
        """The same for vectors (Q, d) that the encoder has given; each among the rows that its own mask allows."""
        if k <= 0 or not self.n_items:
            return [Candidates.of(self.name, NO_ROWS, np.empty(0)) for _ in vectors]
        own = [None if mask is None else self._own(mask) for mask in masks or [None] * len(vectors)]
        if not isinstance(self._built, Int8Scan) or len(vectors) < MANY:
            found: Iterable[Found] = map(partial(self._scanned, k=k), vectors, own)
        elif self._built.turn is None or self.items.size <= LARGE:
            found = self._together(vectors, k, own)
        else:
            found = self._shortened(self._built, vectors, k, own)
        return [Candidates.of(self.name, *self._best(*one, k)) for one in zip(vectors, found, own, strict=True)]

    def _best(self, vector: Vectors, found: Found, mask: Mask | None, k: int) -> tuple[Rows, Scores]:
        if not vector.any():
            return NO_ROWS, np.empty(0)
        newer = np.arange(self._built.ntotal, self.n_items)
        newer = newer if mask is None else newer[mask[newer]]
        rows = np.concatenate([found[0], newer])
        scores = np.concatenate([found[1], dots(self.items[newer], vector)])
        order = np.lexsort((rows, -scores))[:k]
        return rows[order], scores[order].astype(np.float64)

    def _scanned(self, vector: Vectors, mask: Mask | None, k: int) -> Found:
        return self._sure(vector, mask, k, lambda wanted: self._found(vector, wanted, mask))

    def _shortened(self, built: Int8Scan, vectors: Vectors, k: int, masks: Sequence[Mask | None]) -> Iterator[Found]:
        """As a scan finds them, from products with what it holds, of so many queries that CELLS scores are held."""
        step = max(1, CELLS // max(1, built.ntotal))
        for start in range(0, len(vectors), step):
            chunk, some = vectors[start : start + step], masks[start : start + step]
            for vector, said, mask in zip(chunk, built.products(chunk), some, strict=True):
                if mask is not None:
                    said[~mask[: built.ntotal]] = -np.inf
                yield self._sure(vector, mask, k, partial(_top, said))

    def _sure(self, vector: Vectors, mask: Mask | None, k: int, look: Look) -> Found:
        """The rows of the index that may be among the best k; more while the border of the k best is in doubt."""
        among = None if mask is None else np.flatnonzero(mask[: self._built.ntotal])
        held = self._built.ntotal if among is None else len(among)
        wanted = k + max(MARGIN, k * self.items.shape[1] // PLACES)
        while wanted < held and (among is None or self._selects(held)):
            said, found = look(wanted)  # a deeper look may break the ties of this one otherwise
            true = dots(self.items[found], vector)
            if len(found) <= k:
                return found, true
            if said[-1] + DOUBT * _rms(said - true) < kth_highest(true, k):
                return found, true
            wanted *= 3
            if self.items.size <= LARGE or wanted > held // DEEP:
                break
        if among is None or 2 * len(among) > self._built.ntotal:
            return next(self._together(vector[None], k, [mask]))
        return self._whole(vector, among)

    def _found(self, vector: Vectors, k: int, mask: Mask | None) -> tuple[Vectors, Rows]:
        """Scores (n,) and rows (n,) of the index, best first."""
        built, one = self._built, vector[None]
        said, rows = built.search(one, k, mask) if isinstance(built, Int8Scan) else search(built, one, k)
        there = rows[0] >= 0
        return said[0][there], np.asarray(rows[0][there], np.int64)

    def _selects(self, held: int) -> bool:
        """Whether a scan of so many rows only is worth it: one by name costs less where they are few."""
        return isinstance(self._built, Int8Scan) and held > FEW

    def _whole(self, vector: Vectors, rows: Rows) -> Found:
        """All these rows, some thousands at a time."""
        parts = [dots(self.items[rows[start : start + FEW]], vector) for start in range(0, len(rows), FEW)]
        return rows, np.concatenate([*parts, np.zeros(0, np.float32)])

    def _together(self, vectors: Vectors, k: int, masks: Sequence[Mask | None]) -> Iterator[Found]:
        """The same from products in float32, so many queries at once that they hold at most CELLS scores."""
        held, step = self._built.ntotal, max(1, CELLS // max(1, self._built.ntotal))
        for start in range(0, len(vectors), step):
            chunk = vectors[start : start + step]
            some = masks[start : start + step]
            for vector, said, mask in zip(chunk, products(chunk, self.items[:held]), some, strict=True):
                if mask is not None:
                    said[~mask[:held]] = -np.inf
                slack = SLACK * float(np.linalg.norm(vector)) * self._longest
                least = kth_highest(said, k) - slack if k < held else -np.inf
                rows = np.flatnonzero(said >= max(least, LOWEST))
                near = self.items[:held] if len(rows) == held else self.items[rows]
                yield rows, dots(near, vector)

    def _own(self, mask: Mask) -> Mask:
        """(I,); what is newer than the mask is not allowed."""
        more = self.n_items - len(mask)
        return mask[: self.n_items] if more <= 0 else np.concatenate([mask, np.zeros(more, np.bool_)])

    @cached_property
    def _longest(self) -> float:
        return float(np.sqrt(np.einsum("nd,nd->n", self.items, self.items).max(initial=0.0)))


def _top(said: Vectors, k: int) -> tuple[Vectors, Rows]:
    """The k highest of scores (n,) and their rows, best first."""
    rows = np.argpartition(-said, k - 1)[:k]
    rows = rows[np.argsort(-said[rows])]
    return said[rows], rows


def _rms(errors: Vectors) -> float:
    return float(np.sqrt(np.mean(np.square(errors, dtype=np.float64))))


@dataclass(frozen=True, eq=False)
class Listed:
    """A list that somebody wrote: the same rows (n,) for everyone, in their order."""

    rows: Rows
    name: str = "listed"

    def retrieve(self, query: Query, k: int) -> Candidates:
        """The first k; the score is 1 / place."""
        return Candidates.of(self.name, self.rows[:k], 1.0 / np.arange(1, len(self.rows[:k]) + 1))

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """The same list for each."""
        return [self.retrieve(query, k) for query in queries]
