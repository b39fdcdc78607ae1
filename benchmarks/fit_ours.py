"""Fit one of our recipes in a process of its own: `python -m benchmarks.fit_ours ID PART MODEL SEED DATA OUT`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.benchmark import Benchmark
from benchmarks.exchange import DEPTH, Lists, lists_of, viewed
from benchmarks.measuring import measured
from benchmarks.protocols import parts_of
from regard.data.artifacts import load
from regard.domain.arrays import Array
from regard.domain.run import Run
from regard.measurement.truth import truth_of
from regard.serving.wiring import FITTED


def main(name: str, part: str, model: str, seed: str, data: str, out: str) -> None:
    """Fit, ask, write."""
    benchmark = parts_of(name)[part]
    assert isinstance(benchmark, Benchmark)
    split = benchmark.load(benchmark.where(Path(data)))
    truths = {"": truth_of(split, benchmark.judged(split))}
    truths |= {view.name: truth_of(*view.of(split)) for view in benchmark.views}
    run = Run(seed=int(seed), validation=benchmark.watch(split) if benchmark.watch else None)
    train, curve, told = split.train, list[tuple[float, int, Lists]](), dict[str, Any]()
    brought = elsewhere(name, benchmark.recipes()[model])
    if brought is not None:
        fitted, told = brought
        lists = lists_of(fitted, split.known, truths, DEPTH * benchmark.k)
    else:
        for epochs, recipe in budgeted(benchmark.recipes()[model], benchmark.budgets):
            fitted, seconds, peak = measured(partial(recipe.fit, train, run=run), benchmark.repeats)
            lists = lists_of(fitted, split.known, truths, DEPTH * benchmark.k)
            curve.append((seconds, epochs, lists[""]))
            told = {"fit_seconds": seconds, "peak_mb": peak}
    arrays: dict[str, Any] = {**told, **viewed(lists), **(_arrays(curve) if len(curve) > 1 else {})}
    np.savez(out, **arrays)


def elsewhere(name: str, recipe: Any) -> tuple[Any, dict[str, Any]] | None:
    """A model of this recipe that was fitted by itself (`benchmarks.fit_whole`), or on another machine: REGARD_FITTED
    names a folder with the artifact ID/ and ID.json: {"fit_seconds"} and "peak_mb", "watched", "device" where there are
    such. It is judged here like any other, and its row says where it learned.
    """
    folder = Path(os.environ.get("REGARD_FITTED", "")) / name
    if not os.environ.get("REGARD_FITTED") or not folder.is_dir():
        return None
    artifact = load(folder)
    fitted = FITTED[artifact.kind](artifact) if artifact.kind in FITTED else None
    if fitted is None or fitted.recipe != recipe:
        return None
    told: dict[str, Any] = json.loads(folder.with_suffix(".json").read_text("utf-8"))
    return fitted, told


def budgeted(recipe: Any, budgets: Sequence[int]) -> list[tuple[int, Any]]:
    """The recipe at each smaller budget of epochs, then itself; only itself where it has no epochs."""
    epochs = getattr(recipe, "epochs", 0)
    return [(n, replace(recipe, epochs=n)) for n in sorted(budgets) if n < epochs] + [(epochs, recipe)]


def _arrays(curve: Sequence[tuple[float, int, Lists]]) -> dict[str, Array]:
    seconds, epochs, lists = zip(*curve, strict=True)
    rows, scores = (np.stack(own) for own in zip(*lists, strict=True))
    arrays = {"seconds": np.array(seconds), "epochs": np.array(epochs), "rows": rows, "scores": scores}
    return {f"curve_{what}": array for what, array in arrays.items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
