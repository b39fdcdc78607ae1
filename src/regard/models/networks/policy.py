"""A policy over candidates and its schooling: linear logits, top-K off-policy REINFORCE over logged lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regard.domain.arrays import Array, Rows
from regard.domain.run import Run
from regard.learning.loop import loop
from regard.learning.losses import top_k_reinforce
from regard.learning.plan import Plan
from regard.learning.steps import plain

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schooling:
    """How it learns; see `PolicyGradient`."""

    sharpness: float
    cap: float
    own: float
    epochs: int
    batch: int
    rate: float


@dataclass(frozen=True, eq=False)
class Told:
    """n lists: columns and item rows of their candidates, places shown, logged chances, advantages."""

    columns: NDArray[np.float32]  # (n, c, f)
    rows: Rows  # (n, c), negative: none
    shown: Rows  # (n, k), negative: none
    logged: NDArray[np.float32]  # (n, k)
    gained: NDArray[np.float32]  # (n, k)

    def all(self) -> tuple[Array, ...]:
        """In the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self))


class Policy(nn.Module):
    """logits = x . w + b of the item; (n, c, f), rows (n, c) -> (n, c), -inf where there is none."""

    def __init__(self, columns: int, sharpness: float, n_items: int) -> None:
        super().__init__()
        start = torch.zeros(columns)
        start[0] = sharpness  # of what the scorer says, the first column
        self.weights = nn.Parameter(start)
        self.own = nn.Parameter(torch.zeros(n_items))

    def forward(self, x: Tensor, rows: Tensor) -> Tensor:
        """(n, c)"""
        logits = x @ self.weights + self.own[rows.clamp(min=0)]
        found: Tensor = logits.masked_fill(rows < 0, float("-inf"))
        return found


class ListBatches:
    """Lists in batches, in another order each epoch."""

    def __init__(self, told: Told, size: int) -> None:
        self.columns, self.size = told.all(), size

    @property
    def identity(self) -> str:
        """Of all that is learned from."""
        found = hashlib.sha256(str(self.size).encode())
        for column in self.columns:
            found.update(np.ascontiguousarray(column).tobytes())
        return found.hexdigest()

    def __len__(self) -> int:
        return -(-len(self.columns[0]) // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, ...]]:
        """One pass."""
        order = rng.permutation(len(self.columns[0]))
        for first in range(0, len(order), self.size):
            chosen = order[first : first + self.size]
            yield tuple(torch.from_numpy(column[chosen]) for column in self.columns)


def fit_policy(how: Schooling, told: Told, n_items: int, run: Run) -> tuple[Floats, Floats]:
    """Weights (f,) and items' own logits (I,)."""
    module = Policy(told.columns.shape[-1], how.sharpness, n_items)
    places = told.shown.shape[1]

    def loss(policy: Any, batch: tuple[Tensor, ...]) -> Tensor:
        columns, rows, shown, logged, gained = (one.to(policy.own.device) for one in batch)
        lost = top_k_reinforce(policy(columns, rows), shown, logged, gained, (places, how.cap))
        penalty: Tensor = how.own * policy.own.square().sum() / 2
        return lost + penalty

    loop(module, loss, plain, ListBatches(told, how.batch), Plan(how.epochs, how.rate, decay=0.0), run)
    return module.weights.detach().double().numpy(), module.own.detach().double().numpy()
