"""Interactions: how a person's vector meets an item's vector: dot, cosine, bilinear, MLP, target attention, cross."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regard.models.networks.meetings import Meeting


@dataclass(frozen=True)
class Meet:
    """What meets: widths of the person's vector, the item's and those of past items, and how many answers are wanted.

    hidden, dropout: of the fully connected parts. layers: of the cross network; rank: of its matrices, 0 for full ones.
    """

    person: int
    item: int
    past: int
    actions: int = 1
    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.0
    layers: int = 2
    rank: int = 0


def meeting_of(name: Meeting, meet: Meet) -> nn.Module:
    """The interaction by its name: (person (n, p), item (n, i), past (n, h, e), there (n, h)) -> (n, A) logits.

    `past` are the vectors of what the person met, `there` says where one stands; only attention reads them. Dot and
    cosine need p = i.
    """
    made: dict[str, Callable[[Meet], nn.Module]] = {
        "dot": Dot,
        "cosine": Cosine,
        "bilinear": Bilinear,
        "mlp": Joined,
        "attention": TargetAttention,
        "cross": Cross,
    }
    return made[name](meet)


def fully_connected(width: int, hidden: Sequence[int], out: int, dropout: float = 0.0) -> nn.Sequential:
    """x -> W_L relu(... relu(W_1 x + b_1) ...) + b_L, with dropout after each relu; (..., width) -> (..., out)."""
    layers: list[nn.Module] = []
    for inner in hidden:
        layers += [nn.Linear(width, inner), nn.ReLU(), nn.Dropout(dropout)]
        width = inner
    return nn.Sequential(*layers, nn.Linear(width, out))


class Dot(nn.Module):
    """s_a = w_a . (u * v) + b_a . u + c_a . v + m_a: the dot product with the biases of both sides.

    With w_a = 1, where it begins, this is matrix factorisation (Koren, Bell & Volinsky 2009, eq. 4); a learned w_a
    lets each action weigh the shared factors its own way (GMF, He et al. 2017).
    """

    def __init__(self, meet: Meet) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(meet.actions, meet.person))
        self.person = nn.Linear(meet.person, meet.actions, bias=False)
        self.item = nn.Linear(meet.item, meet.actions)

    def forward(self, person: Tensor, item: Tensor, past: Tensor, there: Tensor) -> Tensor:
        """(n, d), (n, d) -> (n, A)"""
        found: Tensor = (person * item) @ self.weights.T + self.person(person) + self.item(item)
        return found


class Cosine(nn.Module):
    """s_a = exp(t_a) u . v / (|u| |v|) + m_a, with a learned temperature for each action; it begins at 1 / exp(t) = .2.

    Lengths do not count, so neither how popular an item nor how active a person is.
    """

    def __init__(self, meet: Meet) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.full((meet.actions,), 5.0).log())
        self.mean = nn.Parameter(torch.zeros(meet.actions))

    def forward(self, person: Tensor, item: Tensor, past: Tensor, there: Tensor) -> Tensor:
        """(n, d), (n, d) -> (n, A)"""
        lengths = (person.square().sum(1) * item.square().sum(1)).clamp(min=1e-12).sqrt()
        cosine = (person * item).sum(1) / lengths
        return cosine[:, None] * self.temperature.exp() + self.mean


class Bilinear(nn.Module):
    """s_a = u' W_a v + b_a . u + c_a . v + m_a: every number of the person's vector meets every one of the item's."""

    def __init__(self, meet: Meet) -> None:
        super().__init__()
        self.matrices = nn.Parameter(torch.randn(meet.actions, meet.person, meet.item) * meet.item**-0.5)
        self.person = nn.Linear(meet.person, meet.actions, bias=False)
        self.item = nn.Linear(meet.item, meet.actions)

    def forward(self, person: Tensor, item: Tensor, past: Tensor, there: Tensor) -> Tensor:
        """(n, p), (n, i) -> (n, A)"""
        turned = torch.einsum("np,api->nai", person, self.matrices)
        found: Tensor = (turned * item[:, None]).sum(2) + self.person(person) + self.item(item)
        return found


class Joined(nn.Module):
    """s = MLP([u; v]): both vectors joined, then fully connected (NCF, He et al. 2017)."""

    def __init__(self, meet: Meet) -> None:
        super().__init__()
        self.layers = fully_connected(meet.person + meet.item, meet.hidden, meet.actions, meet.dropout)

    def forward(self, person: Tensor, item: Tensor, past: Tensor, there: Tensor) -> Tensor:
        """(n, p), (n, i) -> (n, A)"""
        found: Tensor = self.layers(torch.cat([person, item], dim=1))
        return found


class TargetAttention(nn.Module):
    """s = MLP([u; sum_j a_j h_j; v]), a_j = MLP([h_j; q; h_j - q; h_j * q]), q = Q v (DIN, Zhou et al. 2018, eq. 3).

    The candidate asks the past for what is like it. As in the paper the a_j are no softmax: how much of the past fits
    stays in the length of the sum.
    """

    def __init__(self, meet: Meet) -> None:
        super().__init__()
        self.ask = nn.Linear(meet.item, meet.past)
        self.worth = fully_connected(4 * meet.past, meet.hidden[-1:], 1)
        joined = meet.person + meet.past + meet.item
        self.layers = fully_connected(joined, meet.hidden, meet.actions, meet.dropout)

    def forward(self, person: Tensor, item: Tensor, past: Tensor, there: Tensor) -> Tensor:
        """(n, p), (n, i), (n, h, e), (n, h) -> (n, A)"""
        asked = self.ask(item)[:, None].expand_as(past)
        worth = self.worth(torch.cat([past, asked, past - asked, past * asked], dim=2))
        interest = (worth * there.to(past.dtype).unsqueeze(2) * past).sum(1)
        found: Tensor = self.layers(torch.cat([person, interest, item], dim=1))
        return found


class Cross(nn.Module):
    """s = W [x_L; MLP(x_0)], x_0 = [u; v], x_(l+1) = x_0 * (W_l x_l + b_l) + x_l (DCN-v2, Wang et al. 2021, eq. 1).

    L layers hold every product of up to L + 1 numbers; beside them runs an MLP (the paper's parallel form). With a
    `rank` r, W_l = U_l V_l' of r columns (eq. 2).
    """

    def __init__(self, meet: Meet) -> None:
        super().__init__()
        width = meet.person + meet.item
        self.crosses = nn.ModuleList(_square(width, meet.rank) for _ in range(meet.layers))
        inner, last = meet.hidden[:-1], meet.hidden[-1]
        self.deep = nn.Sequential(
            fully_connected(width, inner, last, meet.dropout), nn.ReLU(), nn.Dropout(meet.dropout)
        )
        self.out = nn.Linear(width + last, meet.actions)

    def forward(self, person: Tensor, item: Tensor, past: Tensor, there: Tensor) -> Tensor:
        """(n, p), (n, i) -> (n, A)"""
        first = torch.cat([person, item], dim=1)
        x = first
        for cross in self.crosses:
            x = first * cross(x) + x
        found: Tensor = self.out(torch.cat([x, self.deep(first)], dim=1))
        return found


def _square(width: int, rank: int) -> nn.Module:
    if not rank:
        return nn.Linear(width, width)
    return nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, width))
