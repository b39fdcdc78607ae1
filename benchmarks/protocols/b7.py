"""B7: cold films of MovieLens-100K: a fifth of them leaves train and is ranked by content, among each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.benchmark import Benchmark, Recipes
from benchmarks.protocols.b1 import COLUMNS
from regard.domain.dataset import Dataset
from regard.domain.weights import EventWeight
from regard.measurement.evaluate import evaluate
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
ENOUGH = 20  # ratings of a film that may be cold
SHARE = 0.2
SEED = 0
OTHERS = range(20, 30)  # seeds of further draws


def load(folder: Path) -> Split:
    """u.data and u.item: title, year, genres, day of release; text vectors by the bundled encoder, before any fit."""
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
            "released": [row[2] or None for row in rows],
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
        beside=beside,
    )
}
