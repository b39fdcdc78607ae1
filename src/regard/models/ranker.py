"""Ranker: the chance of each action in one pass, calibrated, over all that sources, people, items and moments say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regard.data.artifacts import Artifact
from regard.domain.arrays import Rows, Scores
from regard.domain.candidates import Candidates, Scored
from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.protocols import Evidence
from regard.domain.request import NO_ROWS, Query
from regard.domain.run import Run
from regard.models.actions import Action, ActionWeights, actions_of
from regard.models.als import ImplicitALS
from regard.models.calibration_curve import Curve
from regard.models.cutting import fit_all, held_out, newest_of_all
from regard.models.ease import EASE
from regard.models.examples import Examples
from regard.models.facts import Facts
from regard.models.foresight import Foresight
from regard.models.lessons import Lessons, Visited, lessons_of_events, lessons_of_visits, visits
from regard.models.panel import Panel
from regard.models.popular import Popularity
from regard.models.ranker_evidence import parts_of, shared
from regard.models.scoring import FullScores, best
from regard.models.trees import Trees
from regard.models.words import words_of


@dataclass(frozen=True)
class Ranker:
    """score = sum_a weight_a P(a | person, item, moment), P by `learner`, calibrated on people that it did not see.

    learner: `Trees`, `Deep` or `Logistic`. judges: the share of the people who calibrate and do not teach; 0: nobody,
      and its chances stay as it says them. words: how many of each item's text it reads, if it reads words.
    examples: "proposals" judges what the sources propose on each visit against what happened on it; "events" takes
    each event as a meeting that went well or not (shown and clicked, liked or disliked), and may have no sources.
    share, cut: which part of the events sources do not see (or `run.validation`): at random, or the newest, of each
      person or, with "events", of all together, as who comes next is new, too. With "events" these, or all where there
      is no source, are judged by what came before each, those of `run.validation` by `data` before them.
    types: of those events, all by default. actions: event types, or "positive"; empty: those that the data show
    (`actions_of`). values: types whose value is expected, too. at_least: examples with and without, else not learned.
    weights: what each action is worth; they can be changed on a fitted ranker. breadth: items a source proposes.
    visits, meetings: how many visits, or events, teach at most.
    """

    sources: tuple[tuple[str, Any], ...] = (  # recipes by name
        ("ease", EASE(l2=50.0, popularity=0.4)),
        ("als", ImplicitALS()),
        ("popular", Popularity(half_life=90.0)),
    )
    learner: Any = field(default_factory=Trees)
    examples: Literal["proposals", "events"] = "proposals"
    types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    weights: ActionWeights = field(default_factory=ActionWeights)
    share: float = 0.15
    cut: Literal["newest", "random"] = "newest"
    breadth: int = 100
    visits: int = 1_000
    meetings: int = 100_000
    at_least: int = 50
    judges: float = 0.2
    words: int = 0

    def __post_init__(self) -> None:
        names = [name for name, _ in self.sources]
        for name, fits, expected in (
            ("sources", len(set(names)) == len(names), "each under its own name"),
            ("sources", bool(names) or self.examples == "events", "at least one, to propose items"),
            ("learner", hasattr(self.learner, "fit"), "a learner: Trees, Deep or Logistic"),
            ("examples", self.examples in ("proposals", "events"), "proposals or events"),
            ("share", 0 < self.share < 1, "a share in (0, 1)"),
            ("cut", self.cut in ("newest", "random"), "newest or random"),
            ("breadth", self.breadth >= 1, "at least 1 item a source"),
            ("visits", self.visits >= 1, "at least 1"),
            ("meetings", self.meetings >= 1, "at least 1"),
            ("at_least", self.at_least >= 1, "at least 1 example"),
            ("judges", 0 <= self.judges < 1, "a share in [0, 1)"),
            ("words", self.words >= 0, "at least 1, or 0 for none"),
        ):
            if not fits:
                raise InvalidInput(
                    f"Ranker.{name}", expected, repr(names if name == "sources" else getattr(self, name))
                )

    def fit(self, data: Dataset, *, run: Run = Run()) -> FittedRanker:  # noqa: B008
        """Each source twice (without the cut, and on everything), then the learner and a curve for each action.

        `run.tracker` hears how many examples show each action, which actions lack them and are left out, and the AUC
        of each learned one, and the calibration error that its curve leaves, on people that it did not see.
        """
        inner = replace(run, validation=None, warm_start=None)
        facts = Facts.learn(data, self.learner.window)
        actions, lessons = self._gathered(data, facts, run)
        shown = [_shown(action, labels) for action, labels in zip(actions, lessons.labels.T, strict=True)]
        kept = [place for place, count in enumerate(shown) if count >= self.at_least]
        left_out = {action.name: count for action, count in zip(actions, shown, strict=True) if count < self.at_least}
        run.tracker("Ranker.examples", {actions[place].name: float(shown[place]) for place in kept})
        run.tracker("Ranker.left_out", {name: float(count) for name, count in left_out.items()})
        lessons = Lessons(lessons.examples, lessons.labels[:, kept])
        learned = tuple(actions[place] for place in kept)
        content = {**data.vectors, **(words_of(data, self.words) if self.words else {})}
        foresight = Foresight.learn(self.learner, lessons, learned, content, self.judges, inner)
        panel = self._panel(data, run, "all")
        return FittedRanker(self, panel, facts, foresight.weighing(self.weights), left_out)

    def _panel(self, data: Dataset, run: Run, what: str) -> Panel:
        run = replace(run, folder=run.folder and run.folder / what)
        return Panel(fit_all(self.sources, data, run), self.breadth)

    def _gathered(self, data: Dataset, facts: Facts, run: Run) -> tuple[tuple[Action, ...], Lessons]:
        """The actions that can be looked for, and examples of them, from events that no source had seen."""
        single = self.examples == "events"
        rest, held = self._cut(data, run)
        panel = self._panel(rest, run, "cut")
        if single:
            actions = actions_of(self._meetings(data).events, self.actions, self.values, single)
            asked = self._meetings(held)
            chosen = _drawn(len(asked.events), self.meetings, run)
            asked = asked.where(np.isin(np.arange(len(asked.events)), chosen))
            return actions, lessons_of_events(asked, data, facts, panel, actions)
        actions = actions_of(data.events, self.actions, self.values, single)
        numbers = np.unique(visits(held.events))
        chosen = numbers[_drawn(len(numbers), self.visits, run)]
        return actions, lessons_of_visits(Visited(held, rest, chosen), facts.counted(rest), panel, actions)

    def _meetings(self, data: Dataset) -> Dataset:
        return data.where(data.events.are(*self.types)) if self.types else data

    def _cut(self, data: Dataset, run: Run) -> tuple[Dataset, Dataset]:
        """What sources may learn from, and what examples are made of."""
        if not self.sources:
            return data, data
        if run.validation is not None:
            return data, run.validation
        if self.examples == "events" and self.cut == "newest":
            held = newest_of_all(data, self.share)
        else:  # what was disliked counts, too
            events = replace(data.events, weight=np.ones(len(data.events), np.float32))
            held = held_out(replace(data, events=events), self.share, run.rng() if self.cut == "random" else None)
        return data.where(~held), data.where(held)


def _shown(action: Action, labels: NDArray[np.float32]) -> int:
    """How many examples tell of an action: those with it or those without it, whichever are fewer."""
    known = labels[~np.isnan(labels)]
    return len(known) if action.is_value else int(min((known > 0).sum(), (known <= 0).sum()))


def _drawn(n: int, most: int, run: Run) -> Rows:
    """At most `most` of n, by chance, in order."""
    return np.sort(run.rng().choice(n, most, replace=False)) if n > most else np.arange(n)


@dataclass(frozen=True, eq=False)
class FittedRanker(FullScores):
    """Sources, facts and foresight. `left_out`: how many examples told of each action that was not learned."""

    recipe: Ranker
    panel: Panel
    facts: Facts
    foresight: Foresight
    left_out: Mapping[str, int]
    name: str = "ranker"

    @property
    def n_items(self) -> int:
        """How many items it knows of, with those that came since (`knowing`)."""
        return self.facts.n_items

    def support(self) -> NDArray[np.float64]:
        """Events of each item, (I,)."""
        return self.facts.events

    def weighing(self, weights: ActionWeights) -> FittedRanker:
        """The same ranker by other weights: nothing is fitted again."""
        return replace(self, foresight=self.foresight.weighing(weights))

    def knowing(self, today: Dataset) -> FittedRanker:
        """The same ranker with the items that came since, by their attributes."""
        return replace(self, facts=self.facts.grown(today.item_attributes))

    def examples(self, query: Query, rows: Rows) -> Examples:
        """The query meets each of `rows`, with what the sources say."""
        said = self.panel.hear([query], [rows])
        return self.facts.of_requests([query], [rows]).with_columns(self.panel.names, said)

    def foreseen(self, query: Query, rows: Rows) -> NDArray[np.float64]:
        """The chance of each action for each of `rows`, calibrated, (n, A); values as a share of their span."""
        return self.foresight.chances(self.examples(query, rows))

    def chances(self, data: Dataset, known: Dataset | None = None, action: str = "") -> Scores:
        """The chance of one action (default: the first) at each event of `data`, (n,).

        What was known at an event is what `known` (default: `data` itself) holds strictly before it.
        """
        names = [one.name for one in self.foresight.actions]
        if not names or action not in ("", *names):
            raise NotFound("FittedRanker.chances action", f"one of {names}", repr(action))
        lessons = lessons_of_events(data, data if known is None else known, self.facts, self.panel, ())
        return self.foresight.chances(lessons.examples)[:, names.index(action) if action else 0]

    def score(self, query: Query, candidates: Candidates) -> Scored:
        """Mean: the score. Spread: the deviation of what one meeting is worth / sqrt(1 + events of the item).

        An item that nobody has met gets the largest deviation that there is: its chance is only inferred.
        """
        known = (candidates.rows >= 0) & (candidates.rows < self.n_items)
        rows = candidates.rows[known]
        mean = np.full(len(candidates), self.foresight.lowest)
        spread = np.full(len(candidates), self.foresight.unsure)
        mean[known], apart = self.foresight.judged(self.examples(query, rows))
        events = self.support()[rows]
        spread[known] = np.where(events > 0, apart / np.sqrt(1.0 + events), self.foresight.unsure)
        return Scored(mean, spread)

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        """What the sources propose of what may be shown, in the ranker's order; without sources, every item."""
        found = []
        for query in queries:
            rows, scores = self._ranked(query)
            order = best(scores, k)
            found.append(Candidates.of(self.name, rows[order], scores[order]))
        return found

    def scores(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """(Q,) -> (Q, I): how far each proposed item lies above the lowest score; 0 for all others."""
        found = np.zeros((len(queries), self.n_items), np.float32)
        for place, query in enumerate(queries):
            rows, scores = self._ranked(query)
            found[place, rows] = scores - self.foresight.lowest
        return found

    def _ranked(self, query: Query) -> tuple[Rows, Scores]:
        """The proposed rows, ascending, and their scores."""
        rows = self.panel.propose([query])[0][0] if self.panel.sources else np.arange(self.n_items)
        rows = rows[query.lets(rows)]
        return rows, self.foresight.judged(self.examples(query, rows))[0] if len(rows) else np.empty(0)

    def newer(self, query: Query, kind: str) -> Evidence:
        """The evidence for an item of which nothing is known."""
        return Evidence(kind, NO_ROWS, np.empty(0), {"new item": self.foresight.lowest})

    def contributions(self, query: Query, row: int) -> Evidence:
        """What each source, number and field adds to the score; a source's part is shared among its own evidence."""
        if not 0 <= row < self.n_items:
            return self.newer(query, "liked")
        example = self.examples(query, np.array([row]))
        return shared(parts_of(self.foresight, example, self.facts.names), self.panel.sources, query, row)

    def artifact(self) -> Artifact:
        """Facts, actions, curves and weights, with the learner and each source as parts."""
        plain = {f.name: getattr(self.recipe, f.name) for f in fields(Ranker) if f.name not in ("sources", "learner")}
        recipe = {
            **plain,
            "weights": self.recipe.weights.table,
            "sources": [name for name, _ in self.recipe.sources],
            "now": {"weights": self.foresight.weights.table, "left_out": dict(self.left_out)},
            "learned": [asdict(action) for action in self.foresight.actions],
        }
        curves = {f"curve.{n}": np.stack([curve.raw, curve.chance]) for n, curve in enumerate(self.foresight.curves)}
        parts = {f"source {name}": source.artifact() for name, source in self.panel.sources.items()}
        parts["learner"] = self.foresight.learned.artifact()
        return Artifact("ranker", recipe, {**self.facts.arrays(), **curves}, parts)

    @classmethod
    def from_artifact(cls, artifact: Artifact, readers: Mapping[str, Callable[[Artifact], Any]]) -> FittedRanker:
        """The same ranker, bit for bit; `readers` build each kind of part (wiring knows them)."""
        parts = {}
        for name, part in artifact.parts.items():
            if part.kind not in readers:
                raise NotFound(f"Ranker.from_artifact {name}", f"a kind of {sorted(readers)}", part.kind)
            parts[name] = readers[part.kind](part)
        about = dict(artifact.recipe)
        now, actions = about.pop("now"), tuple(Action(**one) for one in about.pop("learned"))
        sources = {name: parts[f"source {name}"] for name in about.pop("sources")}
        for name in ("types", "actions", "values"):
            about[name] = tuple(about[name])
        recipe = Ranker(
            tuple((name, source.recipe) for name, source in sources.items()),
            parts["learner"].recipe,
            **{**about, "weights": _weights(about["weights"])},
        )
        curves = tuple(Curve(*artifact.arrays[f"curve.{place}"]) for place in range(len(actions)))
        foresight = Foresight(parts["learner"], actions, curves, _weights(now["weights"]))
        facts, panel = Facts.from_arrays(artifact.arrays), Panel(sources, recipe.breadth)
        return cls(recipe, panel, facts, foresight, now["left_out"])


def _weights(table: Sequence[Sequence[Any]]) -> ActionWeights:
    return ActionWeights(tuple((str(name), float(weight)) for name, weight in table))
