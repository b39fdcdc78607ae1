"""Wiring: the only place where concrete classes meet; a fitted artifact becomes the Recommender that serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from regard.data.artifacts import Artifact
from regard.data.catalogue import Catalogue
from regard.domain.arrays import Mask, Vectors
from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.decisions import Release
from regard.domain.protocols import Retriever
from regard.domain.request import Query
from regard.domain.run import Run
from regard.feedback.pictures import Picture
from regard.models.als import FittedALS
from regard.models.behaviour import FittedBehaviour
from regard.models.biased_mf import FittedBiasedMF
from regard.models.blend import Blend, FittedBlend
from regard.models.content import FittedContentKNN
from regard.models.content_regression import FittedContentRegression
from regard.models.deep import LearnedDeep
from regard.models.ease import FittedEASE
from regard.models.graph_filter import FittedGraphFilter
from regard.models.lightgcn import FittedLightGCN
from regard.models.logistic import LearnedLogistic
from regard.models.neighbours import FittedItemKNN, FittedUserKNN
from regard.models.popular import FittedPopularity
from regard.models.questions import FittedQuestions
from regard.models.ranker import FittedRanker
from regard.models.scoring import CELLS
from regard.models.segment_popularity import FittedSegmentPopularity
from regard.models.text_cache import Cached
from regard.models.text_endpoint import EndpointText
from regard.models.trees import FittedTrees
from regard.models.trend import FittedTrend
from regard.recommending.columns import Column, directions
from regard.recommending.diversity import MMR
from regard.recommending.explain import Described
from regard.recommending.filters import Allowed, NotBlocked, NotExcluded, NotHidden, NotSeen, ValidNow
from regard.recommending.least_shown import OnOffer
from regard.recommending.less_like import LessLike
from regard.recommending.more_like import Alike, MoreLike
from regard.recommending.newcomers import Newcomers
from regard.recommending.objectives import GroupCap
from regard.recommending.ranked import Ranked
from regard.recommending.recommender import Recommender
from regard.serving.recipes import Recipes, decode_encoder
from regard.serving.settings import Settings
from regard.serving.sources import AtWork, BlendAtWork
from regard.serving.tuned import Model, base_of, blend_of, over

BREADTH = 60  # items that each source is asked for beyond a list and what cannot be shown: with 30, no top 20 changed

FITTED: Mapping[str, Callable[[Artifact], Any]] = {
    "popular": FittedPopularity.from_artifact,
    "segment-popular": FittedSegmentPopularity.from_artifact,
    "questions": FittedQuestions.from_artifact,
    "item-knn": FittedItemKNN.from_artifact,
    "user-knn": FittedUserKNN.from_artifact,
    "ease": FittedEASE.from_artifact,
    "als": FittedALS.from_artifact,
    "biased-mf": FittedBiasedMF.from_artifact,
    "behaviour": FittedBehaviour.from_artifact,
    "graph-filter": FittedGraphFilter.from_artifact,
    "lightgcn": FittedLightGCN.from_artifact,
    "content-knn": FittedContentKNN.from_artifact,
    "content-regression": FittedContentRegression.from_artifact,
    "trend": lambda artifact: FittedTrend.from_artifact(artifact, FITTED),
    "trees": FittedTrees.from_artifact,
    "deep": LearnedDeep.from_artifact,
    "logistic": LearnedLogistic.from_artifact,
    "ranker": lambda artifact: FittedRanker.from_artifact(artifact, FITTED),
}


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """A loaded release: what it was fitted on, its blend, and the corridor that serves it.

    `picture` names what the policy knows; None: the best is shown, and nothing is tried.
    """

    release: Release
    data: Dataset
    catalogue: Catalogue
    model: FittedBlend
    recommender: Recommender
    described: Described
    vectors: tuple[str, ...]  # the kinds of content vectors of today's items
    encoder: str  # the kind by which lists are kept varied and newer items are proposed
    picture: str | None = None

    def read(self, rows: Sequence[int]) -> None:
        """Look now at what items newer than the release say of themselves, so that no request has to."""
        scorer = base_of(self.recommender.scorer)
        if isinstance(scorer, BlendAtWork):
            scorer.read(rows)

    def exploring(self, picture: Picture | None) -> Live:
        """The same release, as its policy answers by that picture."""
        if picture is None:
            return self
        corridor = picture.over(self.recommender, on_offer(self.catalogue))
        return replace(self, recommender=corridor, picture=picture.name)

    def neighbours(self, row: int, k: int, kept: Mask) -> Mapping[str, Candidates]:
        """The `k` items of `kept` (I,) nearest to item `row`, by each kind of nearness that the release knows."""
        vectors = {name: self.catalogue.vectors(name) for name in self.vectors}
        vectors |= dict(zip(["people"], by_people(self.model), strict=False))
        others = Query(at=self.release.moment, seed_item=row, allowed=kept & (np.arange(len(kept)) != row))
        return {name: Alike([held], name).retrieve(others, k) for name, held in vectors.items()}


def encoder(settings: Settings) -> Cached:
    """The text encoder that regard.toml names, cached on disk by content."""
    chosen = decode_encoder(settings.recipes)
    if isinstance(chosen, EndpointText):
        chosen = replace(chosen, key=settings.encoder_key)
    return Cached(chosen, settings.folder / "cache")


def fit(data: Dataset, recipes: Recipes, run: Run) -> FittedBlend:
    """All sources and their learned weights."""
    return Blend(sources=tuple(recipes.items())).fit(data, run=run)


def assembled(
    release: Release, model: Model, data: Dataset, today: Dataset, text: Cached, budget: float = np.inf
) -> Live:
    """A release as it serves: fitted on `data`, over the items as they are `today` (hidden, valid, retitled, new).

    By the content vectors of the encoder `text` a list is kept varied, and newer items are proposed. A request waits at
    most `budget` seconds for one source.
    """
    catalogue = Catalogue.of(today, {text.name: text}, {text.name: text.recall})
    recommender = corridor(model, catalogue, text.name, budget)
    said = Described.of(today)
    words = Described(catalogue.titles, Words(catalogue, said.creators, "creator"), Words(catalogue, said.tags, "tags"))
    return Live(release, data, catalogue, blend_of(model), recommender, words, tuple(today.vectors), text.name)


def on_offer(catalogue: Catalogue) -> OnOffer:
    """Which items the filters let through at a moment, whoever asks."""

    def offered(query: Query) -> Mask:
        n = len(catalogue)  # first: it is published after the columns
        early, late = query.at < catalogue.valid_from[:n], query.at >= catalogue.valid_until[:n]
        return np.asarray(~(catalogue.hidden[:n] | early | late), np.bool_)

    return offered


def ranking(model: Model) -> Retriever:
    """What a release holds best, to be judged offline: the blend itself; what is tuned over it ranks the items that a
    list is made of, those that some source proposes."""
    blend = blend_of(model)
    if model is blend:
        return blend
    sources = {name: AtWork.of(source, name, np.inf) for name, source in blend.sources.items()}
    proposing = Recommender(sources, over(model, BlendAtWork(blend, sources)), breadth=BREADTH)
    return Ranked(proposing, max(1, CELLS // max(1, blend.n_items)))


@dataclass(frozen=True, slots=True, eq=False)
class Words(Sequence[Any]):
    """One column of words about items, by row: as they were read, but for items that changed since or came."""

    catalogue: Catalogue
    read: Sequence[Any]
    field: str

    def __len__(self) -> int:
        return len(self.catalogue)

    def __getitem__(self, row: Any) -> Any:
        changed = self.catalogue.changed(row)
        if changed is not None:
            return getattr(changed, self.field) or None
        return self.read[row] if row < len(self.read) else None


def by_people(model: FittedBlend) -> list[Vectors]:
    """The items' directions (I, d) by the people who chose them, where a source knows such; one or none."""
    factors = [source.item_vectors for source in model.sources.values() if isinstance(source, FittedALS)]
    return [directions(held, np.arange(len(held))) for held in factors[:1]]


def corridor(model: Model, catalogue: Catalogue, text: str, budget: float = np.inf) -> Recommender:
    """The default corridor of a release: every source proposes, the model scores, three of a maker at most where others
    are left and the request did not ask for makers.

    No features are read, as nothing of it looks at them (a ninth of a millisecond a list).
    """
    blend = blend_of(model)
    sources = {name: AtWork.of(source, name, budget, catalogue) for name, source in blend.sources.items()}
    near: list[Column] = [lambda: catalogue.vectors(text), *by_people(blend)]
    return Recommender(
        retrievers={
            **sources,
            "new": Newcomers(lambda: catalogue.vectors(text), blend.n_items),
            "alike": Alike(near),
        },
        scorer=over(model, BlendAtWork(blend, sources)),
        breadth=BREADTH,
        filters={
            "seen": NotSeen(),
            "excluded": NotExcluded(),
            "filtered": Allowed(),
            "blocked": NotBlocked(),
            "hidden": NotHidden(lambda: catalogue.hidden),
            "not valid now": ValidNow(lambda: catalogue.valid_from, lambda: catalogue.valid_until),
        },
        objectives={
            "more like this": MoreLike(near),
            "less like this": LessLike(lambda: catalogue.vectors(text)),
            "variety": MMR(lambda: catalogue.vectors(text), weight=0.1),
            "one maker": GroupCap(lambda: catalogue.creators, most=3, field="creator", yields=True),
        },
    )
