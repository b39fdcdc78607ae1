"""Missing values filled and numbers scaled by what the training rows say, so that test rows cannot leak into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from regard.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Prepare:
    """A recipe: `impute` numbers by mean, median or most frequent value (texts always by the most frequent one), and
    `scale` numbers: "standard" (mean 0, standard deviation 1), "range" (0 to 1) or "none". Flags and lists stay.
    """

    impute: Literal["mean", "median", "most_frequent"] = "median"
    scale: Literal["standard", "range", "none"] = "standard"

    def __post_init__(self) -> None:
        if self.impute not in ("mean", "median", "most_frequent"):
            raise InvalidInput("Prepare.impute", "mean, median or most_frequent", repr(self.impute))
        if self.scale not in ("standard", "range", "none"):
            raise InvalidInput("Prepare.scale", "standard, range or none", repr(self.scale))

    def fit(self, table: pl.DataFrame) -> Prepared:
        """Learn from the training rows (n, columns) alone.

        >>> ready = Prepare("median", "none").fit(pl.DataFrame({"age": [20.0, None, 40.0]}))
        >>> ready.transform(pl.DataFrame({"age": [None, 99.0]}))["age"].to_list()
        [30.0, 99.0]
        """
        fills: dict[str, Any] = {}
        scales: dict[str, tuple[float, float]] = {}
        for column in map(_clean, table):
            if not column.dtype.is_numeric() and column.dtype != pl.String:
                continue
            fills[column.name] = self._fill(column)
            if column.dtype.is_numeric():
                scales[column.name] = self._scale(column.fill_null(fills[column.name]))
        return Prepared(fills, scales)

    def _fill(self, column: pl.Series) -> Any:
        held = column.drop_nulls()
        if not len(held):
            return 0.0 if column.dtype.is_numeric() else ""
        if column.dtype == pl.String or self.impute == "most_frequent":
            return held.mode().sort()[0]  # ties: the smallest
        return held.median() if self.impute == "median" else held.mean()

    def _scale(self, column: pl.Series) -> tuple[float, float]:
        numbers = column.to_numpy().astype(float)
        if self.scale == "none" or not len(numbers):
            return 0.0, 1.0
        if self.scale == "standard":
            return float(numbers.mean()), float(numbers.std()) or 1.0
        return float(numbers.min()), float(numbers.max() - numbers.min()) or 1.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was learned: the filling of each column, and (centre, width) of each number."""

    fills: Mapping[str, Any]
    scales: Mapping[str, tuple[float, float]]

    def transform(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table (n, columns) with nothing missing and numbers scaled; InvalidInput if a column is not there."""
        absent = [name for name in self.fills if name not in table.columns]
        if absent:
            raise InvalidInput("Prepared.transform", f"the columns {list(self.fills)}", f"no {absent}")
        ready = []
        for column in map(_clean, table):
            if column.name in self.fills:
                column = column.fill_null(self.fills[column.name])
            if column.name in self.scales:
                centre, width = self.scales[column.name]
                column = (column - centre) / width
            ready.append(column)
        return pl.DataFrame(ready)


def _clean(column: pl.Series) -> pl.Series:
    """Numbers as floats; NaN is missing."""
    return column.cast(pl.Float64).fill_nan(None) if column.dtype.is_numeric() else column
