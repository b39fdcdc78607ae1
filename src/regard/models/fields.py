"""Fields: typed attributes of items, people or moments as a sparse row of weighted tokens, learned once from train."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias, TypeGuard

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Array
from regard.domain.records import Value, plain

_Cells: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
Said: TypeAlias = Mapping[str, Value]  # what one item, person or moment says of itself
Kind: TypeAlias = Literal["word", "number"]
SKIPPED = frozenset({"id", "title", "text", "images", "audio", "hidden", "valid_until"})  # words for encoders; switches
MISSING = ""  # the word of a field that says nothing
EIGHTHS = 8  # a number also counts by the eighth of the train values that it lies in
FURTHEST = 4.0  # deviations from the mean beyond which a number goes no further
MIN_COUNT = 2  # rows that must bear a word


@dataclass(frozen=True, eq=False)
class Fields:
    """What columns a table has, and which words each of them may say.

    A word (text, truth, each of a multi-value: tags, genres) is a token of weight 1/sqrt(m) among m of its field. A
    number is its distance from the mean in deviations and, as a token, the eighth of the train values that it lies in;
    so is a date, as the number of its seconds. A field that says nothing, or nothing known, says MISSING: networks
    learn what absence means. Nothing of a held-out row enters, if `learn` sees train rows only.
    """

    kinds: Mapping[str, Kind]  # by field
    words: Mapping[tuple[str, str], int]  # (field, word) -> column
    centres: Mapping[str, tuple[float, float]]  # of numbers: mean and deviation
    edges: Mapping[str, tuple[float, ...]]  # of numbers: the inner edges of the eighths

    @staticmethod
    def learn(rows: Sequence[Said], most: int = 1_000) -> Fields:
        """From what train rows say; of each field at most `most` words, the most frequent ones."""
        kinds: dict[str, Kind] = {}
        centres, edges = {}, {}
        words: list[tuple[str, str]] = []
        for name in sorted({name for row in rows for name in row} - SKIPPED):
            values = [row[name] for row in rows if name in row]
            numbers = [float(v) for v in values if _is_number(v)]
            if numbers and len(numbers) == len(values):
                kinds[name] = "number"
                centres[name] = (float(np.mean(numbers)), float(np.std(numbers)) or 1.0)
                edges[name] = tuple(np.unique(np.quantile(numbers, np.arange(1, EIGHTHS) / EIGHTHS)).tolist())
                own = [str(n) for n in range(len(edges[name]) + 1)]
            else:
                kinds[name] = "word"
                counts = Counter(word for value in values for word in _words(value))
                ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
                own = [word for word, count in ranked if count >= MIN_COUNT and word != MISSING][:most]
            words += [(name, word) for word in (*own, MISSING)]
        return Fields(kinds, {word: place for place, word in enumerate(words)}, centres, edges)

    @property
    def width(self) -> int:
        """F: a column for each token, then one for each number."""
        return len(self.words) + len(self.centres)

    @cached_property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """What each column is: (field, word), and (field, "=") for the numbers themselves."""
        return (*self.words, *((name, "=") for name in self.centres))

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {name: len(self.words) + place for place, name in enumerate(self.centres)}

    def read(self, rows: Sequence[Said]) -> sparse.csr_array:
        """What `rows` (n,) say, (n, F) float32; a field at a time, as rows are many and fields are few."""
        told = [self._field(name, [row.get(name) for row in rows]) for name in self.kinds]
        shape = (len(rows), self.width)
        if not told or not rows:
            return sparse.csr_array(shape, dtype=np.float32)
        place, column, weight = (np.concatenate(part) for part in zip(*told, strict=True))
        return sparse.csr_array((weight.astype(np.float32), (place, column)), shape=shape)

    def _field(self, name: str, values: Sequence[Value | None]) -> _Cells:
        """The cells of one field: row, column and weight."""
        missing = self.words[name, MISSING]
        if self.kinds[name] == "number":
            there = np.array([_is_number(value) for value in values], np.bool_)
            numbers = np.array([value for value in values if _is_number(value)], np.float64)
            centre, width = self.centres[name]
            eighth = self.words[name, "0"] + np.searchsorted(self.edges[name], numbers, side="right")
            far = np.clip((numbers - centre) / width, -FURTHEST, FURTHEST)
            rows, rest = np.flatnonzero(there), np.flatnonzero(~there)
            told = [eighth, np.full(len(rows), self._numbers[name]), np.full(len(rest), missing)]
            weight = [np.ones(len(rows)), far, np.ones(len(rest))]
            return np.concatenate([rows, rows, rest]), np.concatenate(told), np.concatenate(weight)
        said = [() if value is None else _words(value) for value in values]
        own = {
            words: [self.words[name, w] for w in words if w != MISSING and (name, w) in self.words] or [missing]
            for words in set(said)
        }
        count = np.array([len(own[words]) for words in said], np.int64)
        columns = np.array([one for words in said for one in own[words]], np.int64)
        return np.repeat(np.arange(len(values)), count), columns, np.repeat(count**-0.5, count)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """As an artifact keeps it, under names that start with `prefix`."""
        edges = [[name, repr(edge)] for name, own in self.edges.items() for edge in own]
        centres = [[name, repr(mean), repr(width)] for name, (mean, width) in self.centres.items()]
        return {
            f"{prefix}.kinds": np.array([[*pair] for pair in self.kinds.items()], str).reshape(-1, 2),
            f"{prefix}.words": np.array([[*pair] for pair in self.words], str).reshape(-1, 2),
            f"{prefix}.centres": np.array(centres, str).reshape(-1, 3),
            f"{prefix}.edges": np.array(edges, str).reshape(-1, 2),
        }

    @staticmethod
    def from_arrays(prefix: str, arrays: Mapping[str, Array]) -> Fields:
        """As they were."""
        kinds: dict[str, Any] = {str(name): str(kind) for name, kind in arrays[f"{prefix}.kinds"]}
        words = {(str(name), str(word)): place for place, (name, word) in enumerate(arrays[f"{prefix}.words"])}
        centres = {str(name): (float(mean), float(width)) for name, mean, width in arrays[f"{prefix}.centres"]}
        edges: dict[str, tuple[float, ...]] = dict.fromkeys(centres, ())
        for name, edge in arrays[f"{prefix}.edges"]:
            edges[str(name)] += (float(edge),)
        return Fields(kinds, words, centres, edges)


def said_by(table: pa.Table) -> list[dict[str, Value]]:
    """The rows of an Arrow table of attributes, each cell as `plain` reads it, those that say nothing left out."""
    columns = {name: table.column(name).to_pylist() for name in table.column_names if name not in SKIPPED}
    rows: list[dict[str, Value]] = [{} for _ in range(table.num_rows)]
    for name, column in columns.items():
        for row, cell in zip(rows, column, strict=True):
            if (value := plain(cell)) is not None:
                row[name] = value
    return rows


def distinct(table: pa.Table, read: Callable[[list[dict[str, Value]]], sparse.csr_array]) -> sparse.csr_array:
    """`read` over the rows of a table where many are equal (contexts of events): each distinct row once, (n, F)."""
    if not table.num_columns:
        return read([{}] * table.num_rows)
    same = pl.DataFrame(table).with_row_index("").group_by(table.column_names, maintain_order=True).agg("")[""]
    place = np.empty(table.num_rows, np.int64)
    place[same.explode().to_numpy()] = np.repeat(np.arange(len(same)), same.list.len().to_numpy())
    return read(said_by(table.take(same.list.first().to_arrow())))[place]


CLOCK = 4 + 7  # columns of `clock`


def clock(times: NDArray[np.floating]) -> NDArray[np.float32]:
    """Time of day as two waves (one and two a day) and the weekday as one of seven, all in UTC; (n,) -> (n, CLOCK).

    >>> clock(np.array([0.0]))[0].tolist()  # a Thursday, midnight
    [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    days = np.asarray(times, np.float64) / 86_400.0
    angle = 2 * np.pi * (days % 1.0)[:, None]
    waves = np.concatenate([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=1)
    weekday = ((np.floor(days).astype(np.int64) + 3) % 7)[:, None] == np.arange(7)
    return np.concatenate([waves, weekday], axis=1).astype(np.float32)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, (tuple, list)):
        return tuple(str(word) for word in value)
    return (f"{value:g}" if isinstance(value, float) else str(value),)
