"""ItemNetwork: an item's vector from its id, its content vectors and its attributes; each may be missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from regard.models.networks.bags import Bag, Bagged, bag_of
from regard.models.networks.exporting import exported


class ItemNetwork(nn.Module):
    """v = m id + s + W2 gelu(W1 s), s = sum_c W_c content_c + sum_t w_t token_t; m is 0 for items without events.

    While it learns, a share `id_dropout` of the ids is left out at each step (DropoutNet, Volkovs et al. 2017), so that
    s learns to stand for the item alone, as it must when a new one comes. Without content v is the id's vector.
    """

    def __init__(self, known: NDArray[np.bool_], width: int, content: ContentNetwork | None, id_dropout: float) -> None:
        super().__init__()
        self.known: Tensor
        self.ids = nn.Embedding(len(known), width)
        nn.init.normal_(self.ids.weight, std=width**-0.5)
        self.content, self.id_dropout = content, id_dropout
        self.register_buffer("known", torch.from_numpy(known.astype(np.float32))[:, None], persistent=False)

    def forward(self) -> Tensor:
        """All items, (I, d)."""
        vectors = self.ids.weight
        if self.content is None:
            return vectors
        kept = self.known
        if self.training and self.id_dropout:
            kept = kept * (torch.rand(kept.shape) >= self.id_dropout).to(kept)
        found: Tensor = vectors * kept + self.content.all_items()
        return found


class ContentNetwork(nn.Module):
    """What items say of themselves, as one vector; content vectors (I, d_c) by name and attributes (I, F)."""

    def __init__(self, contents: Mapping[str, NDArray[np.float32]], fields: sparse.csr_array, width: int) -> None:
        super().__init__()
        self.index: Tensor
        self.weight: Tensor
        self.linears = nn.ModuleList(nn.Linear(held.shape[1], width, bias=False) for held in contents.values())
        for place, held in enumerate(contents.values()):
            self.register_buffer(f"held_{place}", torch.from_numpy(np.array(held, np.float32)), persistent=False)
        self.widths = tuple(held.shape[1] for held in contents.values())
        bag = bag_of(fields)
        self.register_buffer("index", bag.index, persistent=False)
        self.register_buffer("weight", bag.weight, persistent=False)
        self.bagged = Bagged(fields.shape[1], width)
        self.mix = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def all_items(self) -> Tensor:
        """The items that it holds, (I, d)."""
        held = [getattr(self, f"held_{place}") for place in range(len(self.linears))]
        found: Tensor = self(Bag(self.index, self.weight), *held)
        return found

    def forward(self, bag: Bag, *contents: Tensor) -> Tensor:
        """A bag (n, T) and content vectors (n, d_c) each, a row of zeros where one is missing -> (n, d)."""
        summed: Tensor = self.bagged(bag)
        for linear, held in zip(self.linears, contents, strict=True):
            summed = summed + linear(held)
        mixed: Tensor = summed + self.mix(summed)
        return mixed


class _Exported(nn.Module):
    def __init__(self, network: ContentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, index: Tensor, weight: Tensor, *contents: Tensor) -> Tensor:
        found: Tensor = self.network(Bag(index, weight), *contents)
        return found


def graph_of_content(network: ContentNetwork) -> bytes:
    """As an ONNX graph of inputs `index`, `weight` (n, T) and `content_0`, ... (n, d_c), output `item` (n, d)."""
    example = {
        "index": torch.zeros(2, 3, dtype=torch.int64),
        "weight": torch.zeros(2, 3),
        **{f"content_{place}": torch.zeros(2, d) for place, d in enumerate(network.widths)},
    }
    axes = {name: {0: "n"} for name in example} | {"index": {0: "n", 1: "t"}, "weight": {0: "n", 1: "t"}}
    return exported(_Exported(network), example, {"item": {0: "n"}}, axes)
