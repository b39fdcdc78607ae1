"""Fit one of our recipes in a process of its own: `python -m benchmarks.fit_ours ID PART MODEL SEED DATA OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.exchange import DEPTH, lists_of
from benchmarks.measuring import measured
from benchmarks.protocols import parts_of
from regard.domain.run import Run
from regard.measurement.truth import truth_of


def main(name: str, part: str, model: str, seed: str, data: str, out: str) -> None:
    benchmark = parts_of(name)[part]
    split = benchmark.load(benchmark.where(Path(data)))
    recipe = benchmark.recipes()[model]
    train = split.train
    fitted, seconds, peak = measured(lambda: recipe.fit(train, run=Run(seed=int(seed))), benchmark.repeats)
    rows, scores = lists_of(fitted, split, truth_of(split, benchmark.judged(split)), DEPTH * benchmark.k)
    np.savez(out, rows=rows, scores=scores, fit_seconds=seconds, peak_mb=peak)


if __name__ == "__main__":
    main(*sys.argv[1:])
