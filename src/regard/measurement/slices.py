"""Slices: groups of people, and of items, by what we know of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask

HEAD = 0.8  # the share of all events that the head of the catalogue holds; the rest is the long tail


def segments(lengths: NDArray[np.integer]) -> Mapping[str, Mask]:
    """Who is cold (no history), warm (some), light and heavy (lowest and highest quarter of the warm ones); (Q,) each.

    `lengths` (Q,): items known of each person. Bounds belong to both quarters.
    """
    warm = lengths > 0
    if not warm.any():
        return {"cold": ~warm}
    low, high = np.quantile(lengths[warm], (0.25, 0.75))
    found = {"cold": ~warm, "warm": warm, "light": warm & (lengths <= low), "heavy": warm & (lengths >= high)}
    return {name: mask for name, mask in found.items() if mask.any() and not mask.all()}


def item_segments(counts: NDArray[np.floating], asked: Mask) -> Mapping[str, Mask]:
    """The long tail, and where some item of `asked` (I,) is cold (nobody met it in train), cold and warm apart.

    `counts` (I,): people who met each item in train. Segments without an item of `asked` are left out; (I,) each.
    """
    cold = counts == 0
    found = {"long tail": long_tail(counts)}
    if (cold & asked).any():
        found |= {"cold items": cold, "warm items": ~cold}
    return {name: mask for name, mask in found.items() if name == "long tail" or (mask & asked).any()}


def long_tail(counts: NDArray[np.floating]) -> Mask:
    """The items outside the smallest head that holds HEAD of all events, (I,); `counts` (I,)."""
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    tail = np.empty(len(counts), np.bool_)
    tail[order] = before >= HEAD * counts.sum()
    return tail
