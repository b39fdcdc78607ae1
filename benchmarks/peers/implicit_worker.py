"""The library `implicit`: ALS, BPR and item neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from frame import Lists, pairs_of, work
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy import sparse

MODELS = {
    "ALS": AlternatingLeastSquares,
    "BPR": BayesianPersonalizedRanking,
    "BM25": BM25Recommender,
    "TFIDF": TFIDFRecommender,
    "Cosine": CosineRecommender,
}


def prepare(train: Any, model: str, settings: dict[str, Any], seed: int) -> Any:
    users, items = pairs_of(train)
    shape = (int(train["n_users"]), int(train["n_items"]))
    matrix = sparse.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    if model in ("ALS", "BPR"):
        settings = {"random_state": seed, "use_gpu": False, **settings}

    def fit() -> Any:
        made = MODELS[model](num_threads=2, **settings)
        made.fit(matrix, show_progress=False)
        return made

    def lists(fitted: Any) -> Lists:
        people = train["people"]
        new = not train["again"]
        return fitted.recommend(people, matrix[people], N=int(train["depth"]), filter_already_liked_items=new)

    return fit, lists


if __name__ == "__main__":
    work(prepare)
