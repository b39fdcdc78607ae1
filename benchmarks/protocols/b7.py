"""B7: cold items: a fifth of films, products, artists leaves train and is ranked by content, among cold and all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import cold
from benchmarks.benchmark import Benchmark, Recipes
from benchmarks.cold import among_cold, cold_and_warm
from benchmarks.protocols import b4, b6
from benchmarks.protocols.b1 import COLUMNS
from benchmarks.texts import encoded
from regard.domain.dataset import Dataset
from regard.domain.weights import EventWeight
from regard.measurement.evaluate import evaluate
from regard.measurement.splits import Split, cold_items

GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
]
GENRES += ["Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"]
ENOUGH, MANY = 20, 10  # ratings of a film, people of a product or an artist, that may be cold
SHARE = 0.2
SEED = 0
OTHERS = range(20, 30)  # seeds of further draws


def load(folder: Path) -> Split:
    """u.data and u.item: title, year, genres, day of release; text vectors by the bundled encoder, before any fit."""
    return cold_items(films(folder), share=SHARE, at_least=ENOUGH, seed=SEED)


def films(folder: Path) -> Dataset:
    """All ratings as positives, with what the films say of themselves."""
    events = pl.read_csv(folder / "u.data", separator="\t", has_header=False, new_columns=COLUMNS)
    data = Dataset.from_frame(events, items=about_films(folder), weights=(EventWeight("rating", 1.0),))
    return encoded(data)


def about_films(folder: Path) -> pl.DataFrame:
    """What u.item says of each film: title, year, day of release, genres."""
    rows = [line.split("|") for line in (folder / "u.item").read_text("latin-1").splitlines()]
    return pl.DataFrame(
        {
            "id": [row[0] for row in rows],
            "title": [row[1] for row in rows],
            "released": [row[2] or None for row in rows],
            "tags": [[genre for genre, flag in zip(GENRES, row[5:], strict=True) if flag == "1"] for row in rows],
        }
    ).with_columns(
        year=pl.col("title").str.extract(r"\((\d{4})\)").cast(pl.Float64),
        title=pl.col("title").str.replace(r"\s*\(\d{4}\)", ""),
    )


def recipes() -> Recipes:
    """From content to factors, without its parts, and content neighbours beside it; defaults of the models."""
    from regard.models.content import ContentKNN
    from regard.models.content_regression import ContentRegression

    return {
        "ContentRegression": ContentRegression(),
        "ContentRegression, no day of release": ContentRegression(near=()),
        "ContentRegression, no text": ContentRegression(vectors=None),
        "ContentKNN (text and genres)": ContentKNN(),
        "ContentKNN (genres)": ContentKNN(vectors=None, labels=1.0),
    }


def beauty(folder: Path) -> Split:
    """Beauty: text is the words of a product's title, metadata its category and brand (there are no prices)."""
    return cold_and_warm(encoded(b4.products(folder)), share=SHARE, at_least=MANY, seed=SEED)


def lastfm(folder: Path) -> Split:
    """Last.fm 2K, all three parts together."""
    return cold_and_warm(encoded(artists(folder)), share=SHARE, at_least=MANY, seed=SEED)


def artists(folder: Path) -> Dataset:
    """Metadata are the tags borne by 20 or more artists, as labels (so that none is one listener's own list); text is
    the artist's name and those tags, read as a sentence."""
    data = b6.load(folder).data
    names = data.item_attributes.column_names
    table = data.item_attributes.drop_columns(["tags"]).rename_columns(
        ["tags" if name == "common_tags" else name for name in names if name != "tags"]
    )
    return replace(data, item_attributes=table)


def cold_recipes() -> Recipes:
    """Content with text, with metadata alone, with text alone, and EASE, which knows no cold item."""
    from regard.models.content import ContentKNN
    from regard.models.content_regression import ContentRegression
    from regard.models.ease import EASE

    return {
        "ContentRegression (text and metadata)": ContentRegression(),
        "ContentRegression (metadata)": ContentRegression(vectors=None),
        "ContentRegression (text)": ContentRegression(labels=("none",)),
        "ContentKNN (text and metadata)": ContentKNN(),
        "ContentKNN (metadata)": ContentKNN(vectors=None, labels=1.0),
        "ContentKNN (text)": ContentKNN(labels=0.0),
        "warm only: EASE (l2 300)": EASE(l2=300.0),
    }


def beside(folder: Path) -> str:
    """ContentRegression on other draws of cold films, at fixed hyper-parameters."""
    data, recipe = films(folder), recipes()["ContentRegression"]
    found = []
    for seed in OTHERS:
        split = cold_items(data, share=SHARE, at_least=ENOUGH, seed=seed)
        report = evaluate({"it": recipe.fit(split.train)}, split, 20, metrics=["R", "N"], protocol=among_cold(split))
        found.append([report.value("it", "R@20"), report.value("it", "N@20")])
    cold = len(np.unique(load(folder).test.events.item))
    (recall, gain), spread = np.mean(found, axis=0), np.std(found, axis=0)
    return (
        f"Seed {SEED} draws {cold} cold films. ContentRegression on {len(OTHERS)} other draws (seeds {OTHERS[0]} to "
        f"{OTHERS[-1]}), hyper-parameters as they are: R@20 "
        f"{recall:.4f} +- {spread[0]:.4f}, N@20 {gain:.4f} +- {spread[1]:.4f} (mean and deviation over draws)."
    )


def _with_warm(dataset: str, folder: str, load: Callable[[Path], Split]) -> Benchmark:
    return Benchmark(
        dataset=dataset,
        protocol=f"{dataset}: a seeded {SHARE:.0%} of the items with {MANY} or more people and one random other event "
        f"of {cold.PEOPLE:,} people leave train; cold items are ranked among each other for {cold.PEOPLE:,} people "
        "(for all, where there are fewer), and (columns further right) among all; the warm events among all, among "
        "warm items only, and both kinds together",
        folder=folder,
        k=20,
        load=load,
        recipes=cold_recipes,
        metrics=("R", "N"),
        judged=among_cold,
        repeats=1,
        threads=1,
        views=cold.VIEWS,
    )


PARTS = {
    "MovieLens-100K": Benchmark(
        dataset="MovieLens-100K",
        protocol=f"a seeded {SHARE:.0%} of the films with {ENOUGH} or more ratings leave train and are "
        f"ranked among each other, seed {SEED}, all ratings positive, lists of 20",
        folder="movielens-100k",
        k=20,
        load=load,
        recipes=recipes,
        metrics=("R", "N"),
        judged=among_cold,
        threads=1,
        beside=beside,
        views=(cold.AMONG_ALL,),
    ),
    "Beauty": _with_warm("Amazon Beauty", "amazon-beauty-5core", beauty),
    "Last.fm 2K": _with_warm("Last.fm 2K", "lastfm-2k-multimodal", lastfm),
}
