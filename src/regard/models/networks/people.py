"""Tower: what a person did, who they are and where they are now, fused by learned gates into one vector."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regard.models.networks.attention import Attentive, GatedBlock, TransformerBlock
from regard.models.networks.bags import Bag, Bagged
from regard.models.networks.bodies import Convolutional, Recurrent
from regard.models.networks.layout import Layout
from regard.models.networks.streams import GAPS

PARTS = ("history", "person", "moment", "earlier")


def body_of(name: str, width: int, blocks: int, window: int, dropout: float) -> nn.Module:
    """The body by its name."""
    if name in ("gru", "lstm"):
        return Recurrent(width, blocks, dropout, name)
    if name == "convolution":
        return Convolutional(width, blocks, dropout)
    kind = TransformerBlock if name == "transformer" else GatedBlock
    return Attentive([kind(width, window, dropout) for _ in range(blocks)])


@dataclass(frozen=True)
class Met:
    """What a Tower's body reads, each (B, L, ...): item vectors, gap and action codes, scaled values."""

    vectors: Tensor
    gaps: Tensor
    actions: Tensor
    values: Tensor


@dataclass(frozen=True)
class Beside:
    """What counts beside it, each (B, L, ...): bags of the person and of the moment; the mean vector of what lies
    before the window, and whether anything does."""

    person: Bag
    moment: Bag
    earlier: Tensor
    before: Tensor

    @staticmethod
    def one(person: tuple[Tensor, Tensor], moment: tuple[Tensor, Tensor], earlier: Tensor) -> Beside:
        """At one place: index and weight (1, T) twice; earlier (1, d), all 0 where nothing lies before."""
        bags = [Bag(index[:, None], weight[:, None]) for index, weight in (person, moment)]
        before = (earlier != 0).any(dim=-1, keepdim=True)
        return Beside(bags[0], bags[1], earlier[:, None], before)


class Tower(nn.Module):
    """A person's vector after each event, sum_p g_p part_p: (B, L, ...) -> (B, L, d).

    The history is read by a body; the gap before an event, the action and its value are learned vectors beside the
    item's, so every body knows them. The other parts are two layers each. g is a softmax over all parts (Jacobs et al.
    1991, mixture of experts): how much of the vector is what they did, who they are, where they are now and what lies
    before the window.
    """

    def __init__(self, body: nn.Module, width: int, dropout: float, tokens: tuple[int, int, int]) -> None:
        """tokens: how many actions are known, how many columns a person's and a moment's fields have."""
        super().__init__()
        actions, people, moments = tokens
        self.gaps, self.actions = nn.Embedding(GAPS, width), nn.Embedding(actions + 1, width)
        self.values = nn.Linear(1, width, bias=False)
        for module in (self.gaps, self.actions, self.values):
            nn.init.zeros_(module.weight)
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.body, self.dropout = body, nn.Dropout(dropout)
        self.person, self.moment = Bagged(people, width), Bagged(moments, width)
        self.sides = nn.ModuleList(_side(width) for _ in PARTS[1:])
        self.there = (True, people > 0, moments > 0, True)
        self.gate = nn.Linear(width * len(PARTS), len(PARTS))
        nn.init.zeros_(self.gate.weight)
        with torch.no_grad():
            self.gate.bias.copy_(torch.tensor([2.0, 0.0, 0.0, 0.0]))  # history leads until the data say otherwise

    def forward(self, met: Met, beside: Beside, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """The vectors (B, L, d), the gates (B, L, P), and what the body alone says (B, L, d)."""
        history = self.after(self.body(self.marked(met), layout))
        return *self.fused(history, beside), history

    def marked(self, met: Met) -> Tensor:
        """What the body reads: items with their marks, (B, L, d)."""
        marks = self.gaps(met.gaps) + self.actions(met.actions) + self.values(met.values.unsqueeze(-1))
        marked: Tensor = self.dropout(self.before(met.vectors) + marks)
        return marked

    def fused(self, history: Tensor, beside: Beside) -> tuple[Tensor, Tensor]:
        """The vectors (B, L, d) and the gates (B, L, P), given what the body says (B, L, d)."""
        raw = (self.person(beside.person), self.moment(beside.moment), beside.earlier)
        parts = [history, *(side(part).expand_as(history) for side, part in zip(self.sides, raw, strict=True))]
        scores = self.gate(torch.cat(parts, dim=-1))
        shut = torch.tensor([not there for there in self.there], device=scores.device).expand_as(scores)
        shut = torch.cat([shut[..., :-1], ~beside.before.unsqueeze(-1)], dim=-1)
        gates = torch.softmax(scores.masked_fill(shut, float("-inf")), dim=-1)
        fused: Tensor = (torch.stack(parts, dim=-2) * gates.unsqueeze(-1)).sum(dim=-2)
        return fused, gates


def _side(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width))
