"""What every peer's worker does beside its own library: read the train events, fit and time, write the lists.

Runs in the peers' environments, so it imports NumPy only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from measuring import measured  # type: ignore[import-not-found]

Lists = tuple[Any, Any]  # rows (Q, depth), scores (Q, depth)


def work(fit: Callable[[Any, str, dict[str, Any], int], tuple[Callable[[], Any], Callable[[Any], Lists]]]) -> None:
    """Run `WORKER MODEL SETTINGS SEED REPEATS TRAIN OUT`.

    `fit(train, model, settings, seed)` returns (fit now, lists of what was fitted); preparing the library's own input
    happens before, untimed.
    """
    model, settings, seed, repeats, source, out = sys.argv[1:]
    with np.load(source) as found:
        train = {name: found[name] for name in found.files}
    fit_now, lists = fit(train, model, json.loads(settings), int(seed))
    fitted, seconds, peak = measured(fit_now, int(repeats))
    rows, scores = lists(fitted)
    np.savez(out, rows=rows, scores=scores, fit_seconds=seconds, peak_mb=peak)


def pairs_of(train: Any) -> tuple[Any, Any]:
    """Each (user, item) pair once; where repeats count, as often as it was."""
    if train["again"]:
        return train["user"].astype(np.int64), train["item"].astype(np.int64)
    keys = np.unique(train["user"].astype(np.int64) * int(train["n_items"]) + train["item"])
    users, items = np.divmod(keys, int(train["n_items"]))
    return users, items


def padded(train: Any, by_person: dict[int, Any]) -> Lists:
    """Lists of unequal length as arrays; scores fall by place, because not every library gives them."""
    depth = int(train["depth"])
    rows = np.full((len(train["people"]), depth), -1, np.int64)
    for place, person in enumerate(train["people"]):
        own = np.asarray(by_person.get(int(person), ()), np.int64)[:depth]
        rows[place, : len(own)] = own
    return rows, np.tile(-np.arange(depth, dtype=np.float64), (len(rows), 1))
