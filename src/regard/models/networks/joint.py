"""Joint: one network for a person, an item and their meeting: fields as vectors, a history and texts that are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regard.models.networks.bodies import Recurrent
from regard.models.networks.convolution import Convolution, Words
from regard.models.networks.exporting import exported
from regard.models.networks.interactions import Meet, fully_connected, meeting_of
from regard.models.networks.layout import Layout
from regard.models.networks.meetings import Content, Meeting, Person

SMALL = 0.01  # deviation of token vectors at the start: what train has hardly seen stays near nothing


@dataclass(frozen=True)
class Sizes:
    """What the data give: tokens T, fields of each side, numbers f, actions A, types of past actions.

    vectors: width of the content vectors, 0 for none. words: size of the vocabulary, 0 for none.
    """

    tokens: int
    person_fields: tuple[int, ...]
    item_fields: tuple[int, ...]
    numbers: int
    actions: int
    types: int
    vectors: int
    words: int


@dataclass(frozen=True)
class Shape:
    """What the recipe gives; see `Deep`."""

    person: Person
    content: Content
    meeting: Meeting
    width: int
    hidden: tuple[int, ...]
    dropout: float
    layers: int
    rank: int
    second: bool


class Read(nn.Module):
    """A person's fields, then what they did, as one sequence: (m, Kp, d), (m, h, d), (m, h) -> (m, d).

    "gru": the state after the last of them. "attention": sum_j a_j x_j, a = softmax_j of a learned w . tanh(W x_j).
    "fields": the mean of the events; the fields stand beside it anyway.
    """

    def __init__(self, kind: Person, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.body = Recurrent(width, 1, 0.0) if kind == "gru" else None
        self.worth = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, fields: Tensor, events: Tensor, there: Tensor) -> Tensor:
        """See above."""
        held = there.to(events.dtype).unsqueeze(2)
        events = events * held
        if self.kind == "fields":
            mean: Tensor = events.sum(1) / held.sum(1).clamp(min=1.0)
            return mean
        sequence = torch.cat([fields, events], dim=1)
        if self.body is not None:
            state: Tensor = self.body(sequence, Layout.whole(sequence[:, :, 0].long()))[:, -1]
            return state
        absent = torch.cat([torch.zeros_like(fields[:, :, :1]), 1.0 - held], dim=1)
        share = torch.softmax(self.worth(sequence) - 1e9 * absent, dim=1)
        return (share * sequence).sum(1)


class Head(nn.Module):
    """logits = sum_t w_t + F [(sum_k x_k)^2 - sum_k x_k^2] / 2 + N z + meeting(person, item).

    First order over tokens, second order over the K field vectors x_k (factorization machine, Rendle 2010, pooled per
    number as in NFM, He & Chua 2017), the numbers z, and the interaction. mlp, attention and cross read the fields side
    by side; dot, cosine and bilinear one vector of each side, MLP([fields; what was read]).
    """

    def __init__(self, sizes: Sizes, shape: Shape) -> None:
        super().__init__()
        d, self.sizes, self.shape = shape.width, sizes, shape
        person = d * (len(sizes.person_fields) + 1) + 2 * sizes.numbers
        item = d * (len(sizes.item_fields) + 1)
        self.wide = shape.meeting in ("mlp", "attention", "cross")
        if not self.wide:
            self.person = fully_connected(person, shape.hidden[:1], d, shape.dropout)
            self.item = fully_connected(item, shape.hidden[:1], d, shape.dropout)
            person = item = d
        meet = Meet(person, item, d, sizes.actions, shape.hidden, shape.dropout, shape.layers, shape.rank)
        self.meeting = meeting_of(shape.meeting, meet)
        self.second = nn.Linear(d, sizes.actions, bias=False)
        nn.init.ones_(self.second.weight)
        self.numbers = nn.Linear(2 * sizes.numbers, sizes.actions) if sizes.numbers else None
        self.dropout = nn.Dropout(shape.dropout)
        chosen = (torch.tensor(one, dtype=torch.int64) for one in (sizes.person_fields, sizes.item_fields))
        self.person_fields: Tensor
        self.item_fields: Tensor
        for name, fields in zip(("person_fields", "item_fields"), chosen, strict=True):
            self.register_buffer(name, fields, persistent=False)

    def forward(self, given: Mapping[str, Tensor]) -> Tensor:
        """fields (n, K, d), weights (n, A), numbers (n, 2f), read (n, d), content (n, d), events (n, h, d), there."""
        x, numbers = given["fields"], given["numbers"]
        logits = given["weights"]
        if self.shape.second:
            logits = logits + self.second((x.sum(1).square() - x.square().sum(1)) / 2)
        if self.numbers is not None:
            logits = logits + self.numbers(numbers)
        own, its = x[:, self.person_fields].flatten(1), x[:, self.item_fields].flatten(1)
        person = self.dropout(torch.cat([own, given["read"], numbers], dim=1))
        item = self.dropout(torch.cat([its, given["content"]], dim=1))
        if not self.wide:
            person, item = self.person(person), self.item(item)
        found: Tensor = logits + self.meeting(person, item, given["events"], given["there"])
        return found


class Joint(nn.Module):
    """All parameters. An item of the past is its identity vector of `Tokens`, plus content and kind of action."""

    def __init__(self, sizes: Sizes, shape: Shape) -> None:
        super().__init__()
        self.sizes, self.shape, d = sizes, shape, shape.width
        self.vectors, self.weights = nn.Embedding(sizes.tokens, d), nn.Embedding(sizes.tokens, sizes.actions)
        nn.init.normal_(self.vectors.weight, std=SMALL)
        nn.init.zeros_(self.weights.weight)
        self.types = nn.Embedding(sizes.types + 1, d)  # the first: not known
        self.past = nn.Linear(sizes.vectors, d, bias=False) if sizes.vectors else None
        self.content = self._content()
        self.read, self.head = Read(shape.person, d), Head(sizes, shape)

    def _content(self) -> nn.Module | None:
        """What reads items beside their fields: a table row of words or numbers, or the fields as a sequence."""
        d, dropout = self.shape.width, self.shape.dropout
        if self.shape.content == "convolution" and self.sizes.words:
            return Words(self.sizes.words, 2 * d, 2 * d, d, dropout)
        if self.shape.content == "convolution":
            return Convolution(d, d, d, dropout)
        return nn.Linear(self.sizes.vectors, d) if self.shape.content == "vectors" and self.sizes.vectors else None

    def tabled(self, rows: Tensor) -> Tensor:
        """What rows of the content table (u, w) say, (u, d)."""
        found: Tensor = self.content(rows.long() if self.sizes.words else rows)  # type: ignore[misc]
        return found

    def sequenced(self, fields: Tensor) -> Tensor:
        """What the items' field vectors (n, K, d) say as a sequence, (n, d); zeros where nothing reads them."""
        if not isinstance(self.content, Convolution):
            return torch.zeros_like(fields[:, 0])
        own = fields[:, self.head.item_fields]
        found: Tensor = self.content(own, torch.ones_like(own[:, :, 0]))
        return found


class _Whole(nn.Module):
    """What is exported: all that follows the tables, of the inputs `names`."""

    def __init__(self, joint: Joint, names: Sequence[str]) -> None:
        super().__init__()
        self.joint, self.names = joint, names

    def forward(self, *inputs: Tensor) -> Tensor:
        given = dict(zip(self.names, inputs, strict=True))
        content = given["content"] + self.joint.sequenced(given["fields"])
        found: Tensor = self.joint.head({**given, "content": content})
        return found


def graphs_of(joint: Joint) -> tuple[bytes, bytes]:
    """ONNX: the reader (`fields`, `events`, `there` -> `read`), and the rest (those of `Head` -> `logits`)."""
    sizes, d = joint.sizes, joint.shape.width
    fields, own = torch.zeros(2, len(sizes.person_fields) + len(sizes.item_fields), d), len(sizes.person_fields)
    events, there, read = torch.zeros(2, 3, d), torch.ones(2, 3), torch.zeros(2, d)
    whole = {"fields": fields, "weights": torch.zeros(2, sizes.actions), "numbers": torch.zeros(2, 2 * sizes.numbers)}
    whole |= {"read": read, "content": read, "events": events, "there": there}
    first = {"fields": fields[:, :own], "events": events, "there": there}
    axes = {name: {0: "n", 1: "h"} if name in ("events", "there") else {0: "n"} for name in whole}
    reader = exported(joint.read, first, {"read": {0: "n"}}, {name: axes[name] for name in first})
    return reader, exported(_Whole(joint, list(whole)), whole, {"logits": {0: "n"}}, axes)
