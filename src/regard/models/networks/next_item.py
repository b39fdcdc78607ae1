"""NextItem: item vectors, a tower over what a person met, and the same vectors again as what comes next."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from regard.models.networks.bags import Bag
from regard.models.networks.exporting import exported
from regard.models.networks.items import ItemNetwork
from regard.models.networks.layout import Layout
from regard.models.networks.people import Beside, Met, Tower
from regard.models.networks.streams import Batch


class Read(NamedTuple):
    """What a batch gives: all item vectors (I, d), a person's vector at each place, what the body alone says there
    (B, L, d), the gates (B, L, P), and which places were hidden from the body (B, L)."""

    items: Tensor
    people: Tensor
    history: Tensor
    gates: Tensor
    hidden: Tensor


class NextItem(nn.Module):
    """score = tower(what was met) . item, with one table of item vectors at both ends."""

    def __init__(self, items: ItemNetwork, tower: Tower, width: int, sides: tuple[Bag, Bag]) -> None:
        """sides: the bags of all people (U + 1, T) and of all events (n + 1, T), the last row for who is unknown."""
        super().__init__()
        self.people_index: Tensor
        self.people_weight: Tensor
        self.moments_index: Tensor
        self.moments_weight: Tensor
        self.items, self.tower = items, tower
        self.start, self.mask = (nn.Parameter(torch.randn(1, width) * width**-0.5) for _ in range(2))
        self.unmask = nn.Linear(width, width)
        for name, bag in zip(("people", "moments"), sides, strict=True):
            self.register_buffer(f"{name}_index", bag.index, persistent=False)
            self.register_buffer(f"{name}_weight", bag.weight, persistent=False)

    def forward(self, batch: Batch, masked: float = 0.0) -> Read:
        """What the tower makes of a batch; a share `masked` of the items met is hidden from it (while learning)."""
        table = self.items()
        device = table.device
        met, gaps, actions, person, moment, piece, earlier, segment = (
            torch.from_numpy(column).to(device)
            for column in (
                batch.items, batch.gaps, batch.actions, batch.person, batch.moment, batch.piece, batch.earlier,
                batch.segment,
            )
        )  # fmt: skip
        hidden = (torch.rand(met.shape).to(device) < masked) & (met >= 0)
        every = torch.cat([table, self.mask, self.start])  # START is -1, the last row
        vectors = every[torch.where(hidden, len(table), met)]
        before = earlier >= 0
        count = before.sum(dim=1)
        mean = (every[earlier] * before.unsqueeze(-1)).sum(dim=1) / count.clamp(min=1).unsqueeze(-1)
        actions = actions % self.tower.actions.num_embeddings  # -1, not known, is the last row
        seen = Met(vectors, gaps, actions, torch.from_numpy(batch.values).to(device))
        beside = Beside(
            Bag(self.people_index, self.people_weight).at(person),
            Bag(self.moments_index, self.moments_weight).at(moment),
            mean[piece],
            (count > 0)[piece],
        )
        people, gates, history = self.tower(seen, beside, Layout.of(segment))
        return Read(table, people, history, gates, hidden)


MET = ("vectors", "gaps", "actions", "values")
BESIDE = ("person", "person_weight", "moment", "moment_weight", "earlier")
INPUTS = (*MET, *BESIDE)
AXES = {**{name: {1: "h"} for name in MET}, **{name: {1: name} for name in BESIDE[:-1]}}  # what may be longer


def example(width: int) -> dict[str, Tensor]:
    """Inputs of three events, of nobody, nowhere, by name; of the shapes and types that a graph takes."""
    codes, tokens = torch.zeros(1, 3, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64)
    met = (torch.zeros(1, 3, width), codes, codes.clone(), torch.zeros(1, 3))
    beside = (tokens, torch.zeros(1, 2), tokens.clone(), torch.zeros(1, 2), torch.zeros(1, width))
    return dict(zip(INPUTS, (*met, *beside), strict=True))


class _Newest(nn.Module):
    """What is exported: the vector and the gates after the newest event of one history."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        vectors, gaps, actions, values, person, person_weight, moment, moment_weight, earlier = inputs
        beside = Beside.one((person, person_weight), (moment, moment_weight), earlier)
        told = self.tower.body(self.tower.marked(Met(vectors, gaps, actions, values)), Layout.whole(gaps))
        people, gates = self.tower.fused(self.tower.after(told[:, -1:]), beside)
        return people[:, 0], gates[:, 0]


def graph_of(tower: Tower, width: int) -> bytes:
    """The tower as an ONNX graph of the INPUTS, with the outputs `fused` (1, d) and `gates` (1, P).

    vectors (1, h, d); gaps, actions (1, h) int64; values (1, h); person and moment as index and weight (1, T); earlier
    (1, d), all 0 where nothing lies before the window.
    """
    return exported(_Newest(tower), {name: example(width)[name] for name in INPUTS}, {"fused": {}, "gates": {}}, AXES)
