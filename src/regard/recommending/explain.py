"""Explain: a slot back to its evidence, to a smallest counterfactual and to sentences; nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

import numpy as np

from regard.data.catalogue import FORGOTTEN
from regard.data.translations import translator
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.protocols import Evidence, Explainer
from regard.domain.request import NO_ROWS, Query, Slate
from regard.recommending.counterfactual import counterfactual
from regard.recommending.moves import Moves, Refilled, moves
from regard.recommending.recommender import Recommender
from regard.recommending.sentences import Cause, Facts, say
from regard.recommending.slots import SCORE

LIKED = 1.0  # an event of this weight or more says that the person liked the item; less: that they met it
NAMED, NAMED_SHARE = 2, 0.1  # a sentence names so many causes, each of this share of the first; the evidence holds all
NAMELESS = "deleted items"  # what they added, in the evidence

NOTHING_SAID = Evidence("proposed", NO_ROWS, np.empty(0), exact=False)


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What we may call items, by row: titles, and where known creators and tags."""

    titles: Sequence[str]
    creators: Sequence[str | None] = ()
    tags: Sequence[Sequence[str] | None] = ()

    @staticmethod
    def of(data: Dataset) -> Described:
        """The titles, creators and tags of a Dataset."""
        return Described(data.titles, data.item_column("creator") or (), data.item_column("tags") or ())

    def title(self, row: int) -> str:
        """The title of one item, or its row where we do not know it."""
        return self.titles[row] if row < len(self.titles) else f"#{row}"

    def named(self, row: int) -> bool:
        """Whether there is something to call this item: not where it was deleted while the list was made."""
        return self.title(row) != FORGOTTEN.format(row)

    def shared(self, row: int, other: int) -> tuple[str, tuple[str, ...]]:
        """The creator that both items have ("" where they differ), and the tags that both have."""
        creator = self._at(self.creators, row) or ""
        theirs = set(self._at(self.tags, other) or ())
        tags = tuple(tag for tag in self._at(self.tags, row) or () if tag in theirs)
        return (creator if creator == self._at(self.creators, other) else ""), tags

    @staticmethod
    def _at(column: Sequence[Any], row: int) -> Any:
        return column[row] if row < len(column) else None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the item `row`: sentences, and all that they rest on.

    `evidence` holds what each item of the history added, largest first; `other` the amounts without an item; where
    `exact`, they sum to the score that `explains` (a source, or "score" for the scorer) gave. `counterfactual`: titles
    without which the item would not be shown, verified; empty where none was found. `moves`: None if it is not shown.
    """

    row: int
    kind: str
    text: str
    evidence: tuple[Cause, ...]
    other: Mapping[str, float] = field(default_factory=dict)
    explains: str = "score"
    exact: bool = True
    counterfactual: tuple[str, ...] = ()
    moves: Moves | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`."""
        return asdict(self) | {
            "evidence": [asdict(cause) for cause in self.evidence],
            "counterfactual": list(self.counterfactual),
        }


def explain(
    recommender: Recommender,
    items: Described,
    query: Query,
    row: int,
    slate: Slate | None = None,
    search: int = 20,
) -> Reason:
    """The reason for item `row` in `slate` (None: what the greedy corridor shows), in `query.language`.

    For an item that is not shown, the evidence of its score alone. `search`: how many history items the counterfactual
    may remove; 0 looks for none.
    """
    return _asked(recommender, items, query, slate, search).reason(row)


def explain_slate(
    recommender: Recommender, items: Described, query: Query, slate: Slate | None = None, search: int = 20
) -> tuple[Reason, ...]:
    """The reasons of all slots in order; the same as one by one, and faster."""
    asked = _asked(recommender, items, query, slate, search)
    return tuple(asked.reason(slot.row) for slot in asked.slate.slots)


@dataclass(frozen=True, slots=True, eq=False)
class Remembering:
    """An Explainer of one query that keeps what was said: counterfactuals ask for the same rivals again."""

    explainer: Explainer
    said: dict[int, Evidence] = field(default_factory=dict)

    def contributions(self, query: Query, row: int) -> Evidence:
        """As the explainer says; kept by row."""
        if row not in self.said:
            self.said[row] = self.explainer.contributions(query, row)
        return self.said[row]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """One slate about which somebody asks why."""

    recommender: Recommender
    items: Described
    query: Query
    slate: Slate
    candidates: Candidates
    explainers: Mapping[str, Remembering]  # the scorer first
    slates: Refilled
    search: int

    def reason(self, row: int) -> Reason:
        """The reason for one item."""
        found = np.flatnonzero(self.candidates.rows == row)
        sources = self.candidates.proposers(found[:1].tolist())[0] if len(found) else ()
        name, explainer = self._explainer(sources)
        evidence = NOTHING_SAID if explainer is None else explainer.contributions(self.query, row)
        evidence = _of_named(self.items, evidence)
        causes = _causes(self.items, self.query, evidence)
        facts = _facts(self.items, row, sources, evidence, causes)
        went, removed = None, self._removed(explainer, row)
        if row in self.slate.rows:
            went = moves(self.slates, self.slate.rows, row)
            facts = _moved(facts, self.recommender, went, self.slate)
        without = tuple(self.items.title(one) for one in removed)
        text = say(replace(facts, without=without), translator(self.query.language))
        return Reason(row, evidence.kind, text, causes, evidence.other, name, evidence.exact, without, went)

    def _explainer(self, sources: Sequence[str]) -> tuple[str, Explainer | None]:
        """The scorer where it explains itself, else the first proposer that does, with its name."""
        name = next((name for name in (SCORE, *sources) if name in self.explainers), SCORE)
        return name, self.explainers.get(name)

    def _removed(self, explainer: Explainer | None, row: int) -> tuple[int, ...]:
        if explainer is None or row not in self.slate.rows:
            return ()
        removed = counterfactual(self.recommender, explainer, self.query, row, self.search)
        return removed if all(map(self.items.named, removed)) else ()


def _asked(recommender: Recommender, items: Described, query: Query, slate: Slate | None, search: int) -> _Asked:
    parts = {SCORE: recommender.scorer, **recommender.retrievers}
    explainers = {  # explaining is a second role of some scorers and retrievers
        name: Remembering(cast(Explainer, part)) for name, part in parts.items() if getattr(part, "contributions", None)
    }
    candidates = recommender.candidates(query)
    if slate is None:
        slate = recommender.deterministic().fill(query, candidates, (), np.random.default_rng())
    slates = Refilled(query, candidates, recommender.objectives)
    return _Asked(recommender, items, query, slate, candidates, explainers, slates, search)


def _of_named(items: Described, evidence: Evidence) -> Evidence:
    """The evidence by items that have a name; what the others added stands in one amount."""
    named = np.array([items.named(row) for row in evidence.rows.tolist()], np.bool_)
    if named.all():
        return evidence
    other = {**evidence.other, NAMELESS: float(evidence.amounts[~named].sum())}
    return replace(evidence, rows=evidence.rows[named], amounts=evidence.amounts[named], other=other)


def _causes(items: Described, query: Query, evidence: Evidence) -> tuple[Cause, ...]:
    weights = np.asarray(query.history.weights)
    order = np.argsort(-evidence.amounts, kind="stable")
    return tuple(
        Cause(
            row=int(evidence.rows[i]),
            title=items.title(int(evidence.rows[i])),
            amount=float(evidence.amounts[i]),
            liked=bool(weights[query.history.rows == evidence.rows[i]].max(initial=0.0) >= LIKED),
        )
        for i in order
    )


def _facts(items: Described, row: int, sources: Sequence[str], evidence: Evidence, causes: tuple[Cause, ...]) -> Facts:
    least = NAMED_SHARE * causes[0].amount if causes else 0.0
    named = tuple(cause for cause in causes[:NAMED] if cause.amount > 0 and cause.amount >= least)
    creator, tags = items.shared(row, named[0].row) if named else ("", ())
    return Facts(evidence.kind, tuple(sources), named, evidence.other, creator, tags)


def _moved(facts: Facts, recommender: Recommender, went: Moves, slate: Slate) -> Facts:
    lifted = {name: recommender.objectives[name] for name in went.lifted_by()}
    raised = went.shown is not None and went.by_chance and (went.best is None or went.best > went.shown)
    chance = slate.slots[went.shown].propensity if raised and went.shown is not None else None
    return replace(facts, lifted=lifted, chance=chance)
