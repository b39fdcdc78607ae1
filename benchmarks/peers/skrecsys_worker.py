"""The library `skrecsys`: EASE, item neighbours, RP3beta, SLIM and BPR."""

from __future__ import annotations

from typing import Any

import numpy as np
from frame import Lists, padded, pairs_of, work
from skrecsys import recommendation

MODELS = {
    "EASE": "EASE",
    "ItemKNN": "ItemKNNRecommender",
    "RP3beta": "RP3Beta",
    "BM25": "BM25Recommender",
    "SLIM": "SLIMElasticNet",
    "BPR": "BayesianPersonalizedRanking",
}


def prepare(train: Any, model: str, settings: dict[str, Any], seed: int) -> Any:
    pairs = np.column_stack(pairs_of(train))
    if model == "BPR":
        settings = {"random_state": seed, **settings}

    def fit() -> Any:
        return getattr(recommendation, MODELS[model])(n_jobs=2, **settings).fit(pairs)

    def lists(fitted: Any) -> Lists:
        people = np.intersect1d(train["people"], pairs[:, 0])
        new = not train["again"]
        items, _ = fitted.recommend(people, n_recommendations=int(train["depth"]), exclude_seen=new)
        return padded(train, dict(zip(people.tolist(), items, strict=True)))

    return fit, lists


if __name__ == "__main__":
    work(prepare)
