"""A world for the long run: the town's people come again and again, see lists, click, and grow tired of topics."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates, Scored
from regard.domain.dataset import Dataset
from regard.domain.protocols import Scorer
from regard.domain.request import History, Query
from regard.domain.run import Run
from regard.measurement.mechanisms import Mechanisms
from regard.measurement.population import TownItems
from regard.measurement.simulator import Town, TownRecipe
from regard.models.blend import Blend, FittedBlend
from regard.models.logged_lists import LoggedLists
from regard.models.scoring import best
from regard.serving.simulating import BEFORE, OPENS, TOPICS, Simulation

Floats: TypeAlias = NDArray[np.float64]
Choose: TypeAlias = Callable[["World", list[Query], list[Candidates]], Rows]  # -> places of candidates (U, k)
COLUMNS = ("user", "item", "type", "value", "time")


@dataclass(frozen=True, slots=True)
class Setting:
    """How many people there are, what they are shown, and how often."""

    mechanisms: Mechanisms
    people: int = 300
    items: int = 800
    known: int = 40  # events a person before the first list
    k: int = 10
    breadth: int = 150
    hours: float = 8.0
    temperature: float = 0.1  # of the policy that makes the log, in ranges of a request's scores
    logged: int = 20  # lists a person in the log


class AsProposed:
    """The scorer whose scores the candidates bring along: those of the blend, which answers many queries at once."""

    name = "blend"

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """(n,)"""
        return Scored(candidates.scores, np.zeros(len(candidates)))


@dataclass(eq=False)
class World:
    """A town as it goes on, what each person did until now, and the sources that propose."""

    setting: Setting
    town: Town
    blend: FittedBlend
    log: pl.DataFrame
    did: list[tuple[list[int], list[float]]]  # item rows and moments of each person
    shown: NDArray[np.bool_]  # (U, I): what stood in a list of theirs or was met before; it does not come again
    at: float = OPENS

    @staticmethod
    def settle(setting: Setting, seed: int) -> World:
        """A town with a past, and the default blend of `regard simulate` over it."""
        items = TownItems.invented(setting.items, seed=seed)
        town = TownRecipe(people=setting.people, mechanisms=setting.mechanisms, seed=seed).build(items)
        log = town.visit(setting.known * setting.people, OPENS - BEFORE, OPENS).select(COLUMNS)
        row = {name: place for place, name in enumerate(items.ids)}
        did: list[tuple[list[int], list[float]]] = [([], []) for _ in town.people]
        for user, item, time in log.select("user", "item", "time").iter_rows():
            did[int(user.removeprefix("person-"))][0].append(row[item])
            did[int(user.removeprefix("person-"))][1].append(time)
        shown = np.zeros((len(did), len(items.ids)), np.bool_)
        for user, (rows, _) in enumerate(did):
            shown[user, rows] = True
        return World(setting, town, fitted(log, town), log, did, shown)

    def copied(self) -> World:
        """The same moment again, with the same luck to come."""
        did = [(list(rows), list(times)) for rows, times in self.did]
        return replace(self, town=copy.deepcopy(self.town), did=did, shown=self.shown.copy())

    def asked(self) -> tuple[list[Query], list[Candidates]]:
        """What everybody asks now, and what the blend proposes to each that they have not met, best first."""
        queries = []
        for user, (rows, times) in enumerate(self.did):
            past = History(np.array(rows, np.int64), np.ones(len(rows), np.float32), np.array(times))
            queries.append(Query(at=self.at, k=self.setting.k, user=user, history=past))
        scores = self.blend.scores(queries).astype(np.float64)
        proposed = []
        for query, own in zip(queries, scores, strict=True):
            own[self.shown[query.user]] = -np.inf
            order = best(own, self.setting.breadth)
            order = order[own[order] > -np.inf]
            proposed.append(Candidates.of("blend", order, own[order]))
        return queries, proposed

    def run(self, choose: Choose, visits: int) -> Floats:
        """What everybody clicked on each of so many visits, (visits, U)."""
        return np.stack([self.visit(choose)[3].sum(axis=1).astype(np.float64) for _ in range(visits)])

    def visit(self, choose: Choose) -> tuple[list[Query], list[Candidates], Rows, NDArray[np.bool_]]:
        """Everybody sees one list: queries, candidates, places shown (U, k), clicked (U, k)."""
        queries, proposed = self.asked()
        places = choose(self, queries, proposed)
        rows = np.stack([own.rows[place] for own, place in zip(proposed, places, strict=True)])
        answers = self.town.answer(np.arange(len(rows)), rows, self.at)
        np.put_along_axis(self.shown, rows, True, axis=1)
        self.log = pl.concat([self.log, self.town.events(answers).select(COLUMNS)])
        for user, slot in zip(*np.nonzero(answers.clicked), strict=True):
            self.did[user][0].append(int(rows[user, slot]))
            self.did[user][1].append(self.at)
        self.at += self.setting.hours * 3600.0
        return queries, proposed, places, answers.clicked


def fitted(log: pl.DataFrame, town: Town) -> FittedBlend:
    """The blend of `regard simulate`, on a log."""
    items, users = pl.DataFrame({"id": town.items.ids}), pl.DataFrame({"id": town.people})
    data = Dataset.from_frame(log, items=items, users=users).with_vectors(TOPICS, town.items.topics)
    return Blend(Simulation().sources).fit(data, run=Run(seed=0))


def ranked(scorer: Scorer) -> Choose:
    """The k best of each by a scorer."""

    def choose(world: World, queries: list[Query], proposed: list[Candidates]) -> Rows:
        found = [scorer.score(query, own).mean for query, own in zip(queries, proposed, strict=True)]
        return np.stack([best(scores, world.setting.k) for scores in found])

    return choose


def truly(blind: bool) -> Choose:
    """The k best of each by their true utility at that moment; `blind`: as if nobody ever tired of a topic."""

    def choose(world: World, queries: list[Query], proposed: list[Candidates]) -> Rows:
        everybody, town = np.arange(len(queries)), world.town
        town.arrive(everybody, world.at)
        if blind:  # the same people at the same moment, judged as if they had no satiation
            town = copy.copy(town)
            town.recipe = replace(town.recipe, mechanisms=replace(town.recipe.mechanisms, satiation=0.0))
        utility = town.utility(everybody, None, world.at)
        return np.stack([best(own[one.rows], world.setting.k) for own, one in zip(utility, proposed, strict=True)])

    return choose


def drawn(logits: Scores, k: int, rng: np.random.Generator) -> tuple[Rows, Scores]:
    """k places by Plackett-Luce, which is Boltzmann slot by slot, and the chance of each given those above it."""
    places = np.argsort(-(logits + rng.gumbel(size=len(logits))))[:k]
    weights = np.exp(logits - logits.max())
    above = np.r_[0.0, np.cumsum(weights[places])[:-1]]
    return places, weights[places] / np.maximum(weights.sum() - above, weights[places])


def logged(world: World, seed: int) -> LoggedLists:
    """The lists that the exploring policy shows to everybody; the world goes on."""
    setting, rng = world.setting, np.random.default_rng(seed)
    chances: list[Scores] = []

    def choose(world: World, queries: list[Query], proposed: list[Candidates]) -> Rows:
        places = []
        for own in proposed:
            logits = (own.scores - own.scores.min()) / (np.ptp(own.scores) or 1.0) / setting.temperature
            place, chance = drawn(logits, setting.k, rng)
            places.append(place)
            chances.append(chance)
        return np.stack(places)

    told = [world.visit(choose) for _ in range(setting.logged)]
    queries, proposed = [q for one in told for q in one[0]], [c for one in told for c in one[1]]
    candidates = np.full((len(queries), setting.breadth), -1, np.int64)
    said = np.zeros(candidates.shape)
    for place, own in enumerate(proposed):
        candidates[place, : len(own)], said[place, : len(own)] = own.rows, own.scores
    return LoggedLists(
        queries,
        candidates,
        said,
        np.concatenate([one[2] for one in told]),
        np.stack(chances),
        np.concatenate([one[3] for one in told]).astype(np.float64),
        setting.mechanisms.looked_at(setting.k),
    )
