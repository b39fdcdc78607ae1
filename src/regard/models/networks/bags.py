"""Bags: rows of weighted tokens (Fields) as padded arrays, and the module that sums their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import sparse
from torch import Tensor, nn

from regard.models.networks.padding import padded


@dataclass(frozen=True)
class Bag:
    """index (..., T): columns of a row, F where there are no more; weight (..., T), 0 there."""

    index: Tensor
    weight: Tensor

    def at(self, rows: Tensor) -> Bag:
        """The bags of `rows` (...,)."""
        return Bag(self.index[rows], self.weight[rows])


def bag_of(rows: sparse.csr_array) -> Bag:
    """The same as tensors."""
    index, weight = padded(rows)
    return Bag(torch.from_numpy(index), torch.from_numpy(weight))


class Bagged(nn.Module):
    """sum_t weight_t table[index_t]: (..., T) -> (..., d); the table has one more row, of zeros."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens + 1, width, padding_idx=tokens)
        nn.init.normal_(self.table.weight, std=width**-0.5)
        nn.init.zeros_(self.table.weight[tokens])

    def forward(self, bag: Bag) -> Tensor:
        """See above."""
        summed: Tensor = (self.table(bag.index) * bag.weight.unsqueeze(-1)).sum(dim=-2)
        return summed
