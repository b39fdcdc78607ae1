"""Candidates: the columnar batch that walks from stage to stage of the corridor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows, Scores, check_finite, check_shape
from regard.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What a scorer says: mean (n,) finite, spread (n,) >= 0."""

    mean: Scores
    spread: Scores

    def __post_init__(self) -> None:
        check_shape("Scored.spread", self.spread, self.mean.shape)
        check_finite("Scored.mean", self.mean)
        check_finite("Scored.spread", self.spread)
        if (self.spread < 0).any():
            raise InvalidInput("Scored.spread", "numbers >= 0", "a negative one")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """n unique items on their way to a slate, as columns.

    `proposals` (n, s) holds what each of the s `sources` said of each item: its score, or NaN where that source did not
    propose it. The first source with a number keeps the item; all are remembered. `features` (n, f) are named columns.
    `mean` and `spread` (n,) stand here once a scorer has spoken. `dropped` holds the rows that each filter took away.
    """

    rows: Rows
    sources: tuple[str, ...]
    proposals: NDArray[np.float64]
    feature_names: tuple[str, ...] = ()
    features: NDArray[np.float64] | None = None
    mean: Scores | None = None
    spread: Scores | None = None
    dropped: Mapping[str, Rows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.rows)
        check_shape("Candidates.proposals", self.proposals, (n, len(self.sources)))
        ordered = np.sort(self.rows)
        if n and (repeated := int(np.count_nonzero(ordered[1:] == ordered[:-1]))):
            raise InvalidInput("Candidates.rows", "unique rows", f"{repeated} repeated")
        if self.features is not None:
            check_shape("Candidates.features", self.features, (n, len(self.feature_names)))
        for name in ("mean", "spread"):
            column = getattr(self, name)
            if column is not None:
                check_shape(f"Candidates.{name}", column, (n,))
                check_finite(f"Candidates.{name}", column)

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def of(source: str, rows: Rows, scores: NDArray[np.floating]) -> Candidates:
        """What one source proposes: `rows` (n,) best first, with its `scores` (n,)."""
        column = np.asarray(scores, np.float64).reshape(-1, 1)
        return Candidates(np.asarray(rows, np.int64), (source,), column)

    @property
    def scores(self) -> Scores:
        """What the first source said, (n,); for one source's own batch."""
        return self.proposals[:, 0]

    def first(self, k: int) -> Candidates:
        """The first `k` of one source's own batch."""
        return self if len(self) <= k else self._taken(slice(k))

    def proposers(self, indices: Sequence[int]) -> list[tuple[str, ...]]:
        """The sources that proposed each of the candidates at `indices` (m,), first proposer first."""
        said = ~np.isnan(self.proposals[np.asarray(indices, np.int64)])
        return [tuple(compress(self.sources, own)) for own in said.tolist()]

    def with_features(self, names: Sequence[str], columns: NDArray[np.floating]) -> Candidates:
        """The same batch with feature columns (n, f)."""
        check_shape("Candidates.features", columns, (len(self), len(names)))
        return self._changed(feature_names=tuple(names), features=np.asarray(columns, np.float64))

    def feature(self, name: str) -> Scores:
        """One feature column, (n,)."""
        if self.features is None or name not in self.feature_names:
            raise InvalidInput("Candidates.feature", f"one of {self.feature_names}", name)
        return np.asarray(self.features[:, self.feature_names.index(name)], np.float64)

    def where(self, mask: Mask) -> Candidates:
        """The candidates for which `mask` (n,) is true."""
        check_shape("Candidates.where", mask, (len(self),))
        return self._taken(mask)

    def _taken(self, which: Mask | slice) -> Candidates:
        return self._changed(
            rows=self.rows[which],
            proposals=self.proposals[which],
            features=None if self.features is None else self.features[which],
            mean=None if self.mean is None else self.mean[which],
            spread=None if self.spread is None else self.spread[which],
        )

    def scored(self, scored: Scored) -> Candidates:
        """The same batch with one mean and one spread each, (n,)."""
        check_shape("Candidates.mean", scored.mean, (len(self),))
        return self._changed(mean=np.asarray(scored.mean, np.float64), spread=np.asarray(scored.spread, np.float64))

    def after(self, dropped: Mapping[str, Rows]) -> Candidates:
        """The same batch, which knows what each filter took away before it."""
        return self._changed(dropped=dropped)

    def _changed(self, **columns: Any) -> Candidates:
        """The same but for some columns, unchecked: what comes of a batch that was checked has unique rows."""
        made = object.__new__(Candidates)
        for name in NAMES:
            object.__setattr__(made, name, columns.pop(name) if name in columns else getattr(self, name))
        if columns:
            raise TypeError(f"Candidates have no {', '.join(columns)}")
        return made


NAMES = tuple(column.name for column in fields(Candidates))


def union(proposed: Mapping[str, Candidates]) -> Candidates:
    """All proposals in one batch: first proposer first, each item once, every proposer remembered.

    `proposed` maps a source's name to its batch; order in the mapping is precedence.
    """
    names = tuple(proposed)
    if not names:
        return Candidates(np.empty(0, np.int64), (), np.empty((0, 0)))
    everyone = np.concatenate([batch.rows for batch in proposed.values()], dtype=np.int64)
    m, bits = len(everyone), len(everyone).bit_length()
    keys = np.sort((everyone << bits) | np.arange(m))  # by row, then by who came first: one sort of plain numbers
    order, row = keys & ((1 << bits) - 1), keys >> bits
    new = np.ones(m, np.bool_)
    new[1:] = row[1:] != row[:-1]
    first = order[new]
    heads = np.zeros(m, np.bool_)
    heads[first] = True
    place = np.empty(m, np.int64)
    place[order] = (heads.cumsum() - 1)[first][new.cumsum() - 1]
    rows = everyone[heads]
    proposals = np.full((len(rows), len(names)), np.nan)
    column = np.repeat(np.arange(len(names)), [len(batch) for batch in proposed.values()])
    proposals[place, column] = np.concatenate([batch.scores for batch in proposed.values()])
    return Candidates(rows, names, proposals)
