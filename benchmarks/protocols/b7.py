"""B7: cold films of MovieLens-100K: a fifth of them leaves train and is ranked by content, among each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import Benchmark, Recipes
from benchmarks.protocols.b1 import COLUMNS
from regard.domain.dataset import Dataset
from regard.domain.weights import EventWeight
from regard.measurement.splits import Split, cold_items
from regard.measurement.truth import Protocol

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
ENOUGH = 10  # ratings of a film that may be cold
SHARE = 0.2
SEED = 0


def load(folder: Path) -> Split:
    """u.data and u.item: title, year and genres; text vectors of these by the bundled encoder, before any fit."""
    return cold_items(films(folder), share=SHARE, at_least=ENOUGH, seed=SEED)


def films(folder: Path) -> Dataset:
    """All ratings as positives, with what the films say of themselves."""
    from regard.models.text import BundledText, encode_dataset

    events = pl.read_csv(folder / "u.data", separator="\t", has_header=False, new_columns=COLUMNS)
    rows = [line.split("|") for line in (folder / "u.item").read_text("latin-1").splitlines()]
    items = pl.DataFrame(
        {
            "id": [row[0] for row in rows],
            "title": [row[1] for row in rows],
            "tags": [[genre for genre, flag in zip(GENRES, row[5:], strict=True) if flag == "1"] for row in rows],
        }
    ).with_columns(
        year=pl.col("title").str.extract(r"\((\d{4})\)").cast(pl.Float64),
        title=pl.col("title").str.replace(r"\s*\(\d{4}\)", ""),
    )
    data = Dataset.from_frame(events, items=items, weights=(EventWeight("rating", 1.0),))
    return encode_dataset(data, BundledText())


def among_cold(split: Split) -> Protocol:
    """Only the cold films are ranked."""
    cold = np.bincount(split.test.events.item, minlength=len(split.data.items)) > 0
    return Protocol(among=cold, slices=False)


def recipes() -> Recipes:
    """From content to factors, and content neighbours beside it; defaults of the models."""
    from regard.models.content import ContentKNN
    from regard.models.content_regression import ContentRegression

    return {
        "ContentRegression": ContentRegression(),
        "ContentKNN (text and genres)": ContentKNN(),
        "ContentKNN (genres)": ContentKNN(vectors=None, labels=1.0),
    }


PARTS = {
    "MovieLens-100K": Benchmark(
        dataset="MovieLens-100K",
        protocol=f"a seeded {SHARE:.0%} of the films with {ENOUGH} or more ratings leave train and are ranked among "
        "each other, all ratings positive, lists of 20",
        folder="movielens-100k",
        k=20,
        load=load,
        recipes=recipes,
        metrics=("R", "N"),
        judged=among_cold,
    )
}
