"""Query in, Slate of Slots out: what one person asks and what we answer. Items are catalogue rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.domain.arrays import Mask, Rows, check_finite, check_shape
from regard.domain.errors import InvalidInput
from regard.domain.records import NOTHING, Value
from regard.domain.weights import Weighting

UNKNOWN = -1  # the row of a person or item that we do not know
NO_ROWS: Rows = np.empty(0, np.int64)
NO_ROWS.setflags(write=False)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class History:
    """What one person did, oldest first: item rows (h,), event weights (h,), unix times (h,). Items may repeat.

    `actions` (h,) are codes into `types` (view, buy, rating ...; -1: not known), `values` (h,) what was given with them
    (stars, seconds; 1 where nothing was).
    """

    rows: NDArray[np.integer] = field(default_factory=lambda: NO_ROWS)
    weights: NDArray[np.floating] = field(default_factory=lambda: np.empty(0, np.float32))
    times: NDArray[np.floating] = field(default_factory=lambda: np.empty(0, np.float64))
    actions: NDArray[np.integer] = None  # type: ignore[assignment]
    values: NDArray[np.floating] = None  # type: ignore[assignment]
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.rows)
        if self.actions is None:
            object.__setattr__(self, "actions", np.full(n, -1, np.int16))
        if self.values is None:
            object.__setattr__(self, "values", np.ones(n, np.float32))
        for name in ("rows", "weights", "times", "actions", "values"):
            check_shape(f"History.{name}", getattr(self, name), (n,))

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, mask: Mask) -> History:
        """The events for which `mask` (h,) is true."""
        rows, weights, times = self.rows[mask], self.weights[mask], self.times[mask]
        return History(rows, weights, times, self.actions[mask], self.values[mask], self.types)

    def without(self, rows: Sequence[int] | Rows) -> History:
        """The history as if the person had never met the items of `rows`."""
        return self.where(~np.isin(self.rows, np.asarray(rows, np.int64)))

    def rows_of(self, kind: str) -> Rows:
        """The items of events of type `kind`, each once, (m,)."""
        if kind not in self.types:
            return NO_ROWS
        return np.unique(self.rows[self.actions == self.types.index(kind)]).astype(np.int64)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Query:
    """One request: who (`user`: their row, or UNKNOWN), when (`at`, unix seconds: no clock inside), and `k` slots.

    `attributes` are the person's, `context` is the moment's (device, weekday, mood). `exclude` are rows that must not
    be shown in this answer, `blocked` rows that the person blocked for good, `met` rows that they met before the events
    of `history`, `unwanted` rows that they ever asked to see less of. `allowed` (I,) is true for what a request's own
    filter lets through (None: everything), `filtered` are the fields that it names. `seed_item` asks for "more like
    this".
    """

    at: float
    k: int = 10
    user: int = UNKNOWN
    history: History = field(default_factory=History)
    attributes: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    context: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    exclude: Rows = field(default_factory=lambda: NO_ROWS)
    blocked: Rows = field(default_factory=lambda: NO_ROWS)
    met: Rows = field(default_factory=lambda: NO_ROWS)
    unwanted: Rows = field(default_factory=lambda: NO_ROWS)
    allowed: Mask | None = None
    filtered: frozenset[str] = frozenset()
    seed_item: int | None = None
    language: str = "en"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidInput("Query.k", "at least 1 slot", str(self.k))
        if not np.isfinite(self.at):
            raise InvalidInput("Query.at", "unix seconds", str(self.at))

    def lets(self, rows: Rows) -> Mask:
        """Which of `rows` (n,) the request's own filter lets through; nothing newer than it."""
        if self.allowed is None:
            return np.ones(len(rows), np.bool_)
        found = np.zeros(len(rows), np.bool_)
        known = (rows >= 0) & (rows < len(self.allowed))
        found[known] = self.allowed[rows[known]]
        return found

    def with_history(self, history: History) -> Query:
        """The same request after another past; counterfactuals ask this."""
        return replace(self, history=history)


def history_matrix(queries: Sequence[Query], n_items: int, weighting: Weighting) -> sparse.csr_array:
    """The histories of `queries` as one (Q, n_items) matrix, weighted as at fit time."""
    offsets = np.cumsum([0, *(len(q.history) for q in queries)])
    if not queries or offsets[-1] == 0:
        return sparse.csr_array((len(queries), n_items), dtype=np.float32)
    rows = np.concatenate([q.history.rows for q in queries])
    weights = np.concatenate([q.history.weights for q in queries])
    times = np.concatenate([q.history.times for q in queries])
    return weighting.matrix(offsets, rows, weights, times, n_items)


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a slate: the item `row`, its score, the chance that the policy gave it given the slots before it.

    `source` proposed it first, `sources` all who proposed it; `parts` are the named amounts that made the final gain.
    """

    position: int  # 0 is the first
    row: int
    score: float
    propensity: float  # in (0, 1]
    source: str
    sources: tuple[str, ...]
    parts: Mapping[str, float]

    def __post_init__(self) -> None:
        if not 0 < self.propensity <= 1 + 1e-9:
            raise InvalidInput("Slot.propensity", "a chance in (0, 1]", repr(self.propensity))


@dataclass(frozen=True, slots=True)
class Slate:
    """The answer: slots in order, how many candidates each filter dropped, which sources were left out."""

    slots: tuple[Slot, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def rows(self) -> Rows:
        """The item rows in order, (k,)."""
        return np.array([slot.row for slot in self.slots], np.int64)

    @property
    def propensity(self) -> float:
        """The chance of the whole slate: the product of its slots' conditional chances."""
        chances = np.array([slot.propensity for slot in self.slots])
        check_finite("Slate.propensity", chances)
        return float(np.prod(chances))
