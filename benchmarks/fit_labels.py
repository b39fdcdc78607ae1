"""Fit one of our recipes for labels in a process of its own: as `benchmarks.fit_ours`, for chances."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.labels import LabelBenchmark, questions
from benchmarks.measuring import measured
from benchmarks.protocols import parts_of
from regard.domain.run import Run


def main(name: str, part: str, model: str, seed: str, data: str, out: str) -> None:
    """Fit on train, ask for the test events without their answers, write their chances."""
    benchmark = parts_of(name)[part]
    assert isinstance(benchmark, LabelBenchmark)
    split = benchmark.load(benchmark.where(Path(data)), int(seed))
    recipe = benchmark.recipes()[model]
    train, run = split.train, Run(seed=int(seed), validation=split.validation)
    fitted, seconds, peak = measured(lambda: recipe.fit(train, run=run), 1)
    asked, chosen = questions(split)
    np.savez(out, chances=fitted.chances(asked)[chosen], fit_seconds=seconds, peak_mb=peak)


if __name__ == "__main__":
    main(*sys.argv[1:])
