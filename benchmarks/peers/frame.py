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
from measuring import measured, now, peak_mb  # type: ignore[import-not-found]

Lists = tuple[Any, Any]  # rows (Q, depth), scores (Q, depth)
Prepared = tuple[Any, Any]  # two functions, as each kind of work below says
Prepare = Callable[[Any, str, dict[str, Any], int], Prepared]  # (train, model, settings, seed)


def work(fit: Prepare) -> None:
    """Run `WORKER MODEL SETTINGS SEED REPEATS TRAIN OUT`.

    `fit(train, model, settings, seed)` returns (fit now, lists of what was fitted); preparing the library's own input
    happens before, untimed.
    """
    model, settings, seed, repeats, source, out = sys.argv[1:]
    fit_now, lists = fit(_arrays(source), model, json.loads(settings), int(seed))
    fitted, seconds, peak = measured(fit_now, int(repeats))
    rows, scores = lists(fitted)
    np.savez(out, rows=rows, scores=scores, fit_seconds=seconds, peak_mb=peak)


def work_by_epochs(prepare: Prepare) -> None:
    """The same for what learns in epochs, with its learning curve: `prepare` returns (one epoch, lists now).

    Of the settings, three are ours: `epochs`, the most; `at_most_seconds` of training, after which no epoch begins; and
    `lists_after`, epochs after which lists are written (always after the last). The clock stands while lists are made.
    """
    model, given, seed, _, source, out = sys.argv[1:]
    train = _arrays(source)
    settings = json.loads(given)
    epochs, at_most, after = (settings.pop(name) for name in ("epochs", "at_most_seconds", "lists_after"))
    one_epoch, lists = prepare(train, model, settings, int(seed))
    seconds, peak = 0.0, 0.0
    curve: list[tuple[float, int, Lists]] = []
    for epoch in range(1, epochs + 1):
        start = now()
        one_epoch()
        seconds += now() - start
        peak = peak or peak_mb()
        last = epoch == epochs or seconds >= at_most
        if last or epoch in after:
            curve.append((seconds, epoch, lists()))
        if last:
            break
    rows, scores = (np.stack([step[2][n] for step in curve]) for n in (0, 1))
    np.savez(
        out,
        rows=rows[-1],
        scores=scores[-1],
        fit_seconds=seconds,
        peak_mb=peak,
        curve_seconds=[step[0] for step in curve],
        curve_epochs=[step[1] for step in curve],
        curve_rows=rows,
        curve_scores=scores,
    )


def work_on_labels(prepare: Prepare) -> None:
    """The same for labels: `prepare` returns (fit now, chances of the test events of what was fitted)."""
    model, settings, seed, repeats, source, out = sys.argv[1:]
    fit_now, chances = prepare(_arrays(source), model, json.loads(settings), int(seed))
    fitted, seconds, peak = measured(fit_now, int(repeats))
    np.savez(out, chances=chances(fitted), fit_seconds=seconds, peak_mb=peak)


def _arrays(source: str) -> dict[str, Any]:
    with np.load(source) as found:
        return {name: found[name] for name in found.files}


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
