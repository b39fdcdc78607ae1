"""B12: a shop (Online Retail) and film ratings (MovieTweetings) cut at one moment of time, lists of 10."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.benchmark import Benchmark, Peer
from regard.domain.dataset import Dataset
from regard.measurement.splits import Split, by_time
from regard.measurement.truth import Protocol
from regard.models.ease import EASE
from regard.models.popular import Popularity
from regard.models.trend import Trend

PROTOCOL = (
    "global time split 80/10/10, fitted on the first 90%, people with a past, every item ranked, items that appear "
    "only in the last 10% count as missed, lists of 10; hyper-parameters of ours and of the peers chosen on the 10% "
    "before"
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


def cut(data: Dataset) -> Split:
    """80% train, 10% validation, 10% test by time; `.tuning()` of it chose the hyper-parameters."""
    return by_time(data, validation=0.1, test=0.1)


def _benchmark(dataset: str, folder: str, read: Callable[[Path], Dataset], ours: Trend, again: bool) -> Benchmark:
    """`again`: what a person had may be ranked and is right when they take it again."""
    days = 3 if dataset == "MovieTweetings" else 2
    factors = 128 if dataset == "Online Retail" else 16
    return Benchmark(
        dataset=dataset,
        protocol=PROTOCOL,
        folder=folder,
        k=10,
        load=lambda place: cut(read(place)).refit(),
        recipes=lambda: {
            "Trend over EASE": ours,
            "EASE (l2 300)": EASE(l2=300.0),
            f"Popularity (half-life {days} days)": Popularity(half_life=float(days)),
        },
        peers=(
            Peer("skrecsys", "EASE", {"l2_reg": 100.0}),
            Peer("skrecsys", "ItemKNN"),
            Peer("skrecsys", "RP3beta"),
            Peer("rectools", "Popular", {"days": days}),
            Peer("rectools", "PureSVD", {"factors": factors}),
            Peer("implicit", "ALS", {"factors": 128, "regularization": 0.05, "alpha": 5.0, "iterations": 15}),
            Peer("implicit", "TFIDF", {"K": 500}),
            Peer("implicit", "BM25", {"K": 100, "K1": 1.2, "B": 0.75}),
        ),
        judged=lambda split: Protocol(warm_only=True, slices=False, exclude_seen=not again),
    )


NEW = Trend(EASE(l2=300.0, popularity=0.2, at_least=10), half_life=10.0)
AGAIN = Trend(EASE(l2=300.0, popularity=0.2, at_least=50), half_life=15.0, strength=0.5, popular=0.1, repeats=0.1)
FILMS = Trend(EASE(l2=100.0, popularity=0.4, at_least=10), half_life=2.0, strength=0.75, popular=0.015)
PARTS = {
    "Online Retail, repeats count": _benchmark("Online Retail", "online-retail-uci", retail, AGAIN, again=True),
    "Online Retail, new products only": _benchmark("Online Retail", "online-retail-uci", retail, NEW, again=False),
    "MovieTweetings, new films": _benchmark("MovieTweetings", "movietweetings-100k", tweetings, FILMS, again=False),
}
