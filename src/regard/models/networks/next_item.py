"""NextItem: item vectors, a body over their history, and the same vectors again as what comes next; its ONNX graph."""

from __future__ import annotations

import io
import warnings
from typing import Any

import onnx  # noqa: F401  (the exporter needs it; better missed before training than after)
import torch
from torch import Tensor, nn

from regard.models.networks.attention import Attentive, GatedBlock, TransformerBlock
from regard.models.networks.bodies import Convolutional, Recurrent
from regard.models.networks.layout import Layout
from regard.models.networks.streams import GAPS

OPSET = 17


def body_of(name: str, width: int, blocks: int, window: int, dropout: float) -> nn.Module:
    """The body by its name."""
    if name == "gru":
        return Recurrent(width, blocks, dropout)
    if name == "convolution":
        return Convolutional(width, blocks, dropout)
    kind = TransformerBlock if name == "transformer" else GatedBlock
    return Attentive([kind(width, window, dropout) for _ in range(blocks)])


class Tower(nn.Module):
    """A history's item vectors and time gaps to a person's vector after each event: (B, L, d), (B, L) -> (B, L, d).

    The gap before an event is a learned vector beside the item's, so every body knows time.
    """

    def __init__(self, body: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.gaps = nn.Embedding(GAPS, width)
        nn.init.zeros_(self.gaps.weight)
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.body, self.dropout = body, nn.Dropout(dropout)

    def forward(self, vectors: Tensor, gaps: Tensor, layout: Layout) -> Tensor:
        """See above."""
        x = self.dropout(self.before(vectors) + self.gaps(gaps))
        found: Tensor = self.after(self.body(x, layout))
        return found


class NextItem(nn.Module):
    """score = tower(history) . item, with one table of item vectors at both ends."""

    def __init__(self, n_items: int, tower: Tower, width: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items, width)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        self.tower = tower

    def forward(self, items: Tensor, gaps: Tensor, layout: Layout) -> Tensor:
        """Item rows and gaps (B, L) -> a person's vector after each event (B, L, d)."""
        found: Tensor = self.tower(self.items(items), gaps, layout)
        return found


class _Newest(nn.Module):
    """What is exported: the vector after the newest event of one history, (1, h, d), (1, h) -> (1, d)."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, vectors: Tensor, gaps: Tensor) -> Tensor:
        found: Tensor = self.tower(vectors, gaps, Layout.whole(gaps))[:, -1]
        return found


def graph_of(tower: Tower, width: int) -> bytes:
    """The tower as an ONNX graph of inputs `vectors` (1, h, d) and `gaps` (1, h), output `person` (1, d)."""
    file: Any = io.BytesIO()  # the tracing exporter writes to files, too; its type says names only
    example = (torch.zeros(1, 3, width), torch.zeros(1, 3, dtype=torch.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is old, small and needs no other package than onnx
        torch.onnx.export(
            _Newest(tower).eval(),
            example,
            file,
            input_names=["vectors", "gaps"],
            output_names=["person"],
            dynamic_axes={"vectors": {1: "h"}, "gaps": {1: "h"}},
            opset_version=OPSET,
            dynamo=False,
        )
    graph: bytes = file.getvalue()
    return graph
