"""Negatives: which items an example is told apart from, and how often each is expected among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor


@dataclass(frozen=True)
class Drawn:
    """m items, shared by the n examples of a batch, with the logs of their expected counts among m draws."""

    items: Tensor  # (m,)
    log_items: Tensor  # (m,)
    log_targets: Tensor  # (n,)


# targets (n,), and for hard ones the people's (n, d) and the items' vectors (I, d); draws from torch's generator
Negatives: TypeAlias = Callable[[Tensor, Tensor, Tensor], Drawn]
HARDER = 8  # so many times more items are looked at than are kept


def uniform(n_items: int, samples: int) -> Negatives:
    """Every item alike."""
    return _drawing(torch.full((n_items,), 1.0 / n_items), samples)


def popular(counts: Tensor, samples: int, exponent: float = 0.75) -> Negatives:
    """In proportion to counts (I,) ** exponent (Mikolov et al. 2013); an item without events is lent one."""
    worth = counts.clamp(min=1.0) ** exponent
    return _drawing(worth / worth.sum(), samples)


def in_batch(counts: Tensor, samples: int) -> Negatives:
    """Targets of other examples of the batch; item i is expected in proportion to its share of all `counts` (I,)."""
    chances = counts.clamp(min=1.0)
    logs = (chances / chances.sum()).log()

    def draw(targets: Tensor, _users: Tensor, _items: Tensor) -> Drawn:
        chosen = targets[torch.randperm(len(targets))[:samples].to(targets.device)]
        own, scale = logs.to(targets.device), math.log(max(1, len(chosen)))
        return Drawn(chosen, own[chosen] + scale, own[targets] + scale)

    return draw


def hard(n_items: int, samples: int) -> Negatives:
    """Of HARDER times as many uniform draws those that some person of the batch scores highest.

    Dynamic negatives (Zhang et al. 2013); they are no sample of anything, so nothing is corrected. They suit losses of
    differences (bpr, softmax) more than gbce, which takes each for a certain no.
    """
    pool = uniform(n_items, HARDER * samples)

    def draw(targets: Tensor, users: Tensor, items: Tensor) -> Drawn:
        drawn = pool(targets, users, items).items
        with torch.no_grad():
            highest = (users @ items[drawn].T).float().amax(dim=0)
        chosen = drawn[highest.topk(min(samples, len(drawn))).indices]
        nothing = torch.zeros(1, device=targets.device)
        return Drawn(chosen, nothing.expand(len(chosen)), nothing.expand(len(targets)))

    return draw


def _drawing(chances: Tensor, samples: int) -> Negatives:
    """`samples` draws with replacement by `chances` (I,): one search in the cumulated chances each."""
    edges = chances.double().cumsum(0)
    logs = (chances * samples).log()

    def draw(targets: Tensor, _users: Tensor, _items: Tensor) -> Drawn:
        where = torch.rand(samples, dtype=torch.float64) * edges[-1]
        chosen = torch.searchsorted(edges, where, right=True).clamp(max=len(chances) - 1)
        own, chosen = logs.to(targets.device), chosen.to(targets.device)
        return Drawn(chosen, own[chosen], own[targets])

    return draw
