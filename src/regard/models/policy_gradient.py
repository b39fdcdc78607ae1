"""PolicyGradient: a scorer tuned by what its own lists brought, corrected for who made them and for k places."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Scores, Vectors
from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Scorer
from regard.domain.request import Query
from regard.domain.run import Run
from regard.models.choice import of_item
from regard.models.lately import Lately
from regard.models.logged_lists import EMPTY, LoggedLists
from regard.models.outlook import Outlook, weighed

Floats = NDArray[np.float64]
KIND = "policy-gradient"  # of its artifacts


@dataclass(frozen=True)
class PolicyGradient:
    """score = w . x(s, i) + b_i, the logits of a policy that learns by REINFORCE off policy, for lists of K places.

    Top-K off-policy correction (Chen et al. 2019): the gradient of each shown slot is
    min(pi / beta, cap) * K (1 - pi)^(K-1) * advantage * grad log pi, pi being the chance of the slot given those above
    it, as the logged beta is. x: what the scorer said and how the item meets the person's state (`Lately`). The tuning
    begins at `sharpness` times what the scorer said, so nothing learned leaves its order.

    advantage: what the slot brought less the mean of its place, and discount^m of the m-th later list of the person
    less what persons in that state get on average (a ridge over the state). discount 0: the list itself alone.
    own: penalty of the items' own b. Needs the extra `deep` to fit.
    """

    discount: float = 0.5
    half_lives: tuple[float, ...] = (1.0, 4.0, 16.0)
    cap: float = 10.0
    sharpness: float = 2.0
    own: float = 0.1
    epochs: int = 5
    batch: int = 64
    rate: float = 0.003

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("discount", 0 <= self.discount < 1, "a number in [0, 1)"),
            ("cap", self.cap > 0, "a weight > 0"),
            ("sharpness", self.sharpness > 0, "a number > 0"),
            ("own", self.own >= 0, "a number >= 0"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1 list"),
            ("rate", 0 < self.rate < 1, "a learning rate in (0, 1)"),
        ):
            if not fits:
                raise InvalidInput(f"PolicyGradient.{name}", expected, repr(getattr(self, name)))

    def fit(
        self,
        lists: LoggedLists,
        base: Scorer,
        topics: Vectors,
        *,
        run: Run = Run(),  # noqa: B008
    ) -> FittedPolicyGradient:
        """From what was shown with which chance; `base` is the scorer whose `said` stands in `lists`."""
        try:
            from regard.models.networks.policy import Schooling, Told, fit_policy
        except ImportError as error:
            raise Unavailable("PolicyGradient.fit", "PyTorch", str(error), "pip install 'regard[deep]'") from error
        lately = Lately(topics, self.half_lives)
        outlook, states = Outlook.learn(base, lately, lists), lately.states(lists.queries)
        told = Told(
            outlook.of_lists(lists).astype(np.float32),
            lists.candidates,
            lists.shown,
            lists.propensity.astype(np.float32),
            advantages(lists, states, self.discount).astype(np.float32),
        )
        how = Schooling(**{field.name: getattr(self, field.name) for field in fields(Schooling)})
        return FittedPolicyGradient(self, outlook, *fit_policy(how, told, len(topics), run))


def advantages(lists: LoggedLists, states: Floats, discount: float) -> Floats:
    """What each slot brought above what its place and its person's state let expect, (n, k); 0 in empty slots."""
    there = lists.shown != EMPTY
    mean = np.where(there, lists.reward, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    found = lists.reward - mean
    if discount:
        later = lists.later(discount)
        x = np.concatenate([np.ones((len(lists), 1)), states.reshape(len(lists), -1)], axis=1)
        fitted = x @ np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ later)
        found = found + (later - fitted)[:, None]
    return np.where(there, found, 0.0)


@dataclass(frozen=True, eq=False)
class FittedPolicyGradient:
    """A scorer over another one: logits, the higher the likelier."""

    recipe: PolicyGradient
    outlook: Outlook
    weights: Scores  # (2 + H,)
    own: Scores  # (I,)
    name: str = "policy gradient"

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """(n,) -> mean (n,): logits; spread (n,): that of the base scorer."""
        x, said = self.outlook.of(query, candidates)
        return Scored(weighed(x, self.weights) + of_item(self.own, candidates.rows), said.spread)

    def over(self, base: Scorer) -> FittedPolicyGradient:
        """The same on another scorer."""
        return replace(self, outlook=self.outlook.over(base))

    def artifact(self) -> Artifact:
        """All but the scorer that it stands on."""
        arrays = {"weights": self.weights, "own": self.own}
        return Artifact(KIND, asdict(self.recipe), arrays, {"outlook": self.outlook.artifact()})

    @staticmethod
    def from_artifact(artifact: Artifact, base: Scorer) -> FittedPolicyGradient:
        """What `artifact` gave, on `base`."""
        recipe = PolicyGradient(**{**artifact.recipe, "half_lives": tuple(artifact.recipe["half_lives"])})
        outlook = Outlook.from_artifact(artifact.parts["outlook"], base)
        return FittedPolicyGradient(recipe, outlook, artifact.arrays["weights"], artifact.arrays["own"])
