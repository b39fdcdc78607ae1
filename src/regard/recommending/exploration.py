"""Exploration as data: which policy tries what, within which budget; and a corridor that explores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from regard.domain.errors import InvalidInput
from regard.domain.protocols import Policy
from regard.recommending.bandits import Thompson, UpperBound
from regard.recommending.beliefs import Belief, ByItem
from regard.recommending.budget import Budget, Within
from regard.recommending.least_shown import LeastShown, OnOffer
from regard.recommending.policies import Boltzmann, Epsilon, Greedy
from regard.recommending.recommender import Recommender

Kind = Literal["none", "epsilon", "boltzmann", "thompson", "upper_bound"]


@dataclass(frozen=True, slots=True)
class Exploration:
    """A row that an expert may change: kind "none" shows the best only; `slots` and `clicks` bound all others (Budget).

    temperature: of "boltzmann"; epsilon: of "epsilon" and "upper_bound"; draws, floor: of "thompson"; deviations: of
    "upper_bound". stretch: how many times a scorer's spread an error may be. enough: impressions up to which an item
    is proposed as a newcomer; 0: never. seed: of the draws that a belief is sampled by. kept: what a new release leaves
    of what was taught before it, as it has learned from the same clicks. minutes: after which a server's policy learns
    again from what was shown.
    """

    kind: Kind = "thompson"
    slots: float = 0.03
    clicks: float = 0.03
    temperature: float = 0.05
    epsilon: float = 0.05
    draws: int = 256
    floor: float = 0.3
    deviations: float = 1.0
    stretch: float = 3.0
    enough: float = 100.0
    seed: int = 0
    kept: float = 0.7
    minutes: float = 15.0

    def __post_init__(self) -> None:
        for name, most, expected in (
            ("enough", float("inf"), "impressions >= 0"),
            ("minutes", float("inf"), "minutes >= 0"),
            ("kept", 1 + 1e-9, "a share in [0, 1]"),
        ):
            if not 0 <= getattr(self, name) < most:
                raise InvalidInput(f"Exploration.{name}", expected, repr(getattr(self, name)))
        self.policy(ByItem(stretch=self.stretch))  # the others check themselves

    def policy(self, belief: Belief) -> Policy:
        """The policy of this row over what is believed now."""
        budget = Budget(self.slots, self.clicks)
        match self.kind:
            case "none":
                return Greedy()
            case "epsilon":
                return Within(Epsilon(self.epsilon), budget)
            case "boltzmann":
                return Within(Boltzmann(self.temperature), budget)
            case "thompson":
                return Within(Thompson(belief, self.draws, self.floor, self.seed), budget, belief)
            case "upper_bound":
                return Within(UpperBound(belief, self.deviations, self.epsilon), budget, belief)
        raise InvalidInput("Exploration.kind", f"one of {', '.join(Kind.__args__)}", repr(self.kind))

    def applied(self, corridor: Recommender, belief: ByItem, on_offer: OnOffer | None = None) -> Recommender:
        """The corridor with this policy, and with newcomers among what is proposed (None: all that were ever shown)."""
        explores = self.kind != "none" and self.enough > 0
        unknown = {"least shown": LeastShown(belief.shown, self.enough, on_offer)} if explores else {}
        return replace(corridor, policy=self.policy(belief), retrievers={**corridor.retrievers, **unknown})
