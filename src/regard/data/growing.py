"""Arrays that grow at the end while others read them: views never move, growth doubles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse

from regard.domain.arrays import Array, Rows


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
    """Which groups (tags, genres) each item belongs to, as a sparse (n, g) matrix of ones that grows with the items."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._indices = Growing(np.empty(0, np.int64))
        self._ends = Growing(np.zeros(1, np.int64))
        self._ones = Growing(np.empty(0, np.float32))
        self.matrix = sparse.csr_array((0, 0), dtype=np.float32)

    def append(self, groups: Iterable[Sequence[str]]) -> None:
        """Add rows at the end, each with the names of its groups."""
        codes = [[self.names.setdefault(name, len(self.names)) for name in dict.fromkeys(own)] for own in groups]
        flat = np.array([code for own in codes for code in own], np.int64)
        ends = self._ends.view[-1] + np.cumsum([len(own) for own in codes], dtype=np.int64)
        self._indices.append(flat)
        self._ones.append(np.ones(len(flat), np.float32))
        self._ends.append(ends)
        shape = (len(self._ends.view) - 1, len(self.names))
        self.matrix = sparse.csr_array((self._ones.view, self._indices.view, self._ends.view), shape=shape)


def _readable(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view
