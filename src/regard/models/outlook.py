"""Outlook: what a tuned scorer sees of a candidate: what another scorer says, and how it meets the person's state."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Array, Rows, Scores
from regard.domain.candidates import Candidates, Scored
from regard.domain.protocols import Scorer
from regard.domain.request import Query
from regard.models.lately import Lately
from regard.models.logged_lists import EMPTY, LoggedLists

Floats = NDArray[np.float64]
BLOCK = 256  # lists whose candidates' topics are held at once


@dataclass(frozen=True, eq=False)
class Outlook:
    """Columns x (f,) with f = 2 + H: the score of `base`, then what is liked and what was had lately of its topics.

    Each is (column - centre) / scale by the candidates of a log, the same for everybody, so that an item is seen alike
    in any company.
    """

    base: Scorer
    lately: Lately
    centre: Scores  # (f,)
    scale: Scores  # (f,)

    @staticmethod
    def learn(base: Scorer, lately: Lately, lists: LoggedLists) -> Outlook:
        """Mean and deviation of each column over all candidates; `base` is whose scores `lists.said` are."""
        f = 2 + len(lately.half_lives)
        plain = Outlook(base, lately, np.zeros(f), np.ones(f))
        seen = plain.of_lists(lists)[lists.candidates != EMPTY]
        if not len(seen):
            return plain
        spread = seen.std(axis=0)
        return replace(plain, centre=seen.mean(axis=0), scale=np.where(spread > 0, spread, 1.0))

    def of_lists(self, lists: LoggedLists) -> Floats:
        """Of every candidate of a log, (n, c, f)."""
        states = self.lately.states(lists.queries)
        found = np.empty((*lists.candidates.shape, len(self.centre)))
        for first in range(0, len(lists), BLOCK):
            part = slice(first, first + BLOCK)
            found[part] = self._columns(states[part], lists.candidates[part], lists.said[part])
        return found

    def of(self, query: Query, candidates: Candidates) -> tuple[Floats, Scored]:
        """Of the candidates of one request, (n, f), and what `base` says of them."""
        said = self.base.score(query, candidates)
        state = self.lately.state(query)[None]
        return self._columns(state, candidates.rows[None], said.mean[None])[0], said

    def over(self, base: Scorer) -> Outlook:
        """The same on another scorer."""
        return replace(self, base=base)

    def artifact(self) -> Artifact:
        """All but `base`."""
        arrays: dict[str, Array] = {"topics": self.lately.topics, "centre": self.centre, "scale": self.scale}
        return Artifact("outlook", {"half_lives": list(self.lately.half_lives)}, arrays)

    @staticmethod
    def from_artifact(artifact: Artifact, base: Scorer) -> Outlook:
        """What `artifact` gave, on `base`."""
        lately = Lately(artifact.arrays["topics"], tuple(artifact.recipe["half_lives"]))
        return Outlook(base, lately, artifact.arrays["centre"], artifact.arrays["scale"])

    def _columns(self, states: Floats, rows: Rows, said: Floats) -> Floats:
        found = np.concatenate([said[..., None], self.lately.columns(states, rows)], axis=-1)
        return np.asarray((found - self.centre) / self.scale)


def weighed(x: Floats, weights: Scores) -> Floats:
    """x . w of (..., f) and (f,), summed alike however many rows there are, unlike a product of matrices."""
    return np.asarray((x * weights).sum(axis=-1))
