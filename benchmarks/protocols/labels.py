"""Labels: the classic trio of people, contents and labels: liked films as they come, clothes by their reviews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.labels import Judges, LabelBenchmark, labelled
from benchmarks.protocols.b1 import COLUMNS
from benchmarks.protocols.b7 import about_films
from regard.domain.dataset import Dataset
from regard.domain.run import Run
from regard.domain.weights import DEFAULT_WEIGHTS
from regard.measurement.splits import Split

TEST = 0.1  # the newest, or drawn
SEEDS = (0,)


@dataclass(frozen=True)
class Trio:
    """Rows that belong together by their place: who, what, and whether it was liked (`label`, and `time` if known).

    Equal rows of `people` are one person, equal rows of `contents` one item.
    """

    people: pl.DataFrame
    contents: pl.DataFrame
    labels: pl.DataFrame

    def write(self, folder: Path) -> None:
        """The three files as `regard import` reads them."""
        lists = [name for name, kind in self.contents.schema.items() if isinstance(kind, pl.List)]
        self.people.write_csv(folder / "user_data.csv")
        self.contents.with_columns(pl.col(lists).list.join("|")).write_csv(folder / "content_data.csv")
        self.labels.write_csv(folder / "labels.csv")

    def split(self, part: pl.Series, name: str) -> Split:
        """`part`: "train" or "test" of each row."""
        user, item = (_entity(table, letter) for table, letter in ((self.people, "u"), (self.contents, "i")))
        liked = pl.when(pl.col("label") == 1).then(pl.lit("like")).otherwise(pl.lit("dislike"))
        time = pl.col("time") if "time" in self.labels.columns else pl.lit(0.0)
        events = self.labels.select(user=user, item=item, time=time, type=liked, value=pl.lit(1.0), part=part)
        users, items = (
            table.with_columns(id=ids).unique("id", maintain_order=True)
            for table, ids in ((self.people, user), (self.contents, item))
        )
        return labelled(events, (), name, users=users, items=items, weights=DEFAULT_WEIGHTS)


def _entity(table: pl.DataFrame, letter: str) -> pl.Series:
    return letter + table.select(pl.struct(pl.all()).rank("dense")).to_series().cast(pl.String)


def films(folder: Path) -> Trio:
    """MovieLens-100K: who rated, which film, and whether with four stars or more."""
    rated = pl.read_csv(folder / "u.data", separator="\t", has_header=False, new_columns=COLUMNS)
    said = ["id", "age", "gender", "occupation", "zip"]
    people = pl.read_csv(folder / "u.user", separator="|", has_header=False, new_columns=said)
    everything = rated.join(people, left_on="user", right_on="id", maintain_order="left").join(
        about_films(folder).with_columns(pl.col("id").cast(pl.Int64)),
        left_on="item",
        right_on="id",
        maintain_order="left",
    )
    return Trio(
        everything.select(said[1:]),
        everything.select("title", "year", "released", "tags"),
        everything.select(label=(pl.col("rating") >= 4).cast(pl.Int8), time="timestamp"),
    )


def clothes(folder: Path) -> Trio:
    """The reviews of women's clothes: the age of who wrote, what was written of what, and whether it is recommended.

    Stars are left out, as they say the same; so is what came of a review later.
    """
    told = pl.read_parquet(folder / "reviews.parquet")
    contents = told.select(
        title="Title",
        text="Review Text",
        product=pl.col("Clothing ID").cast(pl.String),
        division="Division Name",
        department="Department Name",
        kind="Class Name",
    )
    return Trio(told.select(age="Age"), contents, told.select(label="Recommended IND"))


def newest_films(folder: Path, _: int) -> Split:
    """The newest tenth of all ratings judges."""
    trio = films(folder)
    order = trio.labels["time"].rank("ordinal")
    part = (order > (1 - TEST) * len(order)).replace_strict({True: "test", False: "train"}, return_dtype=pl.String)
    return trio.split(part, "MovieLens-100K, newest tenth")


def drawn_clothes(folder: Path, seed: int) -> Split:
    """A tenth of the reviews, drawn by the seed, judges: they bear no times."""
    trio = clothes(folder)
    drawn = np.random.default_rng(seed).random(len(trio.labels)) < TEST
    return trio.split(pl.Series(np.where(drawn, "test", "train")), f"clothing reviews, seed {seed}")


@dataclass(frozen=True)
class Majority:
    """Everybody's share of likes as each chance: at a threshold of one half, the majority class."""

    def fit(self, data: Dataset, *, run: Run = Run()) -> Share:  # noqa: B008
        """The share of positive events."""
        return Share(float((data.events.weight > 0).mean()))


@dataclass(frozen=True)
class Share:
    """One chance for all."""

    share: float

    def chances(self, data: Dataset, known: Dataset) -> NDArray[np.float64]:
        """(n,)"""
        return np.full(len(data.events), self.share)


def recipes() -> Judges:
    """What `regard evaluate` shows on the trio, trees, and the joined model without the order of what came before."""
    from regard.models.logistic import Logistic
    from regard.models.trees import Trees
    from regard.serving.labels import JOINED, likes

    return {
        "recurrent, convolution, MLP": likes(),
        "fields, convolution, MLP": likes(replace(JOINED, person="fields", window=0)),
        "trees": likes(Trees()),
        "logistic regression": likes(Logistic()),
        "majority": Majority(),
    }


def _part(folder: str, load: Callable[[Path, int], Split], protocol: str, *, earlier: bool = False) -> LabelBenchmark:
    return LabelBenchmark(
        dataset=folder,
        protocol=protocol,
        folder=folder,
        load=load,
        recipes=recipes,
        peers=(),
        seeds=SEEDS,
        against="majority",
        earlier=earlier,
    )


PARTS = {
    "MovieLens-100K": _part(
        "movielens-100k",
        newest_films,
        "MovieLens-100K: are there four stars or more; the newest tenth of the ratings, each judged by all ratings "
        "strictly before it, those of the test part, too",
        earlier=True,
    ),
    "clothing reviews": _part(
        "womens-clothing-reviews",
        drawn_clothes,
        "clothing reviews: is it recommended, by the age of the person, the product and the words of the review; a "
        "tenth of the reviews drawn by the seed",
    ),
}
