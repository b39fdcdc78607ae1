"""SlateQ: what an item brings now and what it leaves for later, learned from lists seen one after another."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Rows, Scores, Vectors
from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Scorer
from regard.domain.request import Query
from regard.domain.run import Run
from regard.models.choice import Choice, Choosing
from regard.models.lately import Lately
from regard.models.logged_lists import EMPTY, LoggedLists
from regard.models.outlook import Outlook, weighed

Floats = NDArray[np.float64]
KIND = "slate-q"  # of its artifacts


@dataclass(frozen=True)
class SlateQ:
    """score = v(s, i) (1 + discount (W(s + i) - W(s))): SlateQ (Ie et al. 2019) with values of states after a choice.

    v is the chance of a click once looked at (`Choosing`). Q(s, i) = 1 + discount W(s + i) is what a click on i brings
    with all that follows, Q(s, nothing) = discount W(s); since clicks of a list do not shut each other out here, a list
    is worth the sum of looked * v (Q(s, i) - Q(s, nothing)), and the best list is sorted by it. W is that of the policy
    which made the log (SARSA): least-squares temporal differences (Bradtke & Barto 1996) over `features` of `Lately`,
    where the state after a choice is known without learning it. One step of improvement, no more.

    discount: per list; 0 is greedy with the same eyes. half_lives: of `Lately`, days; none: blind to what was met
    lately. l2: penalty of the values, in examples.
    """

    discount: float = 0.8
    half_lives: tuple[float, ...] = (1.0, 4.0, 16.0)
    l2: float = 300.0
    choosing: Choosing = field(default_factory=Choosing)

    def __post_init__(self) -> None:
        if not 0 <= self.discount < 1:
            raise InvalidInput("SlateQ.discount", "a number in [0, 1)", repr(self.discount))
        if not 0 < self.l2 < np.inf:
            raise InvalidInput("SlateQ.l2", "a number > 0", repr(self.l2))

    def fit(
        self,
        lists: LoggedLists,
        base: Scorer,
        topics: Vectors,
        *,
        run: Run = Run(),  # noqa: B008
    ) -> FittedSlateQ:
        """From what was shown and clicked; `base` scores what the person's own state does not say, (I, g) topics."""
        lately = Lately(topics, self.half_lives)
        outlook, there = Outlook.learn(base, lately, lists), lists.shown != EMPTY
        run.progress("SlateQ", 0.0)
        x = np.take_along_axis(outlook.of_lists(lists), np.maximum(lists.shown, 0)[..., None], axis=1)[there]
        looked = np.broadcast_to(lists.looked, there.shape)[there]
        clicked = (lists.reward[there] > 0).astype(np.float64)
        choice = self.choosing.learned(x, lists.rows[there], looked, clicked, len(topics))
        run.progress("SlateQ", 0.5)
        return FittedSlateQ(self, outlook, choice, Value.learn(lists, lately, self.discount, self.l2))


@dataclass(frozen=True, eq=False)
class Value:
    """W: what is still to come for somebody in a state, linear in its `features`, (p,) weights."""

    weights: Scores

    @staticmethod
    def learn(lists: LoggedLists, lately: Lately, discount: float, l2: float) -> Value:
        """LSTD(0): W(after this list) = earned by the next + discount W(after that), over all pairs of lists."""
        after = features(lately.after(lately.states(lists.queries), lists.clicked))
        following = lists.following()
        here = np.flatnonzero(following != EMPTY)
        now, then = after[here], after[following[here]]
        scale = np.sqrt((now**2).mean(axis=0)) if len(now) else np.ones(after.shape[1])
        scale = np.where(scale > 0, scale, 1.0)
        now, then = now / scale, then / scale
        penalty = np.r_[0.0, np.full(len(scale) - 1, l2)]  # the constant is free
        left = now.T @ (now - discount * then) + np.diag(penalty)
        return Value(np.linalg.lstsq(left, now.T @ lists.earned[following[here]])[0] / scale)

    def of(self, states: Floats) -> Floats:
        """States (..., 1 + H, g) -> (...)"""
        return weighed(features(states), self.weights)


def features(states: Floats) -> Floats:
    """1, what is liked, what was had lately by topic, and how well both meet: (..., 1 + g + H g + H)."""
    liked, had = states[..., 0, :], states[..., 1:, :]
    both = (had * liked[..., None, :]).sum(axis=-1)
    flat = had.reshape(*had.shape[:-2], had.shape[-2] * had.shape[-1])
    return np.concatenate([np.ones((*liked.shape[:-1], 1)), liked, flat, both], axis=-1)


@dataclass(frozen=True, eq=False)
class FittedSlateQ:
    """A scorer over another one; nothing in it needs more than one query."""

    recipe: SlateQ
    outlook: Outlook
    choice: Choice
    value: Value
    name: str = "long term"

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """(n,) -> mean (n,): what a look at the item adds to this and all later lists; spread (n,): that of the base
        scorer."""
        x, said = self.outlook.of(query, candidates)
        chance = self.choice.chances(x, candidates.rows)
        return Scored(chance * (1 + self.recipe.discount * self.left(query, candidates.rows)), said.spread)

    def left(self, query: Query, rows: Rows) -> Scores:
        """W(s + i) - W(s): what consuming each of `rows` (n,) does to all that is still to come."""
        lately = self.outlook.lately
        now = lately.state(query)
        after = lately.after(np.repeat(now[None], len(rows), axis=0), rows[:, None])
        return np.asarray(self.value.of(after) - self.value.of(now))

    def over(self, base: Scorer) -> FittedSlateQ:
        """The same on another scorer."""
        return replace(self, outlook=self.outlook.over(base))

    def artifact(self) -> Artifact:
        """All but the scorer that it stands on."""
        arrays = {"choice": self.choice.weights, "own": self.choice.own, "value": self.value.weights}
        return Artifact(KIND, asdict(self.recipe), arrays, {"outlook": self.outlook.artifact()})

    @staticmethod
    def from_artifact(artifact: Artifact, base: Scorer) -> FittedSlateQ:
        """What `artifact` gave, on `base`."""
        told, held = artifact.recipe, artifact.arrays
        nested = {"half_lives": tuple(told["half_lives"]), "choosing": Choosing(**told["choosing"])}
        outlook = Outlook.from_artifact(artifact.parts["outlook"], base)
        choice, value = Choice(held["choice"], held["own"]), Value(held["value"])
        return FittedSlateQ(SlateQ(**{**told, **nested}), outlook, choice, value)
