"""Reading: the words of items as content vectors, and which items are still to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from regard.domain.arrays import Mask, Vectors, check_finite, check_shape
from regard.domain.protocols import Encoder
from regard.domain.records import Item

Recall: TypeAlias = Callable[[Sequence[Item]], tuple[Vectors, Mask]]  # vectors (n, d) known at once; who has one (n,)
Runs: TypeAlias = tuple[tuple[int, int], ...]  # rows as (first, end)
NO_ENCODERS: Mapping[str, Encoder[Item]] = MappingProxyType({})
NO_RECALLS: Mapping[str, Recall] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class AsOf:
    """How items stand: as of change number `items`, but that the words of the rows of `unread` are still to be read.

    Until then their content vectors are zeros; all else that they say counts.
    """

    items: int = 0
    unread: Runs = ()

    @classmethod
    def of(cls, items: int, unread: Iterable[int]) -> AsOf:
        """With single rows as runs.

        >>> AsOf.of(7, [5, 1, 4])
        AsOf(items=7, unread=((1, 2), (4, 6)))
        """
        rows = np.array(sorted(unread), np.int64)
        parts = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []
        return cls(items, tuple((int(part[0]), int(part[-1]) + 1) for part in parts))

    @property
    def rows(self) -> list[int]:
        """The rows of `unread`, one by one."""
        return [row for first, end in self.unread for row in range(first, end)]


@dataclass(frozen=True, slots=True)
class Reading:
    """Encoders by name, and by the same name what gives the vectors of words that were read before."""

    encoders: Mapping[str, Encoder[Item]]
    recalls: Mapping[str, Recall]

    def encoded(self, name: str, items: Sequence[Item], width: int | None) -> Vectors:
        """What the words of items say, (n, width); whatever the encoder raises."""
        vectors = np.asarray(self.encoders[name].encode(items), np.float32)
        check_shape(f"encoder {name!r}", vectors, (len(items), width))
        check_finite(f"encoder {name!r}", vectors)
        return vectors

    def recalled(self, items: Sequence[Item], widths: Mapping[str, int]) -> tuple[dict[str, Vectors], Mask]:
        """What is known without an encoder: vectors (n, d) by name, of whom all is known, (n,); zeros of others."""
        known, said = np.ones(len(items), np.bool_), dict[str, Vectors]()
        for name in self.encoders if len(items) else ():
            if name in widths:
                said[name] = np.zeros((len(items), widths[name]), np.float32)
            if name not in said or name not in self.recalls:
                known[:] = False
                continue
            vectors, there = self.recalls[name](items)
            if vectors.shape[1] == widths[name]:
                said[name][there] = vectors[there]
            known &= there
        for vectors in said.values():
            vectors[~known] = 0
        return said, known
