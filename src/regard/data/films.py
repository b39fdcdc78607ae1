"""The demo's catalogue: films from Wikidata (CC0) that arrive inside the package bokeh-sampledata."""

from __future__ import annotations

import importlib.util
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

from regard.domain.errors import Unavailable

_LISTS = ("Genre", "Cast", "Country", "Language")


def films(n: int = 5_000) -> pl.DataFrame:
    """The `n` best documented films (cast, writer, age rating, review score), best documented first.

    Columns: id, title, text, tags (genres), creator (first director), year, runtime, cast, country, language,
    notability (how well documented, a stand-in for how well known). Raises Unavailable without the extra `demo`.
    """
    query = 'SELECT imdbID, Title, Year, Rating, Runtime, Genre, Director, "Cast", Metacritic, Language, Country, '
    query += "Oscars FROM omdb WHERE Genre <> '' AND Director <> '' AND Title <> ''"
    with closing(sqlite3.connect(f"file:{_database()}?mode=ro", uri=True)) as database:
        found = pl.read_database(query, database, infer_schema_length=None).unique("imdbID", maintain_order=True)
    split = found.with_columns(pl.col(name).fill_null("").str.split(", ") for name in _LISTS)
    known = split.with_columns(notability=_notability()).sort("notability", "imdbID", descending=[True, False])
    return known.head(n).select(
        id="imdbID",
        title="Title",
        text=_text(),
        tags="Genre",
        creator=pl.col("Director").str.split(", ").list.first(),
        year=pl.col("Year").cast(pl.Float64),
        runtime=pl.col("Runtime"),
        cast=pl.col("Cast").list.head(8),
        country="Country",
        language="Language",
        notability="notability",
    )


def _database() -> Path:
    spec = importlib.util.find_spec("bokeh_sampledata")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "demo catalogue", "the package bokeh-sampledata", "no such package", "pip install 'regard[demo]'"
        )
    return Path(spec.origin).parent / "_data" / "movies.db"


def _notability() -> pl.Expr:
    """Cast entries (logarithmic) plus a point each for an age rating, a review score, and each Oscar."""
    cast = pl.col("Cast").list.len().log1p()
    marks = pl.col("Rating").is_not_null().cast(pl.Float64) + pl.col("Metacritic").is_not_null().cast(pl.Float64)
    return cast + marks + pl.col("Oscars").fill_null(0).clip(0, 4)


def _text() -> pl.Expr:
    genres = pl.col("Genre").list.join(", ")
    cast = pl.col("Cast").list.head(5).list.join(", ")
    return pl.format("{} film of {} by {}. With {}.", genres, pl.col("Year"), pl.col("Director"), cast)
