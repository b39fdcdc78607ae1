"""What an event is worth: weights per event type as data, and how they fade with time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.errors import InvalidInput

DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class EventWeight:
    """One row of the table: events of `type` with value >= `at_least` weigh `weight` (times the value, if `scaled`)."""

    type: str
    weight: float
    at_least: float | None = None
    scaled: bool = False


LESS = "less"  # the event type of a wish: less like this
DEFAULT_WEIGHTS = (
    EventWeight("view", 0.1),
    EventWeight("click", 0.2),
    EventWeight("like", 1.0),
    EventWeight("buy", 1.0),
    EventWeight("rating", 1.0, at_least=4.0),
    EventWeight("rating", 0.0),
    EventWeight("dislike", 0.0),
    EventWeight(LESS, 0.0),
)


def weigh(
    types: Sequence[str], codes: NDArray[np.integer], values: NDArray[np.floating], table: Sequence[EventWeight]
) -> NDArray[np.float32]:
    """The weight of each event, (n,). The first row of `table` that fits decides; a type without a row weighs 1.

    `codes` (n,) index into `types`; `values` (n,) are the events' values.
    """
    weights = np.ones(len(codes), np.float32)
    for code, name in enumerate(types):
        chosen = codes == code
        open_ = chosen.copy()
        for row in table:
            if row.type != name:
                continue
            fits = open_ if row.at_least is None else open_ & (values >= row.at_least)
            weights[fits] = row.weight * (values[fits] if row.scaled else 1.0)
            open_ = open_ & ~fits
        if any(row.type == name for row in table):
            weights[open_] = 0.0
    return weights


@dataclass(frozen=True, slots=True)
class Weighting:
    """How a person's events become one row of the interaction matrix: time decay, recency, repeats.

    With age_e the days between event e and the person's newest event, and rank_e its place from the newest (0 first):
    w_e = weight_e * 2 ** (-age_e / half_life) * recency ** rank_e. Repeated items combine by `repeats`.
    Ages are taken from the person's own newest event, so that a row is the same at fit time and at request time; the
    models here are linear in the row, so a clock would scale it and change no order (Ding & Li 2005; Koren 2009).
    """

    half_life: float | None = None  # days; None: no decay
    recency: float = 1.0  # (0, 1]
    repeats: Literal["max", "sum", "log"] = "max"
    binary: bool = True  # every positive event weight counts as 1 before decay

    def __post_init__(self) -> None:
        if self.half_life is not None and not self.half_life > 0:
            raise InvalidInput("Weighting.half_life", "days > 0 or None", repr(self.half_life))
        if not 0 < self.recency <= 1:
            raise InvalidInput("Weighting.recency", "a number in (0, 1]", repr(self.recency))

    def matrix(
        self,
        offsets: NDArray[np.integer],
        items: NDArray[np.integer],
        weights: NDArray[np.floating],
        times: NDArray[np.floating],
        n_items: int,
    ) -> sparse.csr_array:
        """The (R, n_items) matrix of R people whose events lie in offsets[r]:offsets[r+1], oldest first.

        Events of weight <= 0, and rows outside 0..n_items-1 (newer than the model), do not enter.
        """
        counts = np.diff(offsets)
        row = np.repeat(np.arange(len(counts)), counts)
        worth = np.ones(len(items), np.float64) if self.binary else np.asarray(weights, np.float64).copy()
        if self.half_life is not None or self.recency < 1:
            worth *= self._fading(offsets, row, np.asarray(times, np.float64))
        kept = (np.asarray(weights) > 0) & (items >= 0) & (items < n_items)
        return self._combine(row[kept], np.asarray(items)[kept], worth[kept], (len(counts), n_items))

    def _fading(
        self, offsets: NDArray[np.integer], row: NDArray[np.integer], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        newest = np.asarray(offsets)[1:][row] - 1  # events are oldest first
        fading = np.ones(len(row))
        if self.half_life is not None:
            fading *= 0.5 ** ((times[newest] - times) / (DAY * self.half_life))
        if self.recency < 1:
            fading *= self.recency ** (newest - np.arange(len(row)))
        return fading

    def _combine(
        self,
        row: NDArray[np.integer],
        item: NDArray[np.integer],
        worth: NDArray[np.float64],
        shape: tuple[int, int],
    ) -> sparse.csr_array:
        cell = row.astype(np.int64) * shape[1] + item
        order = np.argsort(cell, kind="stable")
        cell, worth = cell[order], worth[order]
        first = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]]) if len(cell) else np.empty(0, np.int64)
        if len(first) == 0:
            data = np.empty(0)
        elif self.repeats == "max":
            data = np.maximum.reduceat(worth, first)
        else:
            data = np.add.reduceat(worth, first)
            data = np.log1p(data) if self.repeats == "log" else data
        rows, columns = np.divmod(cell[first], shape[1])
        indptr = np.searchsorted(rows, np.arange(shape[0] + 1))
        return sparse.csr_array((data.astype(np.float32), columns, indptr), shape=shape)
