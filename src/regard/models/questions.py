"""Questions: what to ask a new person next, and what those like who answered the same; five answers make a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from regard.data.artifacts import Artifact, sparse_arrays, sparse_matrix
from regard.domain.arrays import Array, Rows, Scores
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.domain.run import Run
from regard.models.scoring import FullScores, people_of, recipe_from

YES, NO, UNKNOWN = range(3)  # liked it; met it and did not; never met it
CELLS = 4_000_000  # numbers held at once while questions are weighed: 32 MB


@dataclass(frozen=True)
class Questions:
    """People of the past as particles of who a new person may be, weighed by their answers.

    Each of V people v has answered every question c: they liked the item, met it without liking it, or never met it.
    A new person who is v answers a with the chance P(a | v, c) = (1 - doubt) [a = answer of v] + doubt share_c(a), so
    after some answers w_v ~ prod P(a | v, c), and item i is worth sum_v w_v like_vi. The next question is the one
    whose answer moves those shares most, max_c sum_a P(a) |p(. | a) - p|^2: the reduction of their squared error that
    the decision trees of Golbandi, Koren & Lempel (2011) look for, with soft branches, so that a slip costs little.

    questions: how many items, of those that most people have met, may be asked about. people: at most so many, drawn
    from those who met one of these. aims: how many of the most liked items the next question is to tell apart.
    """

    questions: int = 100
    people: int = 2_000
    doubt: float = 0.7
    aims: int = 300

    def __post_init__(self) -> None:
        for name in ("questions", "people", "aims"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"Questions.{name}", "at least 1", repr(getattr(self, name)))
        if not 0 < self.doubt < 1:
            raise InvalidInput("Questions.doubt", "a chance between 0 and 1", repr(self.doubt))

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedQuestions:  # noqa: B008
        """Counts and a sample by `run.seed`."""
        liked, e = data.matrix(), data.events
        shape = (len(data.users), len(data.items))
        met = sparse.csr_array((np.ones(len(e)), (e.user, e.item)), shape=shape)
        met.data[:] = 1.0  # repeats have been added up
        known = people_of(met)
        asked = np.argsort(-known, kind="stable")[: self.questions]
        asked = asked[known[asked] > 0]
        able = np.flatnonzero(met[:, asked].sum(axis=1) > 0)
        chosen = np.sort(run.rng().choice(able, min(self.people, len(able)), replace=False))
        some, theirs = liked[chosen], met[chosen]
        answers = np.where(theirs[:, asked].toarray() > 0, NO, UNKNOWN)
        answers[some[:, asked].toarray() > 0] = YES
        return FittedQuestions(self, asked, answers.astype(np.int8), some, people_of(liked))


@dataclass(frozen=True, eq=False)
class FittedQuestions(FullScores):
    """Answers (V, C) of V people to C questions about the items `asked` (C,), and what they liked, `likes` (V, I).

    Answers come as events of the query's history: yes if some event of the item has positive weight, else no. So it is
    a source, too, for people with few events: what the people like whose tastes agree with theirs.
    """

    recipe: Questions
    asked: Rows
    answers: NDArray[np.int8]
    likes: sparse.csr_array
    people: NDArray[np.float64]  # (I,)
    name: str = "questions"
    aims: Rows = field(init=False, repr=False)  # (A,) the items to tell apart
    chances: NDArray[np.float64] = field(init=False, repr=False)  # (C, 3) the share of each answer
    aimed: NDArray[np.float32] = field(init=False, repr=False)  # (V, A) likes of the aims

    def __post_init__(self) -> None:
        counts = [(self.answers == answer).sum(axis=0) for answer in (YES, NO, UNKNOWN)]
        aims = np.argsort(-people_of(self.likes), kind="stable")[: self.recipe.aims]
        object.__setattr__(self, "aims", aims)
        object.__setattr__(self, "chances", np.stack(counts, axis=1) / max(1, len(self.answers)))
        object.__setattr__(self, "aimed", self.likes[:, aims].toarray())

    @property
    def n_items(self) -> int:
        """How many items the model knows."""
        return len(self.people)

    def support(self) -> NDArray[np.float64]:
        """People per item, (I,)."""
        return self.people

    def alike(self, query: Query, unknown: Sequence[int] | Rows = ()) -> Scores:
        """w (V,): how likely the person is each of the V people, after their history and `unknown`, never met."""
        logs = np.zeros(len(self.answers))
        for place, answer in self._given(query, unknown).items():
            logs += np.log(self._likelihood(place, answer))
        weights = np.exp(logs - logs.max(initial=-np.inf)) if len(logs) else logs
        return np.asarray(weights / max(float(weights.sum()), 1e-300))

    def question(
        self, query: Query, unknown: Sequence[int] | Rows = (), barred: Sequence[int] | Rows = ()
    ) -> int | None:
        """The item to ask about next, or None where nothing is left; never of the history, `unknown` or `barred`."""
        given = self._given(query, unknown)
        left = [p for p in range(len(self.asked)) if p not in given and self.asked[p] not in set(barred)]
        if not left or not self.aimed.size:
            return None
        weights = self.alike(query, unknown)
        gains = np.concatenate([self._gains(weights, part) for part in self._parts(np.array(left))])
        return int(self.asked[left[int(np.argmax(gains))]])

    def _parts(self, places: Rows) -> list[Rows]:
        return np.array_split(places, 1 + 3 * len(places) * max(self.aimed.shape) // CELLS)

    def _gains(self, weights: Scores, places: Rows) -> Scores:
        """sum_a P(a) |p(. | a) - p|^2 for each of the questions at `places`."""
        gains = np.zeros(len(places))
        now = weights @ self.aimed
        for answer in (YES, NO, UNKNOWN):
            joint = weights[:, None] * self._likelihood(places, answer)  # (V, c)
            chance = np.maximum(joint.sum(axis=0), 1e-300)
            moved = (joint.T @ self.aimed) / chance[:, None] - now
            gains += chance * np.square(moved).sum(axis=1)
        return gains

    def _likelihood(self, places: int | Rows, answer: int) -> Scores:
        """P(answer | v, c), (V,) or (V, c); the marginal is over the sample, with one more of each answer."""
        n = len(self.answers)
        marginal = (self.chances[places, answer] * n + 1) / (n + 3)
        agree = self.answers[:, places] == answer
        return np.asarray((1 - self.recipe.doubt) * agree + self.recipe.doubt * marginal)

    def _given(self, query: Query, unknown: Sequence[int] | Rows) -> dict[int, int]:
        """Place of the question -> answer."""
        past = query.history
        said = dict.fromkeys([int(row) for row in unknown], UNKNOWN)
        said |= dict.fromkeys(past.rows.tolist(), NO)
        said |= dict.fromkeys(past.rows[past.weights > 0].tolist(), YES)
        place = {int(row): c for c, row in enumerate(self.asked)}
        return {place[row]: said[row] for row in sorted(said) if row in place}

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I): the share of those alike who like each item; without answers, of everybody sampled."""
        found = np.empty((len(queries), self.n_items), np.float32)
        for place, query in enumerate(queries):
            found[place] = self.shares(query)
        return found

    def shares(self, query: Query, unknown: Sequence[int] | Rows = ()) -> Scores:
        """The same for one person, in float64, (I,)."""
        return np.asarray(self.likes.T @ self.alike(query, unknown))

    def contributions(self, query: Query, row: int) -> Evidence:
        """The share of everybody, and what those add whose answers agree."""
        if row >= self.n_items:
            return self.newer(query, "people")
        everybody = float(self.shares(Query(at=query.at))[row])
        other = {"popularity": everybody, "people who answered alike": float(self.shares(query)[row]) - everybody}
        return Evidence("people", NO_ROWS, np.empty(0), other)

    def artifact(self) -> Artifact:
        """What the sampled people answered and liked, without their names."""
        plain: dict[str, Array] = {"asked": self.asked, "answers": self.answers, "people": self.people}
        return Artifact("questions", asdict(self.recipe), plain | sparse_arrays("likes", self.likes))

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> FittedQuestions:
        """The same model, bit for bit."""
        arrays, recipe = artifact.arrays, recipe_from(Questions, artifact.recipe)
        return cls(recipe, arrays["asked"], arrays["answers"], sparse_matrix("likes", arrays), arrays["people"])
