"""B12: a shop (Online Retail) and film ratings (MovieTweetings) cut at one moment of time, lists of 10."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.benchmark import Benchmark, Peer, Recipes
from regard.domain.dataset import Dataset
from regard.measurement.splits import Split, by_time
from regard.measurement.truth import Protocol

PROTOCOL = (
    "global time split 80/10/10, fitted on the first 90%, people with a past, every item ranked but those they had, "
    "items that appear only in the last 10% count as missed, lists of 10"
)
LEAST_LIKED = 7  # of 10


def retail(folder: Path) -> Dataset:
    """Invoice lines of known customers with positive quantity and price: one "buy" per customer, product and minute."""
    lines = pl.read_parquet(folder / "online_retail.parquet")
    bought = lines.filter(
        pl.col("CustomerID").is_not_null()
        & (pl.col("Quantity") > 0)
        & (pl.col("UnitPrice") > 0)
        & ~pl.col("InvoiceNo").str.starts_with("C")
    )
    events = bought.select(
        user=pl.col("CustomerID").cast(pl.String),
        item="StockCode",
        time=pl.col("InvoiceDate").str.strptime(pl.Datetime, "%m/%d/%y %H:%M").dt.epoch("s"),
        type=pl.lit("buy"),
    ).unique(maintain_order=True)
    titles = bought.group_by("StockCode", maintain_order=True).agg(pl.col("Description").drop_nulls().first())
    return Dataset.from_frame(events, items=titles.rename({"StockCode": "id", "Description": "title"}))


def tweetings(folder: Path) -> Dataset:
    """Ratings of at least LEAST_LIKED; ids stay strings."""
    rows = [line.split("::") for line in (folder / "ratings.dat").read_text("utf-8").splitlines()]
    events = pl.DataFrame(rows, schema=["user", "item", "value", "time"], orient="row")
    liked = events.with_columns(pl.col("value", "time").cast(pl.Float64)).filter(pl.col("value") >= LEAST_LIKED)
    return Dataset.from_frame(liked, weights=())


def _benchmark(dataset: str, folder: str, read: Callable[[Path], Dataset], recipes: Callable[[], Recipes]) -> Benchmark:
    return Benchmark(
        dataset=dataset,
        protocol=PROTOCOL,
        folder=folder,
        k=10,
        load=lambda place: cut(read(place)).refit(),
        recipes=recipes,
        peers=(
            Peer("skrecsys", "EASE", {"l2_reg": 300.0}),
            Peer("skrecsys", "RP3beta"),
            Peer("rectools", "Popular"),
            Peer("rectools", "PureSVD", {"factors": 64}),
            Peer("implicit", "ALS", {"factors": 64, "regularization": 0.05, "alpha": 5.0, "iterations": 15}),
            Peer("implicit", "TFIDF", {"K": 100}),
            Peer("implicit", "BM25", {"K": 100, "K1": 1.2, "B": 0.75}),
        ),
        judged=lambda split: Protocol(warm_only=True, slices=False),
    )


def cut(data: Dataset) -> Split:
    """80% train, 10% validation, 10% test by time; `.tuning()` of it chose the hyper-parameters."""
    return by_time(data, validation=0.1, test=0.1)


def retail_recipes() -> Recipes:
    """Chosen on the validation tenth."""
    from regard.models.ease import EASE

    return {"EASE": EASE(l2=300.0)}


def tweetings_recipes() -> Recipes:
    """Chosen on the validation tenth."""
    from regard.models.ease import EASE

    return {"EASE": EASE(l2=300.0)}


PARTS = {
    "Online Retail": _benchmark("Online Retail", "online-retail-uci", retail, retail_recipes),
    "MovieTweetings": _benchmark("MovieTweetings", "movietweetings-100k", tweetings, tweetings_recipes),
}
