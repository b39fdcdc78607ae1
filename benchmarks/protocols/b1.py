"""B1: MovieLens-100K, the official ua split, all ratings positive, lists of 10 over all films."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from regard.domain.dataset import Dataset
from regard.domain.weights import EventWeight, Weighting
from regard.measurement.splits import Split, given

WEIGHTS = tuple(EventWeight("rating", 1 + 0.1 * (stars - 3), at_least=stars) for stars in (5, 4, 3, 2, 1))
COLUMNS = ["user", "item", "rating", "timestamp"]


def load(folder: Path) -> Split:
    """u.data, with the pairs of ua.test as test."""
    events, test = (_table(folder / name) for name in ("u.data", "ua.test"))
    data = Dataset.from_frame(events, weights=WEIGHTS)
    return given(data, test, name="MovieLens-100K ua")


def recipes() -> Recipes:
    """EASE at the published setting, and with nearness in the history, popularity and stars.

    Chosen by N@10 on four random cuts of train (5 films per person); a flat optimum (docs/log.md), test opened once.
    WEIGHTS let a film count .8 with one star to 1.2 with five where a recipe is not binary.
    """
    from regard.models.ease import EASE

    local = EASE(l2=50.0, popularity=0.4, local=0.5, reach=30.0, at_least=8, weighting=Weighting(binary=False))
    return {"EASE, local": local, "EASE (l2 300)": EASE(l2=300.0)}


def _table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", has_header=False, new_columns=COLUMNS)


PARTS = {
    "MovieLens-100K": Benchmark(
        dataset="MovieLens-100K",
        protocol="official ua split, all ratings positive, every film ranked but the person's own, lists of 10",
        folder="movielens-100k",
        k=10,
        load=load,
        recipes=recipes,
        peers=(
            Peer("skrecsys", "EASE", {"l2_reg": 300.0}),
            Peer("skrecsys", "RP3beta"),
            Peer("rectools", "EASE", {"regularization": 300.0}),
            Peer("rectools", "PureSVD", {"factors": 32}),
            Peer("recbole", "EASE", {"reg_weight": 300.0}),
            Peer("recbole", "ItemKNN"),
            Peer("implicit", "ALS", {"factors": 32, "regularization": 0.05, "alpha": 5.0, "iterations": 15}),
            Peer("implicit", "BM25", {"K": 100, "K1": 1.2, "B": 0.75}),
        ),
    )
}
