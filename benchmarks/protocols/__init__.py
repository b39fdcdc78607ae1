"""One file per benchmark: its data, its protocol, our recipes and the peers' settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from benchmarks.benchmark import Benchmark
from benchmarks.labels import LabelBenchmark

IDS = ("B1", "B2", "B3", "B3t", "B4", "B5", "B6", "B7", "B8", "B9", "B12", "labels")


def parts_of(name: str) -> Mapping[str, Benchmark | LabelBenchmark]:
    """The benchmarks under one id, by data set: most ids have one."""
    found: Mapping[str, Benchmark | LabelBenchmark] = import_module(f"benchmarks.protocols.{name.lower()}").PARTS
    return found
