"""Items in memory: id <-> row, attributes, vectors; append-only rows, so a new item can be served at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from regard.data.growing import Growing, Memberships
from regard.data.item_columns import ItemColumns
from regard.data.item_records import members, members_of, merged, record, records
from regard.data.reading import NO_ENCODERS, NO_RECALLS, AsOf, Reading, Recall
from regard.domain.arrays import Mask, Rows, Scores, Vectors
from regard.domain.dataset import Dataset
from regard.domain.errors import NotFound
from regard.domain.protocols import Encoder
from regard.domain.records import Item
from regard.domain.request import UNKNOWN

FORGOTTEN = "\0{}"  # the id of a row whose person or item was deleted; PostgreSQL keeps no such id: it is nobody's


class Catalogue:
    """All items as columns over their rows (I, ...), the same rows as in the store and in a Dataset.

    One writer at a time (a lock sees to it), any number of readers, who wait for nobody: what they took stays as it
    was, but for vectors of changed items. New rows are published last, when all their columns stand. `encoders`, by
    name, give new items their content vectors, `recalls` those that need no encoder; kinds of vectors without an
    encoder get zeros. It stands at least `as_of`, and has nothing beyond `coming`: where a reader found both equal,
    nothing changed under them.
    """

    def __init__(
        self, encoders: Mapping[str, Encoder[Item]] = NO_ENCODERS, recalls: Mapping[str, Recall] = NO_RECALLS
    ) -> None:
        self._reading = Reading(encoders, recalls)
        self._writing = threading.Lock()
        self.as_of = self.coming = AsOf()
        self._unread: dict[int, None] = {}  # rows whose words are still to be read, those that changed last at the end
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._data: Dataset | None = None
        self._changed: dict[int, Item] = {}  # what is not, or no longer, as in the Dataset
        self._columns = ItemColumns()
        self._titles: list[str] = []
        self._vectors: dict[str, Growing] = {}
        self._groups: dict[str, Memberships] = {}

    @classmethod
    def of(
        cls,
        data: Dataset,
        encoders: Mapping[str, Encoder[Item]] = NO_ENCODERS,
        recalls: Mapping[str, Recall] = NO_RECALLS,
    ) -> Catalogue:
        """The items of a Dataset, row for row. Vectors that it lacks are made by their encoder now."""
        catalogue = cls(encoders, recalls)
        catalogue._data = data
        catalogue._columns.start(data)
        catalogue._titles = data.titles
        catalogue._vectors = {name: Growing(vectors, copying=False) for name, vectors in data.vectors.items()}
        catalogue._publish(list(data.items))
        for name in encoders.keys() - data.vectors.keys() if len(data.items) else ():
            vectors = catalogue._reading.encoded(name, list(records(data)), None)
            catalogue._vectors[name] = Growing(vectors, copying=False)
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
        return self._columns.hidden.view

    @property
    def valid_from(self) -> Scores:
        """Unix seconds from which an item may be shown, (I,); -inf: open."""
        return self._columns.valid_from.view

    @property
    def valid_until(self) -> Scores:
        """Unix seconds until which an item may be shown, (I,); inf: open."""
        return self._columns.valid_until.view

    @property
    def creators(self) -> NDArray[np.int64]:
        """Codes of the items' creators, (I,); -1: none is known."""
        return self._columns.creators.view

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
        mask = found.having(wanted)
        return mask if mask.any() or found.any else None

    @property
    def unread(self) -> dict[int, None]:
        """Rows whose words are still to be read, those that changed last at the end; it is replaced, never changed."""
        return self._unread

    def upsert(self, items: Sequence[Item]) -> Rows:
        """Add new items and change known ones (empty fields say nothing); returns their rows, (n,).

        The same merge as the store's, so that both know the same. All is encoded before anything changes.
        """
        with self._writing:
            whole = self._whole(items)
            old = [item for item in whole if item.id in self._rows]
            new = [item for item in whole if item.id not in self._rows]
            self._hold(old, new, self._encoded([*old, *new]))
            rows = self.rows(item.id for item in items)
            self._unread = {row: None for row in self._unread if row not in rows}
            self.as_of = self.coming = AsOf.of(self.as_of.items, self._unread)
            return rows

    def follow(self, changed: Sequence[tuple[int, Item]], gone: Iterable[int] = (), upto: int = 0) -> None:
        """Hold these rows exactly as the store does; rows of deleted items stay, nameless and hidden.

        `changed` holds (row, item) in the order of rows; new rows go on where the catalogue ends. `upto` is the number
        of the store's change up to which this is all. No encoder is asked: words that nobody recalls are left unread.
        """
        with self._writing:
            known, start = dict(changed), len(self)
            nameless = {row: Item(FORGOTTEN.format(row), hidden=True) for row in gone if row not in known}
            end = max([*known, *nameless, start - 1]) + 1
            whole = {**nameless, **known}
            old = [(row, item) for row, item in whole.items() if row < start]
            new = [whole[row] for row in range(start, end)]
            rows = [*(row for row, _ in old), *range(start, end)]
            said, read = self._reading.recalled([*(item for _, item in old), *new], self._widths)
            unread = {row: None for row in self._unread if row not in whole}
            unread |= {row: None for row, there in zip(rows, read, strict=True) if not there}
            self.coming = AsOf.of(upto, unread)
            for row, item in old:
                if self._ids[row] != item.id:
                    self._rows.pop(self._ids[row], None)
                    self._ids[row] = item.id
                    self._rows[item.id] = row
            self._hold([item for _, item in old], new, said)
            self._unread, self.as_of = unread, self.coming

    def read(self, rows: Iterable[int] | None = None) -> Rows:
        """Read the words of those of `rows` (default: all) that are unread; returns the rows that are read now, (n,).

        Nobody waits for the encoder: what changes meanwhile stays unread. An error of the encoder changes nothing.
        """
        with self._writing:
            chosen = self._unread.keys() if rows is None else [row for row in rows if row in self._unread]
            asked = {row: self._changed.get(row) for row in chosen}
            items = [item or self.item(row) for row, item in asked.items()]
        encoded = self._encoded(items)
        with self._writing:
            same = [row in self._unread and self._changed.get(row) is item for row, item in asked.items()]
            found = np.array(list(asked), np.int64)[np.array(same, np.bool_)]
            done = frozenset(found.tolist())
            unread = dict.fromkeys(row for row in self._unread if row not in done)
            self._say(found, {name: vectors[same] for name, vectors in encoded.items()}, unread)
        return found

    def leave_unread(self, rows: Iterable[int]) -> None:
        """Stand as when these rows were unread, and no others."""
        wanted = dict.fromkeys(rows)
        self.read([row for row in self._unread if row not in wanted])
        with self._writing:
            blank = np.array([row for row in wanted if row not in self._unread], np.int64)
            silent = {name: np.zeros((len(blank), width), np.float32) for name, width in self._widths.items()}
            self._say(blank, {name: silent[name] for name in self._reading.encoders if name in silent}, wanted)

    def changed(self, row: int) -> Item | None:
        """The record of a row that is not, or no longer, as in the Dataset; its vectors are never older than it."""
        return self._changed.get(row)

    def _say(self, rows: Rows, said: Mapping[str, Vectors], unread: dict[int, None]) -> None:
        """Give rows (n,) other vectors (n, d) by name; whoever made something of the former makes it anew."""
        if not len(rows):
            return
        self.coming = AsOf.of(self.as_of.items, unread)
        for name, vectors in said.items():
            if name not in self._vectors:  # of the very first items
                self._vectors[name] = Growing(np.zeros((len(self), vectors.shape[1]), np.float32), copying=False)
            self._vectors[name].put(rows, vectors)
        self._changed |= {row: replace(self._changed[row]) for row in rows.tolist() if row in self._changed}
        self._unread, self.as_of = unread, self.coming

    def _hold(self, old: list[Item], new: list[Item], said: Mapping[str, Vectors]) -> None:
        """Known and new items, with the vectors (n, d) of all by name."""
        if old:
            self._change(old, {name: vectors[: len(old)] for name, vectors in said.items()})
        if new:
            self._add(new, {name: vectors[len(old) :] for name, vectors in said.items()})

    def _add(self, items: list[Item], encoded: Mapping[str, Vectors]) -> None:
        start = len(self)
        self._changed |= {start + place: item for place, item in enumerate(items)}
        self._columns.append(items)
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
        self._columns.put(rows, items)
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

    @property
    def _widths(self) -> dict[str, int]:
        return {name: vectors.view.shape[1] for name, vectors in self._vectors.items()}

    def _encoded(self, items: list[Item]) -> dict[str, Vectors]:
        widths = self._widths
        return {name: self._reading.encoded(name, items, widths.get(name)) for name in self._reading.encoders if items}

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
