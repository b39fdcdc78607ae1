import polars as pl
import pytest

from regard.data.films import films

pytest.importorskip("bokeh_sampledata", reason="needs the extra `demo`")


def test_the_catalogue_is_large_unique_and_titled() -> None:
    found = films(6_000)
    assert len(found) == 6_000
    assert found["id"].n_unique() == 6_000
    assert (found["title"].str.len_chars() > 0).all()
    assert (found["tags"].list.len() > 0).all()


def test_a_known_film_is_described_as_it_is() -> None:
    gump = films(50).filter(pl.col("title") == "Forrest Gump").to_dicts()[0]
    assert (gump["year"], gump["creator"]) == (1994.0, "Robert Zemeckis")
    assert "Comedy" in gump["tags"]


def test_best_documented_first() -> None:
    assert films(100)["notability"].is_sorted(descending=True)
