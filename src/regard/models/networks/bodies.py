"""Bodies: what reads a history and gives a vector after each event: recurrent and convolutional. Both can go on."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from regard.models.networks.layout import Layout

TAPS, DILATIONS = 3, (1, 2, 4, 8)  # of the convolutions: how many events each sees, how far apart, block by block


class Recurrent(nn.Module):
    """Gated recurrent units (Cho et al. 2014; GRU4Rec, Hidasi et al. 2016) or LSTM cells (Hochreiter & Schmidhuber
    1997), started anew for each piece of a row. Remembers h of each block, then (LSTM) c of each."""

    def __init__(self, width: int, blocks: int, dropout: float, cell: str = "gru") -> None:
        super().__init__()
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.cells = kind(width, width, blocks, batch_first=True, dropout=dropout if blocks > 1 else 0.0)
        self.rows = blocks * (2 if cell == "lstm" else 1)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """(B, L, d) -> (B, L, d)"""
        if layout.single:
            out: Tensor = self.cells(x)[0]
            return out
        # all pieces side by side, longest first: event 0 of each, then event 1 of each that has one, ...
        piece = (layout.position == 0).flatten().cumsum(0) - 1
        position = layout.position.flatten()
        lengths = torch.bincount(piece)
        rank = torch.argsort(torch.argsort(lengths, descending=True, stable=True))
        order = torch.argsort(position * len(lengths) + rank[piece])
        packed = PackedSequence(x.flatten(0, 1)[order], torch.bincount(position).cpu())
        back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
        read: Tensor = self.cells(packed)[0].data[back]
        return read.view_as(x)

    def step(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """One piece goes on: (1, L, d) after what left the memory (M, d) -> (1, L, d) and the memory then."""
        held = memory.unsqueeze(1).chunk(self.rows // self.cells.num_layers)
        if len(held) == 1:
            out, last = self.cells(x, held[0])
            return out, last[:, 0]
        out, both = self.cells(x, held)
        return out, torch.cat(both)[:, 0]


class Convolutional(nn.Module):
    """Causal dilated convolutions with residuals (NextItNet, Yuan et al. 2019): TAPS events each, never ahead.

    Remembers, block by block, the newest inputs that its taps still reach, oldest first.
    """

    def __init__(self, width: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(TAPS * width, width) for _ in range(blocks))
        self.mixes = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.dropout = nn.Dropout(dropout)
        self.steps = [[DILATIONS[depth % len(DILATIONS)] * tap for tap in range(TAPS)] for depth in range(blocks)]
        self.rows = sum(steps[-1] for steps in self.steps)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """(B, L, d) -> (B, L, d)"""
        for depth, (norm, steps) in enumerate(zip(self.norms, self.steps, strict=True)):
            near = norm(x)
            x = x + self._mixed(depth, [_earlier(near, step, layout) for step in steps])
        return x

    def step(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """One piece goes on: (1, L, d) after what left the memory (M, d) -> (1, L, d) and the memory then."""
        held, kept = torch.split(memory, [steps[-1] for steps in self.steps]), list[Tensor]()
        for depth, (norm, steps, before) in enumerate(zip(self.norms, self.steps, held, strict=True)):
            reach, near = steps[-1], torch.cat([before.unsqueeze(0), norm(x)], dim=1)
            x = x + self._mixed(depth, [near[:, reach - step : -step if step else None] for step in steps])
            kept.append(near[0, -reach:])
        return x, torch.cat(kept)

    def _mixed(self, depth: int, taps: list[Tensor]) -> Tensor:
        mixed = self.mixes[depth](nn.functional.gelu(self.blocks[depth](torch.cat(taps, dim=-1))))
        out: Tensor = self.dropout(mixed)
        return out


def _earlier(x: Tensor, step: int, layout: Layout) -> Tensor:
    """What stood `step` events before in the same piece, zeros before its start."""
    if step == 0:
        return x
    moved = nn.functional.pad(x, (0, 0, step, 0))[:, : x.shape[1]]
    return moved * (layout.position >= step).unsqueeze(-1).to(x.dtype)
