"""Items in memory: id <-> row, attributes, vectors; append-only rows, so a new item can be served at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from regard.data.growing import Growing, Memberships
from regard.data.item_records import members, members_of, merged, record, records
from regard.domain.arrays import Array, Mask, Rows, Scores, Vectors, check_finite, check_shape
from regard.domain.dataset import Dataset
from regard.domain.errors import NotFound
from regard.domain.protocols import Encoder
from regard.domain.records import Item
from regard.domain.request import UNKNOWN

NO_CREATOR = -1
FORGOTTEN = "\0{}"  # the id of a row whose person or item was deleted; PostgreSQL keeps no such id: it is nobody's
NONE: Mapping[str, Encoder[Item]] = MappingProxyType({})


class Catalogue:
    """All items as columns over their rows (I, ...), the same rows as in the store and in a Dataset.

    One writer at a time (a lock sees to it), any number of readers, who wait for nobody: what they took stays as it
    was, but for vectors of changed items. New rows are published last, when all their columns stand. `encoders`, by
    name, give new items their content vectors; kinds of vectors without an encoder get zeros. All changes of the store
    up to number `upto` are in, and none after `coming`: where a reader found both equal, nothing changed under them.
    """

    def __init__(self, encoders: Mapping[str, Encoder[Item]] = NONE) -> None:
        self._encoders = dict(encoders)
        self._writing = threading.Lock()
        self.upto = self.coming = 0
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._data: Dataset | None = None
        self._changed: dict[int, Item] = {}  # what is not, or no longer, as in the Dataset
        self._hidden = Growing(np.empty(0, np.bool_))
        self._valid_from = Growing(np.empty(0, np.float64))
        self._valid_until = Growing(np.empty(0, np.float64))
        self._creators = Growing(np.empty(0, np.int64))
        self._columns = (self._hidden, self._valid_from, self._valid_until, self._creators)
        self._creator_codes: dict[str, int] = {}
        self._titles: list[str] = []
        self._vectors: dict[str, Growing] = {}
        self._groups: dict[str, Memberships] = {}

    @classmethod
    def of(cls, data: Dataset, encoders: Mapping[str, Encoder[Item]] = NONE) -> Catalogue:
        """The items of a Dataset, row for row. Vectors that it lacks are made by their encoder now."""
        catalogue = cls(encoders)
        catalogue._data = data
        for column, values in zip(catalogue._columns, catalogue._values_of(data), strict=True):
            column.append(values)
        catalogue._titles = data.titles
        catalogue._vectors = {name: Growing(vectors, copying=False) for name, vectors in data.vectors.items()}
        catalogue._publish(list(data.items))
        for name in encoders.keys() - data.vectors.keys() if len(data.items) else ():
            catalogue._vectors[name] = Growing(catalogue._encoded(name, list(records(data))), copying=False)
        return catalogue

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._rows

    def id(self, row: int) -> str:
        """The id of a row."""
        if not 0 <= row < len(self):
            raise NotFound("item row", f"0 to {len(self) - 1}", str(row))
        return self._ids[row]

    def row(self, item_id: str) -> int:
        """The row of an id, or NotFound."""
        row = self._rows.get(item_id)
        if row is None:
            raise NotFound("item id", f"one of {len(self)} known items", repr(item_id))
        return row

    def rows(self, ids: Iterable[str]) -> Rows:
        """The rows of many ids, (n,); UNKNOWN (-1) for those that we do not know."""
        return np.array([self._rows.get(name, UNKNOWN) for name in ids], np.int64)

    def item(self, row: int) -> Item:
        """The record of a row."""
        name = self.id(row)
        changed = self._changed.get(row)
        if changed is not None or self._data is None:
            return changed or Item(name)
        return record(self._data, row)

    @property
    def hidden(self) -> Mask:
        """Items that are never shown, (I,)."""
        return self._hidden.view

    @property
    def valid_from(self) -> Scores:
        """Unix seconds from which an item may be shown, (I,); -inf: open."""
        return self._valid_from.view

    @property
    def valid_until(self) -> Scores:
        """Unix seconds until which an item may be shown, (I,); inf: open."""
        return self._valid_until.view

    @property
    def creators(self) -> NDArray[np.int64]:
        """Codes of the items' creators, (I,); -1: none is known."""
        return self._creators.view

    @property
    def titles(self) -> Sequence[str]:
        """A name for each row: the title, else the id."""
        return self._titles

    @property
    def kinds(self) -> tuple[str, ...]:
        """The encoders whose vectors there are."""
        return tuple(self._vectors)

    def vectors(self, encoder: str) -> Vectors:
        """Content vectors (I, d) by encoder name; zeros where an item has none."""
        if encoder not in self._vectors:
            raise NotFound("content vectors", f"one of {sorted(self._vectors)}", repr(encoder))
        return self._vectors[encoder].view

    def having(self, name: str, wanted: Iterable[str]) -> Mask | None:
        """The items (I,) whose `tags`, `creator` or attribute `name` is, or holds, one of the wanted values; None where
        no item has any such value."""
        found = self._memberships(name)
        return found.having(wanted) if found.any else None

    def upsert(self, items: Sequence[Item]) -> Rows:
        """Add new items and change known ones (empty fields say nothing); returns their rows, (n,).

        The same merge as the store's, so that both know the same. All is encoded before anything changes.
        """
        with self._writing:
            whole = self._whole(items)
            old = [item for item in whole if item.id in self._rows]
            new = [item for item in whole if item.id not in self._rows]
            encoded = {name: self._encoded(name, [*old, *new]) for name in self._encoders if whole}
            if old:
                self._change(old, {name: vectors[: len(old)] for name, vectors in encoded.items()})
            if new:
                self._add(new, {name: vectors[len(old) :] for name, vectors in encoded.items()})
            return self.rows(item.id for item in items)

    def follow(self, changed: Sequence[tuple[int, Item]], gone: Iterable[int] = (), upto: int = 0) -> None:
        """Hold these rows exactly as the store does; rows of deleted items stay, nameless and hidden.

        `changed` holds (row, item) in the order of rows; new rows go on where the catalogue ends. `upto` is the number
        of the store's change up to which this is all.
        """
        with self._writing:
            known, start = dict(changed), len(self)
            nameless = {row: Item(FORGOTTEN.format(row), hidden=True) for row in gone if row not in known}
            end = max([*known, *nameless, start - 1]) + 1
            whole = {**nameless, **known}
            old = [(row, item) for row, item in whole.items() if row < start]
            new = [whole[row] for row in range(start, end)]
            encoded = {
                name: self._encoded(name, [*(item for _, item in old), *new]) for name in self._encoders if whole
            }
            self.coming = upto
            for row, item in old:
                if self._ids[row] != item.id:
                    self._rows.pop(self._ids[row], None)
                    self._ids[row] = item.id
                    self._rows[item.id] = row
            if old:
                self._change([item for _, item in old], {name: v[: len(old)] for name, v in encoded.items()})
            if new:
                self._add(new, {name: v[len(old) :] for name, v in encoded.items()})
            self.upto = upto

    def changed(self, row: int) -> Item | None:
        """The record of a row that is not, or no longer, as in the Dataset; its vectors are never older than it."""
        return self._changed.get(row)

    def hide(self, row: int, hidden: bool = True) -> None:
        """Never show this item, or show it again."""
        with self._writing:
            self._changed[row] = replace(self.item(row), hidden=hidden)
            self._hidden.put(np.array([row]), np.array([hidden]))

    def _add(self, items: list[Item], encoded: Mapping[str, Vectors]) -> None:
        start = len(self)
        self._changed |= {start + place: item for place, item in enumerate(items)}
        for column, values in zip(self._columns, self._values(items), strict=True):
            column.append(values)
        for name in encoded.keys() - self._vectors.keys():  # the very first items
            self._vectors[name] = Growing(encoded[name][:0], copying=False)
        for name, vectors in self._vectors.items():
            vectors.append(encoded.get(name, np.zeros((len(items), vectors.view.shape[1]), np.float32)))
        for name, groups in self._groups.items():
            groups.append([members(item, name) for item in items])
        self._titles.extend(item.title or item.id for item in items)
        self._publish([item.id for item in items])

    def _change(self, items: list[Item], encoded: Mapping[str, Vectors]) -> None:
        rows = self.rows(item.id for item in items)
        for column, values in zip(self._columns, self._values(items), strict=True):
            column.put(rows, values)
        for name, vectors in encoded.items():
            self._vectors[name].put(rows, vectors)
        self._changed |= {int(row): item for row, item in zip(rows, items, strict=True)}  # last: see `changed`
        for row, item in zip(rows.tolist(), items, strict=True):
            self._titles[row] = item.title or item.id
        for name, groups in self._groups.items():
            groups.put(rows, [members(item, name) for item in items])

    def _whole(self, items: Sequence[Item]) -> list[Item]:
        """Each item once, as it will stand: what was known, and what is said now."""
        whole: dict[str, Item] = {}
        for item in items:
            row = self._rows.get(item.id)
            before = whole.get(item.id) or (None if row is None else self.item(row))
            whole[item.id] = item if before is None else merged(before, item)
        return list(whole.values())

    def _values(self, items: Sequence[Item]) -> tuple[Array, Array, Array, Array]:
        """What stands in the columns for these items, each (n,)."""
        return (
            np.array([item.hidden for item in items], np.bool_),
            _ends([item.valid_from for item in items], -np.inf),
            _ends([item.valid_until for item in items], np.inf),
            self._codes(item.creator for item in items),
        )

    def _values_of(self, data: Dataset) -> tuple[Array, Array, Array, Array]:
        nothing = [None] * len(data.items)
        hidden, start, end, creator = (
            data.item_column(name) or nothing for name in ("hidden", "valid_from", "valid_until", "creator")
        )
        codes = self._codes(name or "" for name in creator)
        return np.array([bool(h) for h in hidden], np.bool_), _ends(start, -np.inf), _ends(end, np.inf), codes

    def _codes(self, creators: Iterable[str]) -> NDArray[np.int64]:
        known = self._creator_codes
        return np.array([known.setdefault(name, len(known)) if name else NO_CREATOR for name in creators], np.int64)

    def _encoded(self, name: str, items: list[Item]) -> Vectors:
        vectors = np.asarray(self._encoders[name].encode(items), np.float32)
        width = self._vectors[name].view.shape[1] if name in self._vectors else None
        check_shape(f"encoder {name!r}", vectors, (len(items), width))
        check_finite(f"encoder {name!r}", vectors)
        return vectors

    def _memberships(self, name: str) -> Memberships:
        found = self._groups.get(name)
        if found is None:
            with self._writing:
                found = Memberships()
                known = 0 if self._data is None else len(self._data.items)
                if self._data is not None:
                    found.start(*members_of(self._data, name), known)
                found.append([members(self._changed[row], name) for row in range(known, len(self))])
                if changed := [row for row in self._changed if row < known]:
                    found.put(np.array(changed, np.int64), [members(self._changed[row], name) for row in changed])
                if found.any:  # whatever else somebody asks of
                    self._groups[name] = found
        return found

    def _publish(self, ids: list[str]) -> None:
        start = len(self._ids)
        self._rows.update((name, start + place) for place, name in enumerate(ids))
        self._ids.extend(ids)


def _ends(times: Sequence[float | None], open_: float) -> NDArray[np.float64]:
    return np.array([open_ if time is None else time for time in times], np.float64)
