"""One file per benchmark: its data, its protocol, our recipes and the peers' settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from benchmarks.benchmark import Benchmark

IDS = ("B1", "B2", "B3", "B6", "B7", "B12")


def parts_of(name: str) -> Mapping[str, Benchmark]:
    """The benchmarks under one id, by data set: most ids have one."""
    found: Mapping[str, Benchmark] = import_module(f"benchmarks.protocols.{name.lower()}").PARTS
    return found
