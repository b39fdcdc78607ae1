"""Simulating: the corridor that serves, and its training, in a loop with a town: what becomes of the lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.data.catalogue import Catalogue
from regard.data.features import Features
from regard.domain.arrays import Rows
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.protocols import Estimator, Gain
from regard.domain.request import Query, Slate
from regard.domain.run import Progress, Run, silent
from regard.domain.weights import DAY, Weighting
from regard.feedback.pictures import Picture
from regard.feedback.posteriors import Rewarded
from regard.measurement.metrics.lists import Lists
from regard.measurement.population import TownItems
from regard.measurement.rounds import Round, list_figures
from regard.measurement.simulator import TownRecipe
from regard.measurement.town_log import Answers
from regard.models.blend import Blend, FittedBlend
from regard.models.content import ContentKNN
from regard.models.ease import EASE
from regard.models.popular import Popularity
from regard.recommending.exploration import Exploration
from regard.recommending.least_shown import OnOffer
from regard.recommending.recommender import Recommender
from regard.serving import wiring

TOPICS = "topics"  # the content vectors of the town's items
OPENS = 20_000 * DAY  # when the first list is shown, unix seconds
BEFORE = 60 * DAY  # how long people came by themselves before that
Watched = Callable[[Lists, Lists], Iterable[str]]  # lists of the first rounds, of this one -> alarms


def unwatched(before: Lists, now: Lists) -> Iterable[str]:
    """No alarms."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A town and how often it is asked: each round `visitors` people see a list of `k`, `hours` after the last round.

    events: what people did by themselves before the first round. reference: rounds whose lists the drift watch compares
    with. sources: what is fitted and blended.
    """

    town: TownRecipe = field(default_factory=lambda: TownRecipe(people=600))
    items: TownItems = field(default_factory=lambda: TownItems.invented(500))
    rounds: int = 30
    visitors: int = 200
    k: int = 10
    events: int = 12_000
    hours: float = 24.0
    reference: int = 3
    sources: tuple[tuple[str, Estimator[Any]], ...] = (
        ("ease", EASE(l2=50.0, popularity=0.4)),
        ("content", ContentKNN(TOPICS, weighting=Weighting(recency=0.98))),
        ("popular", Popularity(half_life=90.0)),
    )
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Loop:
    """How the lists are made: what is explored, whether the models learn from what was shown, what was planted.

    From round `planted` on, an amplifier adds `amplifier` * log(1 + popularity) / its maximum to every gain.
    """

    name: str
    exploration: Exploration = field(default_factory=Exploration)
    retrained: bool = True
    amplifier: float = 0.0
    planted: int = 11


@dataclass(frozen=True, slots=True)
class Amplifier:
    """Lifts what is popular already: the rich get richer."""

    strength: float

    def begin(self, query: Query, candidates: Candidates) -> Gain:
        """The gain function of this slate; the same for each slot."""
        popularity = np.log1p(candidates.feature("popularity"))
        gains = self.strength * popularity / (popularity.max(initial=0.0) or 1.0)
        return lambda last: gains


def run(simulation: Simulation, loop: Loop, watch: Watched = unwatched, tell: Progress = silent) -> list[Round]:
    """The figures of every round of one loop."""
    running = Running(simulation, loop)
    found: list[Round] = []
    shown: list[Lists] = []
    for number in range(1, simulation.rounds + 1):
        answers = running.round(number)
        lists = answers.shown.items
        before = np.concatenate(shown[: simulation.reference]) if number > simulation.reference else None
        alarms = () if before is None else tuple(watch(before, lists))
        shown.append(lists)
        found.append(running.figures(number, answers, alarms))
        tell(loop.name, number / simulation.rounds)
    return found


class Running:
    """One loop as it goes on: the town, its log, the models of today, what impressions have taught."""

    def __init__(self, simulation: Simulation, loop: Loop) -> None:
        self.simulation, self.loop = simulation, loop
        self.town = replace(simulation.town, seed=simulation.seed).build(simulation.items)
        streams = np.random.default_rng(simulation.seed).spawn(2)
        self._who, self._draws = streams  # who comes is the same in every loop
        self.picture = Picture(loop.exploration)
        visits = self.town.visit(simulation.events, OPENS - BEFORE, OPENS)
        self._log = [visits.select("user", "item", "type", "value", "time")]
        self._at = OPENS
        self._blend: FittedBlend | None = None
        self._corridor: Recommender | None = None
        self._on_offer: OnOffer | None = None

    def round(self, number: int) -> Answers:
        """Train where it is time, ask for lists, let people answer, learn what their slots brought."""
        simulation, loop = self.simulation, self.loop
        self._at = OPENS + number * simulation.hours * 3600.0
        data = self._data()
        if self._corridor is None or loop.retrained:
            self._corridor = self._trained(data)
            self.picture = self.picture.under(f"round {number}")
        corridor = self.picture.over(self._corridor, self._on_offer)
        if loop.amplifier and number >= loop.planted:
            corridor = replace(corridor, objectives={**corridor.objectives, "amplifier": Amplifier(loop.amplifier)})
        here = np.flatnonzero(self.town.presence.here)
        people = self._who.permutation(here)[: simulation.visitors]
        queries = [data.query(int(row), simulation.k, at=self._at) for row in people]
        considered = zip(queries, corridor.consider_many(queries), strict=True)
        slates = [corridor.fill(query, *found, self._draws) for query, found in considered]
        answers = self.town.answer(people, _rows(slates, simulation.k), self._at)
        self._log.append(self.town.events(answers).select("user", "item", "type", "value", "time"))
        self.picture = self.picture.learned(self._rewarded(slates, answers), self._at)
        self.town.presence.season()
        return answers

    def figures(self, number: int, answers: Answers, alarms: tuple[str, ...]) -> Round:
        """What this round was like."""
        lists, mechanisms = answers.shown.items, self.simulation.town.mechanisms
        chances = mechanisms.chance(answers.utility - np.float32(self.simulation.town.threshold))
        clicks = (np.where(lists >= 0, chances, 0.0) @ mechanisms.looked_at(lists.shape[1])).mean()
        liked = answers.liked.sum(axis=1).mean()
        born = self.town.presence.born
        on_offer = self.town.presence.on_offer(self._at)
        about = list_figures(lists, self.simulation.items.topics, on_offer, born > -np.inf)
        return Round(number, float(clicks), float(liked), alarms=alarms, **about)

    def _data(self) -> Dataset:
        """All that is known at this moment, on the rows of the town."""
        known = pl.concat(self._log).filter(pl.col("time") <= self._at)
        items = pl.DataFrame({"id": self.town.items.ids, "valid_from": self._valid_from()})
        items = items.with_columns(creator=pl.Series([f"c{code}" for code in self.town.items.creators]))
        users = pl.DataFrame({"id": self.town.people})
        data = Dataset.from_frame(known, items=items, users=users)
        return replace(data.with_vectors(TOPICS, self.town.items.topics), at=self._at)

    def _valid_from(self) -> NDArray[np.float64]:
        """When each item came: what has gone is valid no more, which a date beyond all rounds says as well."""
        presence = self.town.presence
        return np.where(presence.gone, np.inf, np.where(presence.born > -np.inf, presence.born, 0.0))

    def _trained(self, data: Dataset) -> Recommender:
        run = Run(seed=self.simulation.seed, warm_start=self._blend)
        self._blend = Blend(self.simulation.sources).fit(data, run=run)
        catalogue = Catalogue.of(data)
        features = Features.of(data, lambda: catalogue.valid_from)
        self._on_offer = wiring.on_offer(catalogue)
        return replace(wiring.corridor(self._blend, catalogue, TOPICS), features=features)

    def _rewarded(self, slates: list[Slate], answers: Answers) -> Rewarded:
        looked = self.simulation.town.mechanisms.looked_at(self.simulation.k)
        slots = [(slot.row, slot.parts["score"], looked[slot.position]) for slate in slates for slot in slate.slots]
        item, score, seen = (np.array(column) for column in zip(*slots, strict=True))
        reward = answers.clicked[answers.shown.items >= 0].astype(np.float64)
        return Rewarded(item.astype(np.int64), score, reward, seen, np.ones(len(item)))


def _rows(slates: list[Slate], k: int) -> Rows:
    """Lists as rows (Q, k), -1 past the end of a short one."""
    found = np.full((len(slates), k), -1, np.int64)
    for place, slate in enumerate(slates):
        found[place, : len(slate.slots)] = slate.rows
    return found
