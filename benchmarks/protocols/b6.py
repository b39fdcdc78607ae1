"""B6: Last.fm 2K, collaborative against content against hybrid, lists of 20 over all artists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from regard.domain.dataset import Dataset
from regard.measurement.splits import Split, given


def load(folder: Path) -> Split:
    """The published split, fitted on its train part; item texts are tags, vectors are MiniLM's of them."""
    pairs = pl.read_parquet(folder / "interactions_split.parquet")
    items = pl.read_parquet(folder / "items.parquet").select(
        id=pl.col("item").cast(pl.String), title="name", text=pl.col("tags_text").fill_null("")
    )
    data = Dataset.from_frame(pairs.select("user", "item"), items=items, weights=())
    order = [int(name) for name in data.items]
    data = data.with_vectors("minilm", np.load(folder / "features_minilm.npy")[order].astype(np.float32))
    parts = {part: pairs.filter(pl.col("split") == part) for part in ("test", "valid")}
    return given(data, parts["test"], parts["valid"], name="Last.fm 2K")


def recipes() -> Recipes:
    """EASE at the published setting."""
    from regard.models.ease import EASE

    return {"EASE (l2 100)": EASE(l2=100.0)}


PARTS = {
    "Last.fm 2K": Benchmark(
        dataset="Last.fm 2K",
        protocol="the published split, fitted on train, every artist ranked but the person's own, lists of 20",
        folder="lastfm-2k-multimodal",
        k=20,
        load=load,
        recipes=recipes,
        peers=(
            Peer("skrecsys", "EASE", {"l2_reg": 100.0}),
            Peer("skrecsys", "RP3beta"),
            Peer("implicit", "ALS", {"factors": 64, "regularization": 0.05, "alpha": 5.0, "iterations": 15}),
            Peer("implicit", "BM25", {"K": 100, "K1": 1.2, "B": 0.75}),
            Peer("rectools", "EASE", {"regularization": 100.0}),
        ),
        metrics=("R", "N"),
    )
}
