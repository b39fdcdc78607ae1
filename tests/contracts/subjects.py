"""The fitted models that the contract suites run on; a new recipe adds one line to RECIPES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from regard.data.artifacts import Artifact
from regard.domain.dataset import Dataset
from regard.domain.events import sorted_events
from regard.domain.index import Index
from regard.domain.request import History, Query
from regard.domain.weights import Weighting
from regard.models.als import FittedALS, ImplicitALS
from regard.models.behaviour import Behaviour, FittedBehaviour
from regard.models.biased_mf import BiasedMF, FittedBiasedMF
from regard.models.blend import Blend, FittedBlend
from regard.models.content import ContentKNN, FittedContentKNN
from regard.models.content_regression import ContentRegression, FittedContentRegression
from regard.models.deep import Deep, LearnedDeep
from regard.models.ease import EASE, LOCAL_EASE, FittedEASE
from regard.models.graph_filter import FittedGraphFilter, GraphFilter
from regard.models.lightgcn import FittedLightGCN, LightGCN
from regard.models.logistic import LearnedLogistic, Logistic
from regard.models.neighbours import FittedItemKNN, FittedUserKNN, ItemKNN, UserKNN
from regard.models.popular import FittedPopularity, Popularity
from regard.models.questions import FittedQuestions, Questions
from regard.models.ranker import FittedRanker, Ranker
from regard.models.segment_popularity import FittedSegmentPopularity, SegmentPopularity
from regard.models.towers import ItemTower
from regard.models.trees import FittedTrees, Trees
from regard.models.trend import FittedTrend, Trend

FADING = Weighting(half_life=30.0, recency=0.95, binary=False, repeats="log")
DEEP = Ranker(
    (("ease", EASE(l2=5.0)), ("knn", ItemKNN(k=3))),
    Deep("gru", "fields", "mlp", 4, 4, (8,), epochs=2),
    values=("rating",),
    cut="random",
    at_least=5,
)


@dataclass(frozen=True)
class Subject:
    """A recipe, how its artifact is read, and what it can do."""

    recipe: Any
    read: Callable[[Artifact], Any]
    personal: bool = True  # the history decides, so an empty one gets no list
    additive: bool = True  # its contributions sum to its score
    ordered: bool = False  # the order of events decides, so its obvious answer stands in its own test
    deep: bool = False  # fitting needs the extra `deep`


PARTS: dict[str, Callable[[Artifact], Any]] = {
    "ease": FittedEASE.from_artifact,
    "item-knn": FittedItemKNN.from_artifact,
    "trees": FittedTrees.from_artifact,
    "deep": LearnedDeep.from_artifact,
    "logistic": LearnedLogistic.from_artifact,
}
RECIPES: dict[str, Subject] = {
    "popularity": Subject(Popularity(half_life=30.0), FittedPopularity.from_artifact, personal=False),
    "popularity by segment": Subject(Popularity(segment="taste"), FittedPopularity.from_artifact, personal=False),
    "segment popularity": Subject(SegmentPopularity(at_least=5), FittedSegmentPopularity.from_artifact, personal=False),
    "questions": Subject(Questions(people=20), FittedQuestions.from_artifact, personal=False),
    "item knn": Subject(ItemKNN(k=3), FittedItemKNN.from_artifact),
    "item knn, fading": Subject(ItemKNN(k=50, likeness="bm25", weighting=FADING), FittedItemKNN.from_artifact),
    "user knn": Subject(UserKNN(k=4, likeness="tfidf"), FittedUserKNN.from_artifact),
    "user knn, fading": Subject(UserKNN(k=50, weighting=FADING), FittedUserKNN.from_artifact),
    "ease": Subject(EASE(l2=5.0), FittedEASE.from_artifact),
    "ease, dropout": Subject(EASE(l2=5.0, dropout=0.3, weighting=FADING), FittedEASE.from_artifact),
    "ease, local": Subject(LOCAL_EASE, FittedEASE.from_artifact),
    "ease, content": Subject(EASE(l2=5.0, content=2.0, content_by="content"), FittedEASE.from_artifact),
    "als": Subject(ImplicitALS(factors=4), FittedALS.from_artifact),
    "als, Hu's penalty": Subject(ImplicitALS(4, 5.0, 0.02, 0.0, weighting=FADING), FittedALS.from_artifact),
    "biased mf": Subject(BiasedMF(factors=2), FittedBiasedMF.from_artifact, personal=False),
    "graph filter": Subject(GraphFilter(rank=3), FittedGraphFilter.from_artifact),
    "content knn": Subject(ContentKNN("content", labels=0.0), FittedContentKNN.from_artifact),
    "content regression": Subject(
        ContentRegression(factors=2, vectors="content"), FittedContentRegression.from_artifact
    ),
    "trend": Subject(
        Trend(EASE(l2=5.0), half_life=30.0, strength=0.5, repeats=0.01),
        lambda artifact: FittedTrend.from_artifact(artifact, {"ease": FittedEASE.from_artifact}),
    ),
    "behaviour": Subject(
        Behaviour(width=8, window=8, epochs=8, rate=0.02), FittedBehaviour.from_artifact, False, False, True, True
    ),
    "behaviour, towers": Subject(
        Behaviour("lstm", ItemTower(("content",), attributes=True), width=8, window=8, epochs=8, rate=0.02, timed=True),
        FittedBehaviour.from_artifact,
        False,
        False,
        True,
        True,
    ),
    "lightgcn": Subject(LightGCN(width=8, samples=16, batch=16, rate=0.02), FittedLightGCN.from_artifact, deep=True),
    "lightgcn, bpr": Subject(
        LightGCN(width=8, loss="bpr", samples=16, batch=16, rate=0.02, weighting=FADING),
        FittedLightGCN.from_artifact,
        deep=True,
    ),
    "blend": Subject(
        Blend((("ease", EASE(l2=5.0)), ("knn", ItemKNN(k=3))), cut="random"),
        lambda artifact: FittedBlend.from_artifact(
            artifact, {"ease": FittedEASE.from_artifact, "item-knn": FittedItemKNN.from_artifact}
        ),
    ),
    "ranker": Subject(
        Ranker(
            (("ease", EASE(l2=5.0)), ("knn", ItemKNN(k=3))),
            Trees(rounds=20, leaves=4, rate=0.3, at_least=2),
            values=("rating",),
            cut="random",
            at_least=5,
        ),
        lambda artifact: FittedRanker.from_artifact(artifact, PARTS),
    ),
    "ranker, deep": Subject(
        DEEP,
        lambda artifact: FittedRanker.from_artifact(artifact, PARTS),
        ordered=True,
        deep=True,
    ),
    "ranker, deep, attention": Subject(
        replace(DEEP, learner=Deep("gru", "fields", "attention", 4, 4, (8,), epochs=2)),
        lambda artifact: FittedRanker.from_artifact(artifact, PARTS),
        ordered=True,
        deep=True,
    ),
    "ranker, logistic": Subject(
        Ranker((("ease", EASE(l2=5.0)), ("knn", ItemKNN(k=3))), Logistic(), cut="random", at_least=5),
        lambda artifact: FittedRanker.from_artifact(artifact, PARTS),
    ),
}
PERSONAL = [name for name, subject in RECIPES.items() if subject.personal]
UNORDERED = [name for name in PERSONAL if not RECIPES[name].ordered]
ADDITIVE = [name for name, subject in RECIPES.items() if subject.additive]
N_USERS, N_ITEMS = 24, 12


def dataset(users: list[int], items: list[int], n_users: int = N_USERS, n_items: int = N_ITEMS) -> Dataset:
    """One rating a day for each pair; a person's taste is the community of their row."""
    n = len(users)
    events = sorted_events(
        n_users=n_users,
        user=np.array(users, np.int64),
        item=np.array(items, np.int64),
        time=86_400.0 * np.arange(n),
        types=("rating",),
        value=np.array([5.0 if (u + i) % 2 == 0 else 2.0 for u, i in zip(users, items, strict=True)], np.float32),
    )
    tastes = pa.table({"taste": [f"taste {row % 2}" for row in range(n_users)]})
    names = (Index("user", [f"u{row}" for row in range(n_users)]), Index("item", [f"i{row}" for row in range(n_items)]))
    content = np.random.default_rng(7).normal(size=(n_items, 3)).astype(np.float32)
    content[:, 0] += np.where(np.arange(n_items) % 2, 3.0, -3.0)  # content knows the communities, too
    return Dataset(*names, events, tastes, vectors={"content": content}, at=86_400.0 * n)


@cache
def communities() -> Dataset:
    """Even people meet the even items but one, odd people the odd items but one; the left-out item goes round.

    The obvious answer for person u is the one item of their community that they have not met: `missing(u)`.
    """
    pairs = [(u, i) for u in range(N_USERS) for i in range(u % 2, N_ITEMS, 2) if i != missing(u)]
    return dataset([u for u, _ in pairs], [i for _, i in pairs])


def missing(user: int) -> int:
    """The item of the person's own community that they have not met."""
    return (user % 2 + 2 * (user // 2)) % N_ITEMS


@cache
def fitted(name: str) -> Any:
    """The subject's model of the two communities."""
    return RECIPES[name].recipe.fit(communities())


def ask(*rows: int, user: int = -1, weight: float = 1.0) -> Query:
    """A request of a person who met `rows`, one a day."""
    past = History(np.array(rows, np.int64), np.full(len(rows), weight, np.float32), 86_400.0 * np.arange(len(rows)))
    return Query(at=86_400.0 * len(rows), user=user, history=past)
