"""Together: requests that come at once walk the corridor at once, so that each source looks at all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy as np

from regard.domain.candidates import Candidates
from regard.domain.request import Query, Slate
from regard.models.scoring import CELLS
from regard.serving.wiring import Live

MOST = 32  # requests that walk together: the last of them waits for all
Walked: TypeAlias = tuple[Candidates, Slate]


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """One request on its way: the release that answers, the question, and the seed of its draws."""

    live: Live
    query: Query
    seed: int


def walk(walks: Sequence[Walk]) -> list[Walked | Exception]:
    """What was considered and the slate of each; the same, bit for bit, whoever walks beside it."""
    found: list[Walked | Exception] = []
    for _, own in groupby(walks, key=lambda one: id(one.live)):
        same = list(own)
        step = max(1, CELLS // max(1, same[0].live.model.n_items))
        for start in range(0, len(same), step):
            found += _at_once(same[start : start + step])
    return found


def _at_once(walks: Sequence[Walk]) -> list[Walked | Exception]:
    try:
        recommender = walks[0].live.recommender
        considered = recommender.consider_many([one.query for one in walks])
        return [
            (candidates, recommender.fill(one.query, candidates, left_out, np.random.default_rng(one.seed)))
            for one, (candidates, left_out) in zip(walks, considered, strict=True)
        ]
    except Exception as error:
        if len(walks) == 1:
            return [error]
        return [found for one in walks for found in _at_once([one])]  # nobody fails for another's request
