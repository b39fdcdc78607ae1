"""Lots: numbers that look random and follow from the query alone, so that a replay draws them again."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from struct import pack

import numpy as np

from regard.domain.arrays import Vectors
from regard.domain.request import Query

COLUMNS = 4096  # of a table of normal numbers that many queries share, each its own window


def lot(query: Query) -> int:
    """A number in [0, 2^64) of the query's moment and person: another one for another moment."""
    return int.from_bytes(blake2b(pack("<dq", query.at, query.user), digest_size=8).digest(), "little")


def normals(seed: int, query: Query, draws: int, n: int) -> Vectors:
    """Standard normal numbers (draws, n) of the query, at the price of a view: a window into a table of `seed`."""
    width = max(COLUMNS, 1 << (2 * n).bit_length())
    start = lot(query) % (width - n)
    return _table(seed, draws, width)[:, start : start + n]


@lru_cache(maxsize=4)
def _table(seed: int, draws: int, width: int) -> Vectors:
    found = np.random.default_rng(seed).standard_normal((draws, width), np.float32)
    found.setflags(write=False)
    return found
