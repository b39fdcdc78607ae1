"""Int8: vectors as whole numbers of one byte and their scales, a quarter of float32; what serves is kept so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Vectors, check_finite, check_shape
from regard.domain.errors import InvalidInput

LARGEST = 127  # symmetric: -128 stays unused, so that a vector and its opposite are kept alike


@dataclass(frozen=True, slots=True, eq=False)
class Int8:
    """Vectors (n, d) as `values` (n, d) in -127..127 times `scale`: (n, 1) one for each row, or (1, d) for each column.

    No number is off by more than half its scale. Rows keep the direction of short and long vectors alike: the form of
    artifacts. Columns let a scale move into the query, q . x = (q s) . v, so that whole numbers are compared: the
    form of an index.
    """

    values: NDArray[np.int8]
    scale: Vectors

    def __post_init__(self) -> None:
        check_shape("Int8.values", self.values, (None, None))
        check_finite("Int8.scale", self.scale)
        n, d = self.values.shape
        if self.values.dtype != np.int8 or self.scale.shape not in ((n, 1), (1, d)):
            got = f"{self.values.dtype} and shape {self.scale.shape}"
            raise InvalidInput("Int8", f"int8 values with scales ({n}, 1) or (1, {d})", got)

    @staticmethod
    def of(vectors: Vectors, per: Literal["row", "column"] = "row") -> Int8:
        """The nearest whole numbers; the largest of each row (column) becomes 127. A row (column) of zeros stays zero.

        >>> short = Int8.of(np.array([[0.5, -1.0], [0.0, 0.0]], np.float32))
        >>> short.values.tolist(), short.decoded().round(2).tolist()
        ([[64, -127], [0, 0]], [[0.5, -1.0], [0.0, 0.0]])
        """
        check_shape("Int8.of", vectors, (None, None))
        check_finite("Int8.of", vectors)
        axis = 1 if per == "row" else 0
        most = np.maximum(vectors.max(axis, initial=0.0, keepdims=True), -vectors.min(axis, initial=0.0, keepdims=True))
        scale = np.where(most > 0, np.maximum(most / LARGEST, np.finfo(np.float32).tiny), 1.0).astype(np.float32)
        return Int8(np.clip(np.rint(vectors / scale), -LARGEST, LARGEST).astype(np.int8), scale)

    def __len__(self) -> int:
        return len(self.values)

    def decoded(self, rows: Rows | slice = slice(None)) -> Vectors:
        """The vectors again, all or those of `rows` (r,): float32 (r, d)."""
        scale = self.scale if len(self.scale) == 1 else self.scale[rows]
        return np.asarray(self.values[rows] * scale, np.float32)
