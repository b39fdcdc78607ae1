"""Array types by role, and the check that every constructor uses.

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
