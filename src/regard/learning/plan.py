"""Plan: how long and how fast a training loop learns, and when it stops."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from regard.domain.errors import InvalidInput


@dataclass(frozen=True)
class Plan:
    """AdamW (Loshchilov & Hutter 2019) with a warm-up and a cosine to a tenth of `rate`.

    epochs: passes over the batches. rate: the highest learning rate. decay: of the weights. warm_up: share of all
    updates. accumulate: batches whose gradients make one update. clip: largest norm of the gradient. precision:
    "bfloat16" computes the loss under autocast, on a GPU or a CPU with AVX-512; elsewhere it would not pay, and float32
    is used (docs/log.md). figure: what early stopping watches (higher is better), once an epoch; it draws no random
    numbers. patience: epochs without a better figure; then the best parameters come back. every: updates between two
    checkpoints.
    """

    epochs: int = 10
    rate: float = 1e-3
    decay: float = 0.01
    warm_up: float = 0.05
    accumulate: int = 1
    clip: float = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    figure: Callable[[Any], float] | None = None
    patience: int = 3
    every: int = 500

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("rate", 0 < self.rate < math.inf, "a number > 0"),
            ("decay", 0 <= self.decay < math.inf, "a number >= 0"),
            ("warm_up", 0 <= self.warm_up <= 1, "a share in [0, 1]"),
            ("accumulate", self.accumulate >= 1, "at least 1"),
            ("clip", self.clip > 0, "a norm > 0"),
            ("precision", self.precision in ("float32", "bfloat16"), "float32 or bfloat16"),
            ("patience", self.patience >= 1, "at least 1"),
            ("every", self.every >= 1, "at least 1"),
        ):
            if not fits:
                raise InvalidInput(f"Plan.{name}", expected, repr(getattr(self, name)))

    def rate_at(self, update: int, updates: int) -> float:
        """The learning rate of update `update` (from 0) of `updates`.

        >>> plan = Plan(rate=1.0, warm_up=0.2)
        >>> [round(plan.rate_at(update, 10), 3) for update in (0, 1, 2, 6, 10)]
        [0.5, 1.0, 1.0, 0.55, 0.1]
        """
        warming = math.ceil(self.warm_up * updates)
        if update < warming:
            return self.rate * (update + 1) / warming
        gone = (update - warming) / max(1, updates - warming)
        return self.rate * (0.1 + 0.9 * (1 + math.cos(math.pi * min(gone, 1.0))) / 2)
