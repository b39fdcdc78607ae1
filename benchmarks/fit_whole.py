"""Fit one of our recipes by itself: `python -m benchmarks.fit_whole B3 "Behaviour, HSTU" DATA FOLDER`.

A benchmark judges what it leaves in FOLDER (ID/ and ID.json) where REGARD_FITTED names the folder. Its learning curve
is what early stopping saw after each epoch, so one fit gives it; broken off, it goes on after its last epoch. With
REGARD_BENCHMARK_CLOCK=cpu its seconds are the processor's, which waiting for others does not lengthen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark
from benchmarks.measuring import now, peak_mb
from benchmarks.protocols import parts_of
from regard.data.artifacts import save
from regard.domain.run import Run


@dataclass(frozen=True)
class Watching:
    """A tracker: [epoch, seconds of training, figure] of each epoch, one JSON line each in a file, read from there."""

    path: Path
    spent: float  # seconds before this process
    began: float = field(default_factory=now)

    @classmethod
    def at(cls, path: Path) -> Watching:
        """Goes on with what is there."""
        seen = cls(path, 0.0).seen()
        return cls(path, seen[-1][1] if seen else 0.0)

    def __call__(self, step: str, told: Mapping[str, float]) -> None:
        """One more epoch."""
        with self.path.open("a", encoding="utf-8") as lines:
            print(json.dumps([int(step.split()[-1]), self.seconds(), told["figure"]]), file=lines)

    def seconds(self) -> float:
        """Of training until now."""
        return self.spent + now() - self.began

    def seen(self) -> list[list[float]]:
        """All epochs, those of broken-off fits as well; one that was told twice as it was told last."""
        lines = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        return list({said[0]: said for said in map(json.loads, lines)}.values())


def main(name: str, model: str, data: str, out: str) -> None:
    """Fit, keep."""
    (benchmark,) = parts_of(name).values()
    assert isinstance(benchmark, Benchmark)
    folder, split = Path(out), benchmark.load(benchmark.where(Path(data)))
    assert benchmark.watch is not None
    (folder / f"{name}-steps").mkdir(parents=True, exist_ok=True)
    watching = Watching.at(folder / f"{name}.jsonl")
    run = Run(validation=benchmark.watch(split), folder=folder / f"{name}-steps", tracker=watching)
    fitted: Any = benchmark.recipes()[model].fit(split.train, run=run)
    told: dict[str, Any] = {"fit_seconds": watching.seconds(), "peak_mb": peak_mb(), "watched": watching.seen()}
    save(fitted.artifact(), folder / name)
    (folder / f"{name}.json").write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
