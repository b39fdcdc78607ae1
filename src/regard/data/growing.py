"""Arrays that grow at the end while others read them: views never move, growth doubles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from regard.domain.arrays import Array, Mask, Rows

GONE = -1  # the group of a pair that holds no longer


class Growing:
    """One column (n, ...). One writer at a time; readers take `view`, which never changes its length.

    Appending costs amortised O(new rows): the buffer doubles. `put` changes old rows: with `copying` readers keep what
    they took; without it they may see the new value at once, which for a wide column spares a copy of the whole.
    """

    def __init__(self, start: Array, copying: bool = True) -> None:
        self._buffer = start
        self._owned = False  # the start may be somebody else's, or a file
        self._copying = copying
        self.view = _readable(start)

    def append(self, values: Array) -> None:
        """Add rows (m, ...) at the end."""
        n, end = len(self.view), len(self.view) + len(values)
        if end > len(self._buffer):
            grown = np.empty((max(end, 2 * n, 16), *self._buffer.shape[1:]), self._buffer.dtype)
            grown[:n] = self.view
            self._buffer, self._owned = grown, True
        self._buffer[n:end] = values
        self.view = _readable(self._buffer[:end])

    def put(self, rows: Rows, values: Array) -> None:
        """Change rows (m,) that are there."""
        if self._copying or not self._owned:
            self._buffer, self._owned = self._buffer.copy(), True
        self._buffer[rows] = values
        self.view = _readable(self._buffer[: len(self.view)])


class Memberships:
    """Which groups (tags, genres) each item belongs to, as pairs of row and group that grow with the items.

    One writer at a time; readers wait for nobody. `names` holds the code of each group that anybody ever had.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._rows, self._groups = Growing(np.empty(0, np.int32)), Growing(np.empty(0, np.int32))
        self._held = (self._rows.view, self._groups.view, 0)  # read at once: the pairs, and how many items

    @property
    def any(self) -> bool:
        """Whether any item belongs to any group; it looks at all pairs."""
        return bool((self._held[1] != GONE).any())

    def start(self, rows: Rows, codes: Rows, names: Sequence[str], n: int) -> None:
        """The first `n` items: pairs (m,), `codes` into `names`; -1: none."""
        places = np.array([self.names.setdefault(name, len(self.names)) for name in names] or [GONE], np.int32)
        self._rows.append(np.asarray(rows, np.int32))
        self._groups.append(np.where(codes < 0, GONE, places[codes]))
        self._publish(n)

    def append(self, groups: Sequence[Sequence[str]]) -> None:
        """Add items at the end, each with the names of its groups."""
        n = self._held[2]
        self._add(np.arange(n, n + len(groups)), groups, n + len(groups))

    def put(self, rows: Rows, groups: Sequence[Sequence[str]]) -> None:
        """Items that are there belong to these groups now, and to no other."""
        old = np.flatnonzero(np.isin(self._rows.view, rows))
        if len(old):
            self._groups.put(old, np.full(len(old), GONE, np.int32))
            there = self._groups.view != GONE
            if 2 * np.count_nonzero(there) < len(there):
                self._rows, self._groups = Growing(self._rows.view[there]), Growing(self._groups.view[there])
        self._add(rows, groups, self._held[2])

    def having(self, wanted: Iterable[str]) -> Mask:
        """The items (n,) that belong to one of these groups at least."""
        rows, groups, n = self._held
        found = np.zeros(n, np.bool_)
        for name in wanted:
            if name in self.names:
                found[rows[groups == self.names[name]]] = True
        return found

    def _add(self, rows: Rows, groups: Sequence[Sequence[str]], n: int) -> None:
        codes = [self.names.setdefault(name, len(self.names)) for own in groups for name in own]
        self._rows.append(np.repeat(np.asarray(rows, np.int32), [len(own) for own in groups]))
        self._groups.append(np.array(codes, np.int32))
        self._publish(n)

    def _publish(self, n: int) -> None:
        self._held = (self._rows.view, self._groups.view, n)


def _readable(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view
