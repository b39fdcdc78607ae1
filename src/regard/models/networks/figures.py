"""Figures: how well a network names each person's next item, for early stopping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.dataset import Dataset
from regard.models.networks.streams import Stream

if TYPE_CHECKING:
    from torch import Tensor

K, PEOPLE, CHUNK = 10, 2_000, 128


def next_item_figure(stream: Stream, validation: Dataset) -> Callable[[Any], float]:
    """nDCG@10 of each person's first positive event of `validation`, every unmet item ranked, ties against us.

    People with a past only, at most PEOPLE of them, evenly spread over the rows. 0 where nobody can be judged.
    """
    events = validation.events.where(np.asarray(validation.events.weight > 0))
    able = np.flatnonzero((np.diff(events.offsets) > 0) & (np.diff(stream.offsets) > 0))
    people = able[:: max(1, -(-len(able) // PEOPLE))]
    targets = events.item[events.offsets[people]].astype(np.int64)
    met = [t in stream.item[slice(*stream.offsets[u : u + 2])] for u, t in zip(people, targets, strict=True)]
    people, targets = people[~np.array(met, np.bool_)], targets[~np.array(met, np.bool_)]

    def figure(module: Any) -> float:
        gains = [
            _gains(module, stream, people[start : start + CHUNK], targets[start : start + CHUNK])
            for start in range(0, len(people), CHUNK)
        ]
        return float(np.concatenate(gains).mean()) if gains else 0.0

    return figure


def _gains(module: Any, stream: Stream, people: Rows, targets: Rows) -> NDArray[np.float64]:
    """1 / log2(1 + rank) where the rank is at most K, (Q,)."""
    import torch

    scores = torch.einsum("qd,id->qi", newest(module, stream, people), module.items.weight).float().numpy()
    own = scores[np.arange(len(people)), targets]
    for place, person in enumerate(people):
        scores[place, stream.item[slice(*stream.offsets[person : person + 2])]] = -np.inf
    rank = (scores >= own[:, None]).sum(axis=1)  # the target is among them
    return np.where(rank <= K, 1 / np.log2(1 + rank), 0.0)


def newest(module: Any, stream: Stream, people: Rows) -> Tensor:
    """Each person's vector after the newest `window` events, (Q,) -> (Q, d)."""
    import torch

    from regard.models.networks.layout import Layout

    last = stream.offsets[people + 1]
    length = np.minimum(last - stream.offsets[people], stream.window)
    place = (last - length)[:, None] + np.arange(int(length.max()))
    there = np.arange(place.shape[1]) < length[:, None]
    place = np.where(there, place, 0)
    layout = Layout.of(torch.from_numpy((~there).astype(np.int64)))
    found = module(torch.from_numpy(stream.item[place]), torch.from_numpy(stream.gap[place]), layout)
    picked: Tensor = found[torch.arange(len(people)), torch.from_numpy(length - 1)]
    return picked
