"""Run: what a fit may use besides data and its own recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from regard.domain.dataset import Dataset

Progress: TypeAlias = Callable[[str, float], None]  # (what, share done in 0..1)
Tracker: TypeAlias = Callable[[str, Mapping[str, float]], None]  # (step, named figures)


def silent(*_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seed, validation data, progress, a folder for checkpoints, a warm start, a tracker, a device.

    Two fits of one recipe on one Dataset with one seed give the same thing (on a GPU: nearly). `device` is where
    networks learn, as PyTorch names it: "cpu", "cuda".
    """

    seed: int = 0
    validation: Dataset | None = None
    progress: Progress = silent
    folder: Path | None = None
    warm_start: Any = None  # the previously fitted thing of the same kind
    tracker: Tracker = silent
    device: str = "cpu"

    def rng(self) -> np.random.Generator:
        """A fresh generator from the seed."""
        return np.random.default_rng(self.seed)
