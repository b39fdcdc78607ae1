"""A policy over candidates and its schooling: linear logits, top-K off-policy REINFORCE over logged lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regard.domain.run import Run
from regard.learning.loop import loop
from regard.learning.losses import top_k_reinforce
from regard.learning.plan import Plan
from regard.learning.steps import plain
from regard.models.logged_lists import EMPTY, LoggedLists

if TYPE_CHECKING:
    from regard.models.policy_gradient import PolicyGradient

Floats = NDArray[np.float64]


class Policy(nn.Module):
    """logits = x . w + b of the item; (n, c, f), rows (n, c; EMPTY: none) -> (n, c), -inf where there is none."""

    def __init__(self, columns: int, sharpness: float, n_items: int) -> None:
        super().__init__()
        start = torch.zeros(columns)
        start[0] = sharpness  # of what the scorer says, the first column
        self.weights = nn.Parameter(start)
        self.own = nn.Parameter(torch.zeros(n_items))

    def forward(self, x: Tensor, rows: Tensor) -> Tensor:
        """(n, c)"""
        logits = x @ self.weights + self.own[rows.clamp(min=0)]
        found: Tensor = logits.masked_fill(rows == EMPTY, float("-inf"))
        return found


class ListBatches:
    """Lists in batches, in another order each epoch."""

    def __init__(self, lists: LoggedLists, x: Floats, advantage: Floats, size: int) -> None:
        self.columns = tuple(
            np.ascontiguousarray(column)
            for column in (
                x.astype(np.float32),
                lists.candidates,
                lists.shown,
                lists.propensity.astype(np.float32),
                advantage.astype(np.float32),
            )
        )
        self.size = size

    @property
    def identity(self) -> str:
        """Of all that is learned from."""
        told = hashlib.sha256(str(self.size).encode())
        for column in self.columns:
            told.update(column.tobytes())
        return told.hexdigest()

    def __len__(self) -> int:
        return -(-len(self.columns[0]) // self.size)

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, ...]]:
        """One pass."""
        order = rng.permutation(len(self.columns[0]))
        for first in range(0, len(order), self.size):
            chosen = order[first : first + self.size]
            yield tuple(torch.from_numpy(column[chosen]) for column in self.columns)


def fit_policy(
    recipe: PolicyGradient, given: tuple[LoggedLists, Floats, Floats], n_items: int, run: Run
) -> tuple[Floats, Floats]:
    """Weights (f,) and items' own logits (I,), from lists, columns (n, c, f) and advantages (n, k)."""
    lists, x, advantage = given
    module = Policy(x.shape[-1], recipe.sharpness, n_items)
    places = lists.shown.shape[1]

    def loss(policy: Any, batch: tuple[Tensor, ...]) -> Tensor:
        columns, rows, shown, propensity, gained = (one.to(policy.own.device) for one in batch)
        lost = top_k_reinforce(policy(columns, rows), shown, propensity, gained, (places, recipe.cap))
        penalty: Tensor = recipe.own * policy.own.square().sum() / 2
        return lost + penalty

    plan = Plan(recipe.epochs, recipe.rate, decay=0.0)
    loop(module, loss, plain, ListBatches(lists, x, advantage, recipe.batch), plan, run)
    return module.weights.detach().double().numpy(), module.own.detach().double().numpy()
