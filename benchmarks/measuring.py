"""Measuring a fit inside its own process: seconds and peak memory. Imports nothing, so that peers use it too."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 10.0  # seconds; a fit longer than this is not repeated
CLOCK = "REGARD_BENCHMARK_CLOCK"  # "cpu": seconds of the processor count, which waiting for others does not lengthen
now = time.process_time if os.environ.get(CLOCK) == "cpu" else time.perf_counter


def measured(fit: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """What `fit` returns, the shortest of its times in seconds, and the peak of this process in MB after the first."""
    seconds: list[float] = []
    peak, fitted = 0.0, None
    for _ in range(repeats):
        start = now()
        fitted = fit()
        seconds.append(now() - start)
        peak = peak or peak_mb()
        if seconds[-1] > PATIENCE:
            break
    return fitted, min(seconds), peak


def peak_mb() -> float:
    """The largest resident set of this process so far in MB.

    From VmHWM, because ru_maxrss starts at what the parent held when it forked.
    """
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
