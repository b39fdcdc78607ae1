"""Figures: how well a network names each person's next item, for early stopping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Rows
from regard.domain.dataset import Dataset
from regard.models.networks.streams import Stream

K, PEOPLE, CHUNK = 10, 2_000, 128


def next_item_figure(stream: Stream, validation: Dataset, moments: int) -> Callable[[Any], float]:
    """nDCG@10 of each person's first positive event of `validation`, every unmet item ranked, ties against us.

    At most PEOPLE of them, evenly spread over the rows. 0 where nobody can be judged. `moments`: where the moments of
    the validation events stand in the network's bags, after those of train.
    """
    places = np.flatnonzero(validation.events.weight > 0)
    events = validation.events.where(np.asarray(validation.events.weight > 0))
    able = np.flatnonzero(np.diff(events.offsets) > 0)
    people = able[:: max(1, -(-len(able) // PEOPLE))]
    first = events.offsets[people]
    targets = events.item[first].astype(np.int64)
    met = [t in stream.item[slice(*stream.offsets[u : u + 2])] for u, t in zip(people, targets, strict=True)]
    judged = ~np.array(met, np.bool_)
    people, targets, moment = people[judged], targets[judged], moments + places[first][judged]

    def figure(module: Any) -> float:
        gains = [
            _gains(module, stream, *(column[start : start + CHUNK] for column in (people, targets, moment)))
            for start in range(0, len(people), CHUNK)
        ]
        return float(np.concatenate(gains).mean()) if gains else 0.0

    return figure


def _gains(module: Any, stream: Stream, people: Rows, targets: Rows, moment: Rows) -> NDArray[np.float64]:
    """1 / log2(1 + rank) where the rank is at most K, (Q,)."""
    import torch

    batch, last = stream.newest(people)
    read = module(replace(batch, moment=np.broadcast_to(moment[:, None], batch.moment.shape).copy()))
    newest = read.people[torch.arange(len(people)), torch.from_numpy(last)]
    scores = torch.einsum("qd,id->qi", newest, read.items).float().cpu().numpy()
    own = scores[np.arange(len(people)), targets]
    for place, person in enumerate(people):
        scores[place, stream.item[slice(*stream.offsets[person : person + 2])]] = -np.inf
    rank = (scores >= own[:, None]).sum(axis=1)  # the target is among them
    return np.where(rank <= K, 1 / np.log2(1 + rank), 0.0)
