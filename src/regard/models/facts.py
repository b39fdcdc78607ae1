"""Facts: what is known of people, items and moments, learned once from train, that turns meetings into Examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import sparse_arrays, sparse_matrix
from regard.domain.arrays import Array, Rows, Scores
from regard.domain.dataset import Dataset
from regard.domain.request import History, Query
from regard.domain.weights import DAY
from regard.models.earlier import Earlier
from regard.models.examples import Examples
from regard.models.fields import CLOCK, Fields, clock, distinct, said_by

NAMES = ("item age", "item events", "item liked", "own events", "own liked", "met before")
BIRTHS = ("valid_from", "created", "created_at", "date", "release_date", "published")  # attributes that date an item
LENT = 5.0  # events at the overall rate that each item and person is lent, so that few events say little
WORDS = 200  # most words of one field


@dataclass(frozen=True, eq=False)
class Facts:
    """Fields of people, items and moments; of each item what it says, when it was new, and how it was met.

    The columns NAMES of an example: log(1 + days) since the item was new (its own date, else its first earlier event;
    NaN if neither), log(1 + events) of item, of person, and of both together, and the share of positive events of
    item and person, drawn to the overall share by LENT events.
    """

    people: Fields
    items: Fields
    moments: Fields
    said: sparse.csr_array  # (I, Fi)
    dated: Scores  # (I,): unix seconds at which an item says that it was new, NaN where it does not say
    first: Scores  # (I,): its first event, NaN if it was never met
    events: Scores  # (I,)
    liked: Scores  # (I,): events of positive weight
    types: tuple[str, ...]  # what action codes mean
    window: int  # h
    rate: float  # overall share of events of positive weight

    @staticmethod
    def learn(data: Dataset, window: int) -> Facts:
        """Everything from `data`, which holds nothing of what will be asked."""
        e, n = data.events, len(data.items)
        items = said_by(data.item_attributes) or [{} for _ in range(n)]
        fields, nothing = Fields.learn(items, WORDS), np.zeros(n)
        return Facts(
            people=Fields.learn(said_by(data.user_attributes), WORDS),
            items=fields,
            moments=Fields.learn([] if e.context is None else said_by(e.context), WORDS),
            said=fields.read(items),
            dated=_dated(items),
            first=nothing,
            events=nothing,
            liked=nothing,
            types=e.types,
            window=window,
            rate=float((e.weight > 0).mean()) if len(e) else 0.5,
        ).counted(data)

    def counted(self, data: Dataset) -> Facts:
        """The same fields, with the items' events counted in `data`."""
        e, n = data.events, self.said.shape[0]
        first = np.full(n, np.inf)
        np.minimum.at(first, e.item, e.time)
        events = np.bincount(e.item, minlength=n).astype(np.float64)
        liked = np.bincount(e.item, e.weight > 0, n).astype(np.float64)
        return replace(self, first=np.where(np.isfinite(first), first, np.nan), events=events, liked=liked)

    def grown(self, items: pa.Table) -> Facts:
        """With the items of today's table (I', attributes) that came since, which nobody has met."""
        new = said_by(items)[self.n_items :]
        nothing = np.zeros(len(new))
        return replace(
            self,
            said=sparse.csr_array(sparse.vstack([self.said, self.items.read(new)])) if new else self.said,
            dated=np.r_[self.dated, _dated(new)],
            first=np.r_[self.first, nothing + np.nan],
            events=np.r_[self.events, nothing],
            liked=np.r_[self.liked, nothing],
        )

    @property
    def n_items(self) -> int:
        """I, how many items it knows of."""
        return len(self.events)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each place of an example's `people`, `items` and `context` belongs to, in this order."""
        wave, day = ["time of day"] * (CLOCK - 7), ["weekday"] * 7
        blocks = (("person", self.people), ("item", self.items), ("moment", self.moments))
        fields = [f"{who} {field}" for who, block in blocks for field, _ in block.columns]
        return (*fields, *wave, *day)

    def of_requests(self, queries: Sequence[Query], rows: Sequence[Rows]) -> Examples:
        """Each query (Q,) meets each of its `rows` (n_q,), one query after the other, knowing its whole history."""
        counts = np.array([len(own) for own in rows], np.int64)
        who = np.repeat(np.arange(len(queries)), counts)
        item = np.concatenate([np.empty(0, np.int64), *rows])
        at = np.array([query.at for query in queries], np.float64)
        met = [query.history for query in queries]
        own = np.array([[len(h), (h.weights > 0).sum()] for h in met], np.float64).reshape(-1, 2)
        again = [_times(h.rows, asked) for h, asked in zip(met, rows, strict=True)]
        known = (item >= 0) & (item < self.n_items)
        place = np.where(known, item, 0)
        first, events, liked = (np.where(known, one[place], np.nan) for one in (self.first, self.events, self.liked))
        columns = self._columns(item, at[who], first, (events, liked, *own[who].T, np.concatenate([[], *again])))
        moments = self._moments(self.moments.read([query.context for query in queries]), at)
        return Examples(
            np.array([query.user for query in queries], np.int64)[who],
            item,
            at[who],
            self.people.read([query.attributes for query in queries])[who],
            self._said(item),
            moments[who],
            columns,
            NAMES,
            _right([h.rows for h in met], self.window)[who],
            _right([self._codes(h) for h in met], self.window)[who],
        )

    def of_events(self, asked: Dataset, known: Dataset) -> Examples:
        """Each event of `asked` (n,) is a meeting; what was known then is what `known` holds strictly before it."""
        e, k = asked.events, known.events
        width = np.int64(max(1, len(asked.items)))
        by_item = Earlier.of(k.item, k.time, e.item, e.time)
        by_person = Earlier.of(k.user, k.time, e.user, e.time)
        pairs = (k.user * width + k.item, e.user * width + e.item)
        again = Earlier.of(pairs[0], k.time, pairs[1], e.time)
        liked = k.weight > 0
        counts = (by_item.count, by_item.sum(liked), by_person.count, by_person.sum(liked), again.count)
        nothing = np.zeros(len(e), np.int64)
        said = self.moments.read([{}])[nothing] if e.context is None else distinct(e.context, self.moments.read)
        return Examples(
            e.user.astype(np.int64),
            e.item.astype(np.int64),
            np.asarray(e.time, np.float64),
            self.people.read(said_by(asked.user_attributes) or [{}] * len(asked.users))[e.user],
            self._said(e.item.astype(np.int64)),
            self._moments(said, e.time),
            self._columns(e.item, e.time, by_item.first(k.time), counts),
            NAMES,
            by_person.newest(k.item, self.window),
            by_person.newest(self._recoded(k.types)[k.type], self.window),
        )

    def _columns(self, item: Array, at: Array, first: Scores, counts: Sequence[Array]) -> NDArray[np.float32]:
        known = (item >= 0) & (item < self.n_items)
        dated = np.where(known, self.dated[np.where(known, item, 0)] if self.n_items else np.nan, np.nan)
        age = np.where(np.isfinite(dated), np.maximum(at - dated, 0.0), np.where(first < at, at - first, np.nan))
        events, liked, own, own_liked, again = (np.asarray(one, np.float64) for one in counts)
        columns = (
            np.log1p(age / DAY),
            np.log1p(events),
            (liked + LENT * self.rate) / (events + LENT),
            np.log1p(own),
            (own_liked + LENT * self.rate) / (own + LENT),
            np.log1p(again),
        )
        return np.stack(columns, axis=1).astype(np.float32)

    def _moments(self, said: sparse.csr_array, at: Array) -> sparse.csr_array:
        return sparse.csr_array(sparse.hstack([said, sparse.csr_array(clock(at))], format="csr", dtype=np.float32))

    def _said(self, item: Rows) -> sparse.csr_array:
        """What items say of themselves; of an item that is not known, nothing at all."""
        known = np.flatnonzero((item >= 0) & (item < self.n_items))
        if len(known) == len(item):
            return self.said[item]
        chosen = (np.ones(len(known), np.float32), (known, item[known]))
        return sparse.csr_array(sparse.csr_array(chosen, shape=(len(item), self.n_items)) @ self.said)

    def _recoded(self, types: Sequence[str]) -> NDArray[np.int64]:
        """Our code of each of `types`, -1 for one that we do not know; the last place is for -1."""
        return np.array([*(self.types.index(t) if t in self.types else -1 for t in types), -1], np.int64)

    def _codes(self, history: History) -> NDArray[np.int64]:
        return self._recoded(history.types)[history.actions] if len(history) else np.empty(0, np.int64)

    def arrays(self) -> dict[str, Array]:
        """As an artifact keeps it."""
        plain = {name: getattr(self, name) for name in ("dated", "first", "events", "liked")}
        about = {"types": np.array(self.types, str), "about": np.array([self.window, self.rate])}
        fields = {**self.people.arrays("people"), **self.items.arrays("items"), **self.moments.arrays("moments")}
        return {**plain, **about, **fields, **sparse_arrays("said", self.said)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Facts:
        """As they were."""
        window, rate = arrays["about"].tolist()
        people, items, moments = (Fields.from_arrays(name, arrays) for name in ("people", "items", "moments"))
        dated, first, events, liked = (arrays[name] for name in ("dated", "first", "events", "liked"))
        types = tuple(str(name) for name in arrays["types"])
        said = sparse_matrix("said", arrays)
        return Facts(people, items, moments, said, dated, first, events, liked, types, int(window), rate)


def _dated(items: Sequence[Mapping[str, Any]]) -> Scores:
    """When each item says that it was new, in unix seconds, (n,); NaN where it does not say."""
    found = np.full(len(items), np.nan)
    for row, item in enumerate(items):
        for name in BIRTHS:
            value = item.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found[row] = value
                break
    return found


def _times(met: Array, asked: Rows) -> NDArray[np.float64]:
    """How often each of `asked` (n,) stands in `met` (h,)."""
    ordered = np.sort(met)
    return (np.searchsorted(ordered, asked, "right") - np.searchsorted(ordered, asked, "left")).astype(np.float64)


def _right(lists: Sequence[Array], window: int) -> NDArray[np.int64]:
    """The last `window` of each list, right-aligned, -1 before them, (Q, window)."""
    found = np.full((len(lists), window), -1, np.int64)
    for row, own in enumerate(lists):
        kept = own[max(0, len(own) - window) :]
        found[row, window - len(kept) :] = kept
    return found
