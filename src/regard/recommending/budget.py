"""A budget for exploring: how many slots, and how much of what they would bring, may go to other than the best."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from regard.domain.arrays import Scores
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Policy
from regard.domain.request import Query
from regard.recommending.beliefs import Belief
from regard.recommending.policies import certain


@dataclass(frozen=True, slots=True)
class Budget:
    """At most these shares, of each slot in expectation: `slots` not given to the best gain, `clicks` given up.

    What a slot gives up is the best gain less the one it gets. Gains are scores over their range in this request, so
    where scores are expected clicks (>= 0), that share of the range is never less than the share of the clicks.
    """

    slots: float = 0.03
    clicks: float = 0.03

    def __post_init__(self) -> None:
        for name in ("slots", "clicks"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"Budget.{name}", "a share in [0, 1]", repr(getattr(self, name)))


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """Any policy within a budget: chances = (1 - m) best + m policy, with the largest m <= 1 that the budget allows.

    Best is the highest gain, or, with a `belief`, the highest gain + expected error: then what impressions have taught
    decides at once, and only what is still open costs budget.
    """

    policy: Policy
    budget: Budget = field(default_factory=Budget)
    belief: Belief | None = None

    def probabilities(self, query: Query, candidates: Candidates, gains: Scores) -> Scores:
        """(n,)"""
        expected = gains if self.belief is None else gains + self.belief.moments(query, candidates)[0]
        best = int(np.argmax(expected))
        surely = certain(best, len(gains))
        if expected[best] == np.inf:
            return surely
        wished = self.policy.probabilities(query, candidates, gains)
        taken = wished > 0
        elsewhere = 1.0 - wished[best]
        given_up = float(wished[taken] @ (expected[best] - expected[taken]))
        share = min(1.0, _ratio(self.budget.slots, elsewhere), _ratio(self.budget.clicks, given_up))
        return np.asarray((1.0 - share) * surely + share * wished)


def _ratio(allowed: float, wished: float) -> float:
    return allowed / wished if wished > allowed else 1.0
