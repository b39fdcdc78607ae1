"""Interests: what a person met, in groups of alike items, and how much of their vector each group carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from regard.domain.arrays import Rows, Scores
from regard.domain.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Interest:
    """Items met that are alike (`rows`, strongest first), what each adds (`amounts`), and the group's share of all."""

    weight: float  # in [0, 1]; those of a person sum to 1
    rows: Rows
    amounts: Scores


def grouped(rows: Rows, vectors: NDArray[np.floating], amounts: Scores, alike: float) -> tuple[Interest, ...]:
    """Items (h,) with their vectors (h, d) and what each adds (h,), the heaviest group first.

    Average linkage (Sokal & Michener 1958) over cosines, cut where two groups are less than `alike`. What counts
    against the person's vector keeps its amount and weighs nothing.
    """
    if not -1 <= alike <= 1:
        raise InvalidInput("interests.alike", "a cosine in [-1, 1]", repr(alike))
    if not len(rows):
        return ()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    far = np.clip(1.0 - (units @ units.T)[np.triu_indices(len(rows), 1)], 0.0, 2.0)
    groups = fcluster(linkage(far, "average"), 1.0 - alike, "distance") if len(rows) > 1 else np.ones(1, np.int64)
    speaks = np.maximum(amounts, 0.0)
    shares = speaks / speaks.sum() if speaks.any() else np.full(len(rows), 1.0 / len(rows))
    found = []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        members = members[np.argsort(-amounts[members], kind="stable")]
        found.append(Interest(float(shares[members].sum()), rows[members], amounts[members]))
    return tuple(sorted(found, key=lambda interest: -interest.weight))
