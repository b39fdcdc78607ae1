"""Fill the slate slot by slot: score plus gains, chances, a draw; every choice leaves its propensity and its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeAlias

import numpy as np

from regard.domain.arrays import Rows, Scores, kth_highest
from regard.domain.candidates import Candidates
from regard.domain.protocols import Objective, Policy
from regard.domain.request import Query, Slot
from regard.recommending.policies import Greedy

SCORE = "score"  # the name of the scorer's part of a gain
FEW = 4  # times as many candidates as slots are looked at, at least
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The state in which one slot is filled: named parts (n,), the gains (n,) that they sum to, the chances (n,)."""

    position: int
    parts: Mapping[str, Scores]
    gains: Scores
    chances: Scores

    def parts_of(self, index: int) -> dict[str, float]:
        """The named amounts of one candidate."""
        return {name: column.item(index) for name, column in self.parts.items()}


Pick: TypeAlias = Callable[[Turn], int | None]  # the candidate that takes the slot; None ends the slate


def fill_slots(
    query: Query,
    candidates: Candidates,
    objectives: Mapping[str, Objective],
    policy: Policy,
    rng: np.random.Generator,
) -> tuple[Slot, ...]:
    """At most `query.k` slots; fewer where candidates run out or all that is left is forbidden.

    A policy that draws uses one number of `rng` a slot, so one seed gives one slate. `candidates` must be scored.
    """
    if not len(candidates):
        return ()
    score = score_of(candidates)
    slots = _of_few(query, candidates, objectives, score) if type(policy) is Greedy else None
    if slots is None:
        turns = walk(query, candidates, objectives, policy, lambda turn: draw(turn.chances, rng), score)
        slots = _slots(candidates, turns)
    return slots


def _of_few(
    query: Query, candidates: Candidates, objectives: Mapping[str, Objective], score: Scores
) -> tuple[Slot, ...] | None:
    """The greedy slate of those with the highest scores; None where somebody else might have won one of its slots.

    Nobody else could, where each winner gains more than the best score left out and the `ceiling` of every objective,
    the most that it may add (the bound of Fagin, Lotem & Naor 2003, section 4). So it is nearly always where those
    within twice that of the k-th score are looked at: what objectives take away is mostly no more than what they add.
    """
    ceiling = sum(_ceiling(objective, query) for objective in objectives.values())
    if len(score) <= FEW * query.k or ceiling == np.inf:
        return None
    few = score >= min(kth_highest(score, FEW * query.k), kth_highest(score, query.k) - 2 * ceiling)
    bar = score[~few].max(initial=-np.inf) + ceiling + ROUNDING
    best = candidates.where(few)
    strict = {name: getattr(objective, "strict", objective) for name, objective in objectives.items()}
    turns = walk(query, best, strict, Greedy(), lambda turn: int(turn.gains.argmax()), score[few])
    slots = _slots(best, takewhile(lambda taken: taken[0].gains[taken[1]] > bar, turns))
    return slots if len(slots) == query.k else None


def _ceiling(objective: Objective, query: Query) -> float:
    most = getattr(objective, "ceiling", None)
    return np.inf if most is None else float(most(query))


def replay(
    query: Query, candidates: Candidates, objectives: Mapping[str, Objective], policy: Policy, shown: Rows
) -> Scores:
    """The chance of each slot of the slate `shown` (k,), given the slots before it, had this policy filled it: (k,).

    It walks the lines of `fill_slots`, so a drawn slate gets back the propensities that were logged. From the first
    item that is no candidate here on, all chances are 0: this policy never stands there.
    """
    chances = np.zeros(len(shown))
    for turn, index in walk(query, candidates, objectives, policy, along(candidates, shown)):
        chances[turn.position] = turn.chances[index]
    return chances


def along(candidates: Candidates, shown: Rows) -> Pick:
    """Takes the slate `shown` (k,) and ends behind it, or before the first item that is no candidate."""
    place = {int(row): index for index, row in enumerate(candidates.rows)}
    places = (*(place.get(int(row)) for row in shown), None)
    return lambda turn: places[min(turn.position, len(places) - 1)]


def walk(
    query: Query,
    candidates: Candidates,
    objectives: Mapping[str, Objective],
    policy: Policy,
    pick: Pick,
    score: Scores | None = None,
) -> Iterator[tuple[Turn, int]]:
    """Each turn of the slate with the index of the candidate that `pick` took; `score` (n,): theirs among more."""
    if not len(candidates):
        return
    score = score_of(candidates) if score is None else score
    gain_of = {name: objective.begin(query, candidates) for name, objective in objectives.items()}
    left = score.copy()  # -inf for what is taken
    last: int | None = None
    for position in range(min(query.k, len(candidates))):
        parts = {SCORE: score} | {name: gain(last) for name, gain in gain_of.items()}
        gains = total(left, list(parts.values())[1:])
        if gains.max() == -np.inf:
            return
        turn = Turn(position, parts, gains, policy.probabilities(query, candidates, gains))
        last = pick(turn)
        if last is None:
            return
        left[last] = -np.inf
        yield turn, last


def score_of(candidates: Candidates) -> Scores:
    """The scorer's part of their gains, (n,)."""
    return np.zeros(len(candidates)) if candidates.mean is None else scaled(candidates.mean)


def scaled(scores: Scores) -> Scores:
    """Scores on the scale of this request, (n,): 0 the worst candidate's, 1 the best's; all 0 where all are equal.

    So the weight of an objective means the same for every scorer, and no order changes.
    """
    low, high = scores.min(), scores.max()
    return np.asarray((scores - low) / (high - low)) if high > low else np.zeros(len(scores))


def total(score: Scores, gained: Sequence[Scores]) -> Scores:
    """The sum of the parts, (n,); -inf wherever one of them forbids: forbidding beats pinning."""
    gains = score.copy()
    if gained:
        with np.errstate(invalid="ignore"):  # +inf - inf is NaN
            for column in gained:
                gains += column
    if np.isnan(gains.max()):
        gains[np.isnan(gains)] = -np.inf
    return gains


def draw(chances: Scores, rng: np.random.Generator) -> int:
    """An index drawn by `chances` (n,); never one of chance 0. It takes one number of `rng`, also where one is sure."""
    point, sure = rng.random(), int(chances.argmax())
    if chances[sure] == 1.0:
        return sure
    steps = chances.cumsum()
    point *= steps[-1]
    if point == steps[-1]:  # by rounding
        return int(chances.nonzero()[0][-1])
    return int(steps.searchsorted(point, side="right"))


def _slots(candidates: Candidates, turns: Iterable[tuple[Turn, int]]) -> tuple[Slot, ...]:
    taken = [(index, float(turn.chances[index]), turn.parts_of(index)) for turn, index in turns]  # turns share arrays
    proposers = candidates.proposers([index for index, _, _ in taken])
    return tuple(
        Slot(
            position=position,
            row=int(candidates.rows[index]),
            score=0.0 if candidates.mean is None else float(candidates.mean[index]),
            propensity=chance,
            source=sources[0],
            sources=sources,
            parts=parts,
        )
        for position, ((index, chance, parts), sources) in enumerate(zip(taken, proposers, strict=True))
    )
