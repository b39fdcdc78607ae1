"""Convolution: what an item says, read from scratch: words of its text or a row of features as a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (2, 3, 4)  # how many neighbours a filter sees


class Convolution(nn.Module):
    """v = W [max_t relu(F_2 * x)_t; max_t relu(F_3 * x)_t; max_t relu(F_4 * x)_t] (Kim 2014).

    Filters of 2, 3 and 4 neighbours run over the sequence; of each the strongest answer stays, wherever it stood.
    (n, L, width), there (n, L) -> (n, out); a sequence of nothing gives the same vector whatever L is.
    """

    def __init__(self, width: int, filters: int, out: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.filters = nn.ModuleList(nn.Conv1d(width, filters, wide, padding=wide - 1) for wide in WIDTHS)
        self.out, self.dropout = nn.Linear(len(WIDTHS) * filters, out), nn.Dropout(dropout)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """See above."""
        held = there.to(x.dtype).unsqueeze(1)  # (n, 1, L)
        x = x.transpose(1, 2) * held
        answers = [torch.relu(one(x)) * _seen(held, wide) for one, wide in zip(self.filters, WIDTHS, strict=True)]
        strongest = torch.cat([answer.amax(dim=2) for answer in answers], dim=1)
        found: Tensor = self.out(self.dropout(strongest))
        return found


def _seen(held: Tensor, wide: int) -> Tensor:
    """Where a filter of `wide` neighbours sees anything at all, (n, 1, L) -> (n, 1, L + wide - 1)."""
    return nn.functional.max_pool1d(nn.functional.pad(held, (wide - 1, wide - 1)), wide, stride=1)


class Words(nn.Module):
    """Words (n, L), 0 where none stands, as vectors of `width`, read by a convolution: (n, L) -> (n, out)."""

    def __init__(self, vocabulary: int, width: int, filters: int, out: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.vectors.weight, std=width**-0.5)
        self.read, self.dropout = Convolution(width, filters, out, dropout), nn.Dropout(dropout)

    def forward(self, words: Tensor) -> Tensor:
        """See above."""
        found: Tensor = self.read(self.dropout(self.vectors(words)), words > 0)
        return found
