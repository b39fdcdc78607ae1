"""Teaching: what a next-item network loses on a batch, by any of the losses and negatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from regard.models.networks.streams import Batch

if TYPE_CHECKING:
    from torch import Tensor

Losses = Literal["full_softmax", "sampled_softmax", "gbce", "bpr"]
Drawing = Literal["uniform", "popular", "in_batch", "hard"]


@dataclass(frozen=True)
class Kinds:
    """Which loss, over which negatives, and how many of them a batch shares."""

    loss: Losses
    negatives: Drawing
    samples: int


def next_item_loss(kinds: Kinds, counts: Tensor, masked: float) -> Callable[[Any, Batch], Tensor]:
    """(module, batch) -> one loss per event foretold; `counts` (I,): people per item.

    With `masked`, this share of the items met is hidden and foretold as well, from those before and the hidden event's
    own action, value and gap.
    """
    import torch

    from regard.learning import losses, negatives

    choices: dict[str, Callable[[], negatives.Negatives]] = {
        "uniform": lambda: negatives.uniform(len(counts), kinds.samples),
        "popular": lambda: negatives.popular(counts, kinds.samples),
        "in_batch": lambda: negatives.in_batch(counts, kinds.samples),
        "hard": lambda: negatives.hard(len(counts), kinds.samples),
    }
    draw = choices[kinds.negatives]()
    sampled = {"sampled_softmax": losses.sampled_softmax, "gbce": losses.gbce, "bpr": losses.bpr}

    def told(users: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        if not len(targets):  # nothing that negatives could be drawn from
            return users.new_zeros(0)
        if kinds.loss == "full_softmax":
            return losses.full_softmax(users, table, targets)
        return sampled[kinds.loss](users, table, targets, draw(targets, users, table))

    def loss(module: Any, batch: Batch) -> Tensor:
        read = module(batch, masked)
        targets = torch.from_numpy(batch.targets).to(read.items.device)
        right = targets >= 0
        found = told(read.people[right], read.items, targets[right])
        if masked:
            met = torch.from_numpy(batch.items).to(read.items.device)[read.hidden]
            found = torch.cat([found, told(module.unmask(read.history[read.hidden]), read.items, met)])
        return found

    return loss
