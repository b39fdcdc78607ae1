"""MovieLens and its kin: what their files mean, from the 100K tables to the 32M ones, and `::` tables of that form."""

from __future__ import annotations

import polars as pl

GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
RATINGS = ("user", "item", "value", "time")
USERS_100K = ("id", "age", "gender", "occupation", "zip")
ITEMS_100K = ("id", "title", "released", "video_released", "imdb", *GENRES_100K)
USERS_1M = ("id", "gender", "age", "occupation", "zip")
ITEMS_1M = ("id", "title", "tags")
TAGS = {"userId": "user", "movieId": "item", "timestamp": "time"}
LEFT_OUT = {
    "u.genre": "names of genres, known already",
    "u.occupation": "names of occupations, known already",
    "u.info": "counts only",
    "genome-scores.csv": "the tag genome is not read",
    "genome-tags.csv": "the tag genome is not read",
}
_YEAR = r"\s*\(([12][0-9]{3})(?:[-–][0-9]{0,4})?\)\s*$"


def with_year(frame: pl.DataFrame) -> pl.DataFrame:
    """ "Toy Story (1995)" becomes the title "Toy Story" and the attribute `year`."""
    title = pl.col("title")
    rest = title.str.replace(_YEAR, "")
    named = pl.when(rest.str.len_bytes() > 0).then(rest).otherwise(title)
    return frame.with_columns(title=named, year=title.str.extract(_YEAR, 1))


def films(frame: pl.DataFrame) -> pl.DataFrame:
    """Titles with their year apart; "(no genres listed)" is no genre."""
    genres = pl.col("tags").replace(["(no genres listed)", "N/A"], None)
    return with_year(frame.with_columns(genres))


def films_100k(frame: pl.DataFrame) -> pl.DataFrame:
    """The 19 flags of u.item as tags."""
    flags = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in GENRES_100K if genre != "unknown"]
    return with_year(frame.with_columns(tags=pl.concat_str(flags, separator="|", ignore_nulls=True)).drop(GENRES_100K))
