"""A town of synthetic people with taste, context, mood, position bias and satiation, who answer slates with events."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.arrays import Array, Mask, Rows, check_shape
from regard.domain.errors import InvalidInput
from regard.measurement.comings import Comings, Presence
from regard.measurement.mechanisms import Floats, Mechanisms, weekday_and_part
from regard.measurement.organic import awareness, visiting_times
from regard.measurement.population import Population, TownItems, settle
from regard.measurement.town_log import MOODS, Answers, Moments, answer_log, visit_log

THOUGHTS = 1 << 18  # from which people draw what they consider when they come by themselves


@dataclass(frozen=True, slots=True)
class TownRecipe:
    """A town before anybody has moved in; two builds with one seed are the same town.

    people: U. width: d of the hidden factors. communities: groups of similar taste. content: share of an item's
    factors that topics and creator explain. threshold: the utility at which a yes and a no are equally likely (random
    items have mean 0 and a spread of about 1.1). rates: the share of consumed items that get a rating.
    """

    people: int = 1_500
    width: int = 10
    communities: int = 12
    content: float = 0.6
    threshold: float = 1.5
    rates: float = 0.5
    mechanisms: Mechanisms = field(default_factory=Mechanisms)
    comings: Comings = field(default_factory=Comings)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("people", "width", "communities"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"TownRecipe.{name}", "at least 1", repr(getattr(self, name)))
        for name in ("content", "rates"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"TownRecipe.{name}", "a share in [0, 1]", repr(getattr(self, name)))

    def build(self, items: TownItems) -> Town:
        """People settle around these items."""
        return Town(self, items)


class Town:
    """A town that lives on as it is asked: moods wander, people consume, grow tired of topics, and recover.

    Each mechanism draws from a stream of its own, so that switching one off leaves the others' luck as it was.
    """

    def __init__(self, recipe: TownRecipe, items: TownItems) -> None:
        streams = np.random.default_rng(recipe.seed).spawn(7)
        self.recipe, self.items = recipe, items
        self.truth: Population = settle(
            items, recipe.people, recipe.width, recipe.communities, recipe.content, streams[0]
        )
        self._mood_luck, self._look_luck, self._choice_luck, self._opinion_luck, self._visit_luck = streams[1:6]
        self.presence = Presence(recipe.comings, items.creators, recipe.people, streams[6])
        self._when = np.full(recipe.people, -np.inf)  # when each person was last here
        self._mood = np.zeros((recipe.people, len(MOODS)), np.float32)
        self._satiation = np.zeros((recipe.people, items.topics.shape[1]), np.float32)
        self._met = np.zeros((recipe.people, (len(items.ids) + 7) // 8), np.uint8)  # bits: consumed before
        self._slates = 0  # shown so far
        self.people = tuple(f"person-{row:04d}" for row in range(recipe.people))  # ids, (U,)
        self._names = pl.Series(self.people), pl.Series(items.ids)

    def arrive(self, users: Rows, at: float | NDArray[np.float64]) -> None:
        """Let the time until `at` (unix seconds, one or (B,)) pass for these people; a second call changes nothing."""
        when = self._moments(users, at)
        passed = when - self._when[users]
        kept = self.recipe.mechanisms.mood_kept(passed)[:, None]
        luck = self._mood_luck.standard_normal((len(users), len(MOODS)), np.float32)
        self._mood[users] = kept * self._mood[users] + np.sqrt(1 - kept**2) * luck
        self._satiation[users] *= self.recipe.mechanisms.satiation_kept(passed)[:, None]
        self._when[users] = when

    def mood(self, users: Rows, at: float | NDArray[np.float64]) -> Floats:
        """Expected (valence, arousal), (B, 2); the very one right after `arrive`."""
        passed = self._moments(users, at) - self._when[users]
        return self._mood[users] * self.recipe.mechanisms.mood_kept(passed)[:, None]

    def utility(self, users: Rows, items: Rows | None, at: float | NDArray[np.float64]) -> Floats:
        """True expected utilities of item rows `items` (B, n), or of all items (None), for users (B,) at that moment.

        Right after `arrive` it is the utility by which `answer` chooses; later, its expectation over the moods to come.
        """
        m, truth = self.recipe.mechanisms, self.truth
        taste = self._taste(users, at)
        if items is None:
            found = taste @ truth.items.T + truth.quality
        else:
            check_shape("Town.utility.items", items, (len(users), None))
            found = np.einsum("bd,bnd->bn", taste, truth.items[items]) + truth.quality[items]
        if m.satiation:
            found -= np.float32(m.satiation) * self._tiredness(users, items, at)
        if m.novelty:
            found -= np.float32(m.novelty) * self._consumed(users, items)
        return np.asarray(found, np.float32)

    def chances(self, users: Rows, items: Rows | None, at: float | NDArray[np.float64]) -> Floats:
        """The chance of a click on each item if it is looked at, shaped as `utility`."""
        return self.recipe.mechanisms.chance(self.utility(users, items, at) - self.recipe.threshold)

    def answer(self, users: Rows, slates: Rows, at: float | NDArray[np.float64]) -> Answers:
        """Show slates (B, k) of item rows (-1: an empty slot) to users (B,); clicked items are consumed.

        A person who stands twice in one call sees both slates in the same state. Nobody clicks on what is not there yet
        or any more, and who has left looks at nothing.
        """
        check_shape("Town.answer.slates", slates, (len(users), None))
        self.arrive(users, at)
        there = self.presence.offered(slates, self._when[users]) & self.presence.here[users, None]
        utility = self.utility(users, np.maximum(slates, 0), at)
        chance = self.recipe.mechanisms.chance(utility - self.recipe.threshold)
        wanted = there & (self._choice_luck.random(slates.shape, np.float32) < chance)
        examined = there & self.recipe.mechanisms.examined(wanted, self._look_luck.random(slates.shape, np.float32))
        clicked = wanted & examined
        liked, ratings = self._opinions(np.repeat(users, slates.shape[1]), utility.ravel())
        person, slot = np.nonzero(clicked)
        self._consume(users[person], slates[person, slot])
        liked = clicked & liked.reshape(slates.shape)
        self.presence.after(users, slates, clicked, liked)
        number = self._slates + np.arange(len(users))
        self._slates += len(users)
        return Answers(
            Moments(users, slates, self._when[users], self._device(users, at), self._mood[users]),
            number,
            examined,
            clicked,
            liked,
            ratings=np.where(clicked, ratings.reshape(slates.shape), np.float32(np.nan)),
            later=self.presence.lateness(slates.shape),
            utility=utility,
        )

    def events(self, answers: Answers) -> pl.DataFrame:
        """What a log would hold of these answers: an event for each click, like and rating, with slot and slate."""
        return answer_log(answers, self._names)

    def visit(self, n_events: int, start: float, end: float, considered: int = 100) -> pl.DataFrame:
        """n_events of people who come by themselves between two moments (unix seconds), sorted by time.

        At each event a person thinks of `considered` items, the well known ones more often, and takes the one that
        appeals most; the event is a rating, else a like, else a view. Columns: user, item, type, value, time, context.
        """
        luck = self._visit_luck
        user, time, nth = visiting_times(self.truth.activity, n_events, (start, end), luck)
        comes_to_mind = awareness(self.items.prominence, luck)
        known = luck.choice(len(comes_to_mind), THOUGHTS, p=comes_to_mind)  # as often as they come to mind
        item, utility = np.zeros(n_events, np.int64), np.zeros(n_events, np.float32)
        mood = np.zeros((n_events, len(MOODS)), np.float32)
        bounds = np.searchsorted(nth, np.arange(nth[-1] + 2))
        for first, last in pairwise(bounds):  # the n-th event of everybody who has one
            now = slice(first, last)
            item[now], utility[now] = self._choose(user[now], time[now], known, considered)
            mood[now] = self._mood[user[now]]
        liked, ratings = self._opinions(user, utility)
        return visit_log(Moments(user, item, time, self._device(user, time), mood), liked, ratings, self._names)

    def _moments(self, users: Rows, at: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """One moment per row (B,), never before a person was last here."""
        return np.asarray(np.maximum(np.asarray(at, np.float64), self._when[users]))

    def _device(self, users: Rows, at: float | NDArray[np.float64]) -> Rows:
        _, part = weekday_and_part(np.broadcast_to(np.asarray(at, np.float64), users.shape))
        return np.asarray(self.truth.devices[users, part])

    def _taste(self, users: Rows, at: float | NDArray[np.float64]) -> Floats:
        m, truth = self.recipe.mechanisms, self.truth
        taste = truth.taste[users]
        if m.context:
            weekday, part = weekday_and_part(self._moments(users, at))
            shift = truth.weekday[weekday] + truth.day_part[part] + truth.device[self._device(users, at)]
            taste = taste + np.float32(m.context) * shift
        if m.mood:
            taste = taste + np.float32(m.mood) * (self.mood(users, at) @ truth.mood)
        return taste

    def _tiredness(self, users: Rows, items: Rows | None, at: float | NDArray[np.float64]) -> Floats:
        passed = self._moments(users, at) - self._when[users]
        tired = self._satiation[users] * self.recipe.mechanisms.satiation_kept(passed)[:, None]
        topics = self.items.topics
        found = tired @ topics.T if items is None else np.einsum("bg,bng->bn", tired, topics[items])
        return np.asarray(found, np.float32)

    def _consumed(self, users: Rows, items: Rows | None) -> Array:
        """1 where the person consumed the item before, else 0."""
        if items is None:
            return np.unpackbits(self._met[users], axis=1, count=len(self.items.ids), bitorder="little")
        return np.asarray((self._met[users[:, None], items >> 3] >> (items & 7).astype(np.uint8)) & 1)

    def _consume(self, users: Rows, items: Rows) -> None:
        np.add.at(self._satiation, users, self.items.topics[items])
        np.bitwise_or.at(self._met, (users, items >> 3), np.left_shift(1, items & 7).astype(np.uint8))

    def _opinions(self, users: Rows, utility: Floats) -> tuple[Mask, Floats]:
        """Would like (n,), and a rating 1-5 or NaN (n,), of consumed items with these utilities."""
        margin = utility - np.float32(self.recipe.threshold)
        luck = self._opinion_luck.random((3, len(users)), np.float32)
        liked = luck[0] < self.recipe.mechanisms.chance(margin)
        wobble = (luck[1] - np.float32(0.5)) * np.float32(4 * self.recipe.mechanisms.noise)
        stars = np.clip(np.rint(3.5 + 0.9 * margin + self.truth.leniency[users] + wobble), 1, 5)
        return liked, np.where(luck[2] < self.recipe.rates, stars, np.nan).astype(np.float32)

    def _choose(self, users: Rows, at: NDArray[np.float64], known: Rows, considered: int) -> tuple[Rows, Floats]:
        self.arrive(users, at)
        luck = self._visit_luck
        thought = known[luck.integers(0, len(known), (len(users), considered))]
        utility = self.utility(users, thought, at)
        utility[~self.presence.offered(thought, self._when[users])] = -np.inf
        gumbel = -np.log(luck.standard_exponential(utility.shape, np.float32) + np.float32(1e-30))
        wish = utility + np.float32(self.recipe.mechanisms.noise) * gumbel  # its largest is a softmax draw
        best = np.arange(len(users)), np.argmax(wish, axis=1)
        self._consume(users, thought[best])
        return thought[best], utility[best]
