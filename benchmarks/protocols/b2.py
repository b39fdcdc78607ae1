"""B2: Gowalla, the split of LightGCN, lists of 20 over all places."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from regard.domain.dataset import Dataset
from regard.measurement.splits import Split, given


def load(folder: Path) -> Split:
    """gowalla.parquet: pairs with the split they belong to; no times."""
    pairs = pl.read_parquet(folder / "gowalla.parquet")
    data = Dataset.from_frame(pairs.select("user", "item"), weights=())
    return given(data, pairs.filter(pl.col("split") == "test"), name="Gowalla, LightGCN split")


def recipes() -> Recipes:
    """Graph filters, and blends with the people most alike and LightGCN; chosen on a cut of train (docs/log.md)."""
    from regard.models.blend import Blend
    from regard.models.graph_filter import GraphFilter
    from regard.models.lightgcn import LightGCN
    from regard.models.neighbours import UserKNN

    published = GraphFilter(
        rank=256, low_pass=0.3, user_degree=0.5, item_degree=0.5, near_degree=0.0, low_degree=0.5, sweeps=6
    )
    sharp = GraphFilter(rank=1024, sweeps=3)
    both = (("graph", sharp), ("people", UserKNN(k=80)))
    deep = LightGCN(item_degree=0.3, samples=1024, epochs=30)
    return {
        "GF-CF (rank 256, as published)": published,
        "GraphFilter (rank 256)": GraphFilter(),
        "GraphFilter (rank 1024)": sharp,
        "Blend of GraphFilter (1024) and UserKNN (80)": Blend(both, cut="random", at=20),
        "Blend of these two and LightGCN": Blend((*both, ("light", deep)), cut="random", at=20),
    }


PARTS = {
    "Gowalla": Benchmark(
        dataset="Gowalla",
        protocol="the split of NGCF and LightGCN, every place ranked but the person's own, lists of 20",
        folder="gowalla-lightgcn",
        k=20,
        load=load,
        recipes=recipes,
        peers=(
            Peer("implicit", "ALS", {"factors": 256, "regularization": 0.05, "alpha": 5.0, "iterations": 15}),
            Peer("implicit", "BM25", {"K": 200, "K1": 1.2, "B": 0.75}),
            Peer("implicit", "Cosine", {"K": 200}),
            Peer("skrecsys", "RP3beta"),
            Peer("rectools", "PureSVD", {"factors": 256}),
        ),
        metrics=("R", "N"),
    )
}
