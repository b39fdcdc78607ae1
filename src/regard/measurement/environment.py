"""The town as an environment to learn in: people ask for slates, click, and leave; Gymnasium's interfaces around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import Mask, Rows
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.weights import DAY
from regard.measurement.mechanisms import DAY_PARTS, Floats, weekday_and_part
from regard.measurement.population import TownItems
from regard.measurement.simulator import Town, TownRecipe

FADING = 0.8  # of what was clicked lately, from one visit to the next


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """B people who each come `visits` times, `hours` apart, and are shown slates of `k`; a recipe for episodes.

    What is observed is what a recommender could know: the mean topics of all that the person clicked (g), of what they
    clicked lately (g), the share of slots clicked so far, and the part of the day (4).
    """

    town: TownRecipe
    items: TownItems
    together: int = 1
    k: int = 10
    visits: int = 20
    hours: float = 8.0
    begins: float = 20_000 * DAY

    def __post_init__(self) -> None:
        for name in ("together", "k", "visits"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"Visits.{name}", "at least 1", repr(getattr(self, name)))
        if self.together > self.town.people:
            raise InvalidInput("Visits.together", f"at most {self.town.people} people", repr(self.together))

    @property
    def observed(self) -> int:
        """How many numbers are observed of each person."""
        return int(2 * self.items.topics.shape[1] + 1 + DAY_PARTS)

    @property
    def most(self) -> float:
        """No observed number is larger: every slot of every visit clicked, all of one topic."""
        return self.k / (1 - FADING)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one slate each brought to B people: observation (B, o), clicks (B,) and what they were; who left (B,),
    whose visits are over (B,)."""

    observation: Floats
    reward: Floats
    left: Mask
    over: Mask
    clicked: Mask
    liked: Mask


@dataclass(eq=False)
class Visiting:
    """One run of `Visits`: a fresh town for each `reset`. Where an episode ends, the next person takes the place."""

    visits: Visits
    town: Town = field(init=False)

    def __post_init__(self) -> None:
        self.reset(0)

    def reset(self, seed: int) -> Floats:
        """A new town of this seed, and the first people; the observation (B, o)."""
        visits, n = self.visits, self.visits.together
        self.town = replace(visits.town, seed=seed).build(visits.items)
        self._order = np.random.default_rng(seed).permutation(visits.town.people)
        self._next = n
        self.users: Rows = self._order[:n].copy()
        topics = visits.items.topics.shape[1]
        self._all, self._lately = np.zeros((n, topics), np.float32), np.zeros((n, topics), np.float32)
        self._clicks, self._slots, self._turn = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
        self._at = visits.begins
        return self._observation()

    def step(self, slates: Rows) -> Step:
        """Show slates (B, k) of item rows; time passes until the next visit."""
        answers = self.town.answer(self.users, slates, self._at)
        clicks = answers.clicked.sum(axis=1)
        place, slot = np.nonzero(answers.clicked)
        met = np.zeros_like(self._all)
        np.add.at(met, place, self.visits.items.topics[slates[place, slot]])
        self._all += met
        self._lately = np.float32(FADING) * self._lately + met
        self._clicks += clicks
        self._slots += slates.shape[1]
        self._turn += 1
        self._at += self.visits.hours * 3600.0
        left, over = ~self.town.presence.here[self.users], self._turn >= self.visits.visits
        self._replace(np.flatnonzero(left | over))
        reward = clicks.astype(np.float32)
        return Step(self._observation(), reward, left, over & ~left, answers.clicked, answers.liked)

    def _replace(self, places: Rows) -> None:
        people = self._order[(self._next + np.arange(len(places))) % len(self._order)]
        self._next += len(places)
        self.users[places] = people
        for column in (self._all, self._lately, self._clicks, self._slots, self._turn):
            column[places] = 0

    def _observation(self) -> Floats:
        _, part = weekday_and_part(np.full(len(self.users), self._at))
        total = np.maximum(self._clicks, 1.0)[:, None]
        share = (self._clicks / np.maximum(self._slots, 1.0))[:, None]
        columns = (self._all / total, self._lately, share, np.eye(DAY_PARTS)[part])
        return np.concatenate(columns, axis=1, dtype=np.float32)


def environment(visits: Visits) -> Any:
    """A `gymnasium.Env` of one person at a time: an action is a slate (k,), the reward its clicks."""
    gymnasium = _gymnasium()
    run = Visiting(replace(visits, together=1))

    class TownEnvironment(gymnasium.Env):  # type: ignore[misc,name-defined]
        metadata: Mapping[str, Any] = {"render_modes": []}
        observation_space = gymnasium.spaces.Box(0.0, visits.most, (visits.observed,), np.float32)
        action_space = gymnasium.spaces.MultiDiscrete([len(visits.items.ids)] * visits.k)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Floats, dict[str, Any]]:
            super().reset(seed=seed)
            return run.reset(int(self.np_random.integers(2**31)))[0], {"user": int(run.users[0])}

        def step(self, action: NDArray[np.integer]) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
            found = run.step(np.asarray(action, np.int64)[None])
            told = {"clicked": found.clicked[0], "liked": found.liked[0]}
            return found.observation[0], float(found.reward[0]), bool(found.left[0]), bool(found.over[0]), told

    return TownEnvironment()


def vector_environment(visits: Visits) -> Any:
    """A `gymnasium.vector.VectorEnv` of `together` people; who is through is replaced in the same step."""
    gymnasium = _gymnasium()
    run = Visiting(visits)
    one = gymnasium.spaces.Box(0.0, visits.most, (visits.observed,), np.float32)
    slate = gymnasium.spaces.MultiDiscrete([len(visits.items.ids)] * visits.k)
    batch = gymnasium.vector.utils.batch_space

    class TownEnvironments(gymnasium.vector.VectorEnv):  # type: ignore[misc,name-defined]
        num_envs = visits.together
        metadata: Mapping[str, Any] = {"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP}
        single_observation_space, observation_space = one, batch(one, visits.together)
        single_action_space, action_space = slate, batch(slate, visits.together)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Floats, dict[str, Any]]:
            super().reset(seed=seed)
            return run.reset(int(self.np_random.integers(2**31))), {"user": run.users.copy()}

        def step(self, actions: NDArray[np.integer]) -> tuple[Floats, Floats, Mask, Mask, dict[str, Any]]:
            found = run.step(np.asarray(actions, np.int64))
            told = {"clicked": found.clicked, "liked": found.liked, "user": run.users.copy()}
            return found.observation, found.reward, found.left, found.over, told

    return TownEnvironments()


def _gymnasium() -> Any:
    try:
        import gymnasium
        import gymnasium.vector.utils
    except ImportError as cause:
        raise Unavailable("environment", "gymnasium", "no such package", "pip install 'regard[simulate]'") from cause
    return gymnasium
