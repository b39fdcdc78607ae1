"""Regard: a self-hosted recommender that people and large models run together."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {  # what a notebook needs, found when it is asked for; nothing heavy is imported before
    "Dataset": "regard.domain.dataset",
    "EventWeight": "regard.domain.weights",
    "Prepare": "regard.data.preparing",
    "Weighting": "regard.domain.weights",
    "Query": "regard.domain.request",
    "Run": "regard.domain.run",
    "Popularity": "regard.models.popular",
    "SegmentPopularity": "regard.models.segment_popularity",
    "Questions": "regard.models.questions",
    "ItemKNN": "regard.models.neighbours",
    "UserKNN": "regard.models.neighbours",
    "EASE": "regard.models.ease",
    "ImplicitALS": "regard.models.als",
    "BiasedMF": "regard.models.biased_mf",
    "GraphFilter": "regard.models.graph_filter",
    "ContentKNN": "regard.models.content",
    "ContentRegression": "regard.models.content_regression",
    "Trend": "regard.models.trend",
    "LightGCN": "regard.models.lightgcn",
    "Behaviour": "regard.models.behaviour",
    "Blend": "regard.models.blend",
    "Ranker": "regard.models.ranker",
    "Trees": "regard.models.trees",
    "ActionWeights": "regard.models.actions",
    "Recommender": "regard.recommending.recommender",
    "NotSeen": "regard.recommending.filters",
    "NearestNeighbours": "regard.recommending.retrievers",
    "Described": "regard.recommending.explain",
    "explain": "regard.recommending.explain",
    "evaluate": "regard.measurement.evaluate",
    "by_time": "regard.measurement.splits",
    "leave_last_out": "regard.measurement.splits",
    "random_per_person": "regard.measurement.splits",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'regard' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
