"""Why not this item: not proposed, dropped, or outranked; with the figures that show by how much, and what decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from regard.domain.arrays import Rows
from regard.domain.candidates import Candidates
from regard.recommending.slots import Turn

FARTHEST = 1 << 20  # how deep a source is asked for an item's rank
POLICY, ORDER = "policy", "order"  # what decides where no part of the gains does


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one source says of the item: its rank and score there (None: beyond its reach), and where it stopped."""

    rank: int | None  # 1 is the best
    score: float | None
    proposed: int  # how many items it proposed
    last_score: float | None  # the score of the last of them


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Where one item fell.

    not proposed: `sources` tells how far it was from being proposed. dropped: by the filter `dropped_by`. outranked:
    `sources` tells who proposed it; `rank` of n `candidates` by score, its `score`, the last slot's item and score, and
    both ones' chances (`propensity`) and finite `parts` when that slot was filled; `forbidden_by` names objectives that
    forbade it there; `decided_by` names the part in which it fell behind most; "policy" where its gain was no smaller,
    but a draw or what impressions taught took the other; "order" where both were equal and the first proposed was
    taken. shown: at `position` (0 is the first).
    """

    row: int
    fell: Literal["not proposed", "dropped", "outranked", "shown"]
    sources: Mapping[str, Proposal] = field(default_factory=dict)
    dropped_by: str | None = None
    position: int | None = None
    candidates: int | None = None
    rank: int | None = None
    score: float | None = None
    last_row: int | None = None
    last_score: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    last_parts: Mapping[str, float] = field(default_factory=dict)
    propensity: float | None = None
    last_propensity: float | None = None
    forbidden_by: tuple[str, ...] = ()
    decided_by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`."""
        return asdict(self) | {"forbidden_by": list(self.forbidden_by)}


def absent(
    row: int,
    proposed: Mapping[str, Candidates],
    dropped: Mapping[str, Rows],
    retrieve: Mapping[str, Callable[[int], Candidates]],
) -> WhyNot:
    """The answer for an item that is no candidate: the filter that dropped it, or how far each source was from it."""
    for name, rows in dropped.items():
        if row in rows:
            return WhyNot(row, "dropped", dropped_by=name)
    return WhyNot(row, "not proposed", {name: _from(row, batch, retrieve[name]) for name, batch in proposed.items()})


def _from(row: int, batch: Candidates, retrieve: Callable[[int], Candidates]) -> Proposal:
    deeper, k = batch, max(1, len(batch))
    while row not in deeper.rows and len(deeper) == k and k < FARTHEST:
        k *= 4
        deeper = retrieve(k)
    return _told(row, batch, deeper)


def _told(row: int, batch: Candidates, deeper: Candidates) -> Proposal:
    found = np.flatnonzero(deeper.rows == row)
    rank, score = (int(found[0]) + 1, float(deeper.scores[found[0]])) if len(found) else (None, None)
    return Proposal(rank, score, len(batch), float(batch.scores[-1]) if len(batch) else None)


def outranked(
    row: int, candidates: Candidates, proposed: Mapping[str, Candidates], turns: Iterable[tuple[Turn, int]]
) -> WhyNot:
    """The answer for a candidate: shown, or behind which score, with both ones' parts when the last slot was filled.

    `turns`: the slate, turn by turn, each with the index of the candidate that it took.
    """
    index = int(np.flatnonzero(candidates.rows == row)[0])
    mean = np.zeros(len(candidates)) if candidates.mean is None else candidates.mean
    rank = int(np.flatnonzero(np.argsort(-mean, kind="stable") == index)[0]) + 1
    by = {name: _told(row, batch, batch) for name, batch in proposed.items() if row in batch.rows}
    answer = WhyNot(row, "outranked", by, candidates=len(candidates), rank=rank, score=float(mean[index]))
    turn = last = None
    for turn, last in turns:
        if last == index:
            return replace(answer, fell="shown", position=turn.position)
    if turn is None or last is None:
        return answer
    parts = turn.parts_of(index)
    return replace(
        answer,
        last_row=int(candidates.rows[last]),
        last_score=float(mean[last]),
        parts=_finite(parts),
        last_parts=_finite(turn.parts_of(last)),
        propensity=float(turn.chances[index]),
        last_propensity=float(turn.chances[last]),
        forbidden_by=tuple(name for name, amount in parts.items() if amount == -np.inf),
        decided_by=_decided(turn, index, last),
    )


def _decided(turn: Turn, index: int, last: int) -> str:
    own, other = turn.gains[index], turn.gains[last]
    if own < other:
        mine, theirs = turn.parts_of(index), turn.parts_of(last)
        return max(mine, key=lambda name: 0.0 if theirs[name] == mine[name] else theirs[name] - mine[name])
    return POLICY if own > other or turn.chances[last] < 1 else ORDER


def _finite(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: amount for name, amount in parts.items() if np.isfinite(amount)}
