"""Bodies of attention: a causal transformer and HSTU's gated attention, both over pieces of packed rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regard.models.networks.layout import Layout

PER_HEAD = 32  # width of one head, where the body is that wide
WIDER = 2  # the feed-forward part, in widths


class Distance(nn.Module):
    """A learned amount per head and number of events back (after Shaw et al. 2018 and T5): (H, L, L)."""

    def __init__(self, heads: int, window: int) -> None:
        super().__init__()
        self.amounts = nn.Parameter(torch.zeros(heads, window))

    def forward(self, layout: Layout) -> Tensor:
        """The amounts for each pair of places; what is further back than the window counts as its far end."""
        return self.amounts[:, layout.distance().clamp(max=self.amounts.shape[1] - 1)]


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and feed-forward (Vaswani et al. 2017; SASRec, Kang & McAuley 2018)."""

    def __init__(self, width: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads = _heads(width)
        self.norm, self.norm_after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.distance = Distance(self.heads, window)
        self.feed = nn.Sequential(
            nn.Linear(width, WIDER * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(WIDER * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, layout: Layout, hidden: Tensor) -> Tensor:
        """(B, L, d) -> (B, L, d); `hidden` (B, 1, L, L): 0 where an event may look, -inf elsewhere."""
        queries, keys, values = (
            _split(part, self.heads) for part in self.queries_keys_values(self.norm(x)).chunk(3, dim=-1)
        )
        scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5 + self.distance(layout) + hidden
        found = self.dropout(torch.softmax(scores, dim=-1)) @ values
        x = x + self.dropout(self.out(_join(found)))
        mixed: Tensor = x + self.dropout(self.feed(self.norm_after(x)))
        return mixed


class GatedBlock(nn.Module):
    """HSTU (Zhai et al. 2024, eq. 1-3): silu(q k' + distance) v, normalised and gated by u; no softmax.

    Attention is divided by the number of events that an event sees, so that it means the same at any length.
    """

    def __init__(self, width: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads = _heads(width)
        self.norm, self.norm_after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.parts, self.out = nn.Linear(width, 4 * width), nn.Linear(width, width)
        self.distance = Distance(self.heads, window)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, layout: Layout, hidden: Tensor) -> Tensor:
        """(B, L, d) -> (B, L, d); `hidden` as in TransformerBlock."""
        gate, values, queries, keys = nn.functional.silu(self.parts(self.norm(x))).chunk(4, dim=-1)
        queries, keys, values = (_split(part, self.heads) for part in (queries, keys, values))
        scores = nn.functional.silu(queries @ keys.transpose(-1, -2) + self.distance(layout))
        scores = torch.where(hidden < 0, torch.zeros_like(scores), scores)
        seen = (layout.position + 1)[:, None, :, None].to(x.dtype)
        found = self.norm_after(_join(scores / seen @ values))
        mixed: Tensor = x + self.dropout(self.out(found * gate))
        return mixed


class Attentive(nn.Module):
    """Blocks of one kind, one after the other."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """(B, L, d) -> (B, L, d)"""
        hidden = torch.where(layout.visible(), 0.0, float("-inf"))[:, None]
        for block in self.blocks:
            x = block(x, layout, hidden)
        return x


def _heads(width: int) -> int:
    return next(heads for heads in range(max(1, width // PER_HEAD), 0, -1) if width % heads == 0)


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, L, d) -> (B, H, L, d / H)"""
    split: Tensor = torch.unflatten(x, -1, (heads, -1)).transpose(1, 2)
    return split


def _join(x: Tensor) -> Tensor:
    """(B, H, L, d / H) -> (B, L, d)"""
    return x.transpose(1, 2).flatten(2)
