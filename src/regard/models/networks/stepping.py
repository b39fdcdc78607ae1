"""Stepping: a tower as two small graphs, one that reads more events from a memory and one that fuses what it says."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regard.models.networks.bodies import Convolutional, Recurrent
from regard.models.networks.exporting import exported
from regard.models.networks.next_item import AXES, BESIDE, MET, example, graph_of
from regard.models.networks.people import Beside, Met, Tower

Stepping = Recurrent | Convolutional


class _Step(nn.Module):
    """What the body says after the newest of more events, and what it remembers then."""

    def __init__(self, tower: Tower, body: Stepping) -> None:
        super().__init__()
        self.tower, self.body = tower, body

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *met, memory = inputs
        told, after = self.body.step(self.tower.marked(Met(*met)), memory)
        return self.tower.after(told[:, -1]), after


class _Fuse(nn.Module):
    """The vector of who did that, is this and stands there."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, *inputs: Tensor) -> Tensor:
        history, person, person_weight, moment, moment_weight, earlier = inputs
        beside = Beside.one((person, person_weight), (moment, moment_weight), earlier)
        people, _ = self.tower.fused(history[:, None], beside)
        return people[:, 0]


def graphs_of(tower: Tower, width: int) -> dict[str, bytes]:
    """`graph` of graph_of and, where what a body must remember does not grow with the events, `step` and `fuse`.

    step: vectors (1, h, d), gaps, actions, values (1, h), memory (M, d), zeros before the first event -> `history`
    (1, d) and `remembered` (M, d). fuse: history, person and moment as index and weight (1, T), earlier (1, d) ->
    `fused` (1, d). One after the other they say what `graph` says of all events at once, but for rounding.
    """
    body, whole = tower.body, {"graph": graph_of(tower, width)}
    if not isinstance(body, Stepping):
        return whole
    inputs, history = example(width), {"history": torch.zeros(1, width)}
    met = {name: inputs[name] for name in MET} | {"memory": torch.zeros(body.rows, width)}
    beside = history | {name: inputs[name] for name in BESIDE}
    own = [{name: axes for name, axes in AXES.items() if name in told} for told in (met, beside)]
    step = exported(_Step(tower, body), met, {"history": {}, "remembered": {}}, own[0])
    return whole | {"step": step, "fuse": exported(_Fuse(tower), beside, {"fused": {}}, own[1])}
