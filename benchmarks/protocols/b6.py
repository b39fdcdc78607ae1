"""B6: Last.fm 2K, collaborative against content against hybrid, lists of 20 over all artists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from regard.domain.dataset import Dataset
from regard.measurement.splits import Split, given

COMMON = 20  # artists that bear a tag at least, so that it is no single listener's own list


def load(folder: Path) -> Split:
    """The published split, fitted on its train part; items have tags, those of COMMON artists, and MiniLM's vectors."""
    pairs = pl.read_parquet(folder / "interactions_split.parquet")
    items = pl.read_parquet(folder / "items.parquet").select(
        id=pl.col("item").cast(pl.String), title="name", tags=pl.col("tags_text").fill_null("").str.split(",")
    )
    used = items.explode("tags").filter(pl.len().over("tags") >= COMMON)
    common = used.group_by("id", maintain_order=True).agg(common_tags="tags")
    items = items.join(common, on="id", how="left", maintain_order="left").with_columns(
        pl.col("common_tags").fill_null([])
    )
    data = Dataset.from_frame(pairs.select("user", "item"), items=items, weights=())
    order = [int(name) for name in data.items]
    data = data.with_vectors("minilm", np.load(folder / "features_minilm.npy")[order].astype(np.float32))
    parts = {part: pairs.filter(pl.col("split") == part) for part in ("test", "valid")}
    return given(data, parts["test"], parts["valid"], name="Last.fm 2K")


def recipes() -> Recipes:
    """EASE at the published setting, content alone, and EASE whose Gram matrix holds the content; by `.tuning()`."""
    from regard.models.content import ContentKNN
    from regard.models.ease import EASE

    return {
        "collaborative: EASE (l2 100)": EASE(l2=100.0),
        "content: ContentKNN, tags": ContentKNN(vectors=None, labels=1.0),
        "content: ContentKNN, MiniLM of tags": ContentKNN(vectors="minilm", labels=0.0),
        "hybrid: EASE with tags": EASE(l2=200.0, content=60.0),
        f"hybrid: EASE with tags of {COMMON}+ artists": EASE(l2=200.0, content=30.0, content_by="common_tags"),
        "hybrid: EASE with MiniLM of tags": EASE(l2=100.0, content=30.0, content_by="minilm"),
    }


PARTS = {
    "Last.fm 2K": Benchmark(
        dataset="Last.fm 2K",
        protocol="the published split, fitted on train, every artist ranked but the person's own, lists of 20. "
        "Tags come from the same listeners and carry no dates, so a personal tag (one listener's list) may tie artists "
        f"together that this listener hears in test; tags borne by {COMMON} or more artists cannot, and stand beside",
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
