"""Array types by role, the checks that every constructor uses, membership, and the k-th highest.

Axes are always U users, I items, n candidates, k slots, h history events, d width.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from regard.domain.errors import InvalidInput

Rows: TypeAlias = NDArray[np.int64]  # catalogue rows, (n,)
Scores: TypeAlias = NDArray[np.float64]  # (n,)
Mask: TypeAlias = NDArray[np.bool_]  # (n,)
Vectors: TypeAlias = NDArray[np.float32]  # (n, d)
Array: TypeAlias = NDArray[Any]


def check_shape(where: str, array: Array, shape: tuple[int | None, ...]) -> None:
    """Raise InvalidInput unless `array` has `shape` (None: any length along that axis)."""
    fits = array.ndim == len(shape) and all(w is None or w == g for w, g in zip(shape, array.shape, strict=False))
    if not fits:
        raise InvalidInput(where, f"shape {shape}", f"shape {array.shape}")


def check_finite(where: str, array: Array) -> None:
    """Raise InvalidInput if any number is NaN or infinite."""
    if not np.isfinite(array).all():
        raise InvalidInput(where, "finite numbers", f"{int((~np.isfinite(array)).sum())} NaN or infinite")


def among(rows: Rows, others: Rows) -> Mask:
    """Which of `rows` (n,) are among `others`; `np.isin` for short arrays, at a ninth of its price.

    >>> among(np.array([4, 2]), np.array([1, 2])).tolist()
    [False, True]
    """
    if not len(others):
        return np.zeros(len(rows), np.bool_)
    ordered = np.sort(others)
    place = np.minimum(ordered.searchsorted(rows), len(ordered) - 1)
    return np.asarray(ordered[place] == rows)


def kth_highest(scores: NDArray[np.floating], k: int) -> float:
    """The k-th highest of `scores` (n,), 1 <= k <= n.

    Selected from the top: scores of a catalogue have their ties at the bottom, where nobody met the items, and a
    selection that begins there goes through all of them (100,000 items: 2.8 ms, not .14).

    >>> kth_highest(np.array([1.0, 7.0, 1.0, 5.0]), 2)
    5.0
    """
    return -float(np.partition(-scores, k - 1)[k - 1])
