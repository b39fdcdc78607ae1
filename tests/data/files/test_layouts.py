"""Every layout is recognised without configuration, and says what its files mean."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from regard.data.files.layouts import recognise
from regard.data.files.source import Mapped
from regard.data.importing import ImportOptions, import_paths
from regard.data.postgres import Store
from regard.domain.errors import InvalidInput

NOW = 1_700_000_000.0
U_ITEM = "1|Toy Story (1995)|01-Jan-1995||http://x|" + "|".join("0001110000000000000") + "\n"
ML_1M = "1::Am\xe9lie (2001)::Comedy|Romance\n2::Up (2009)::(no genres listed)\n"
GORSE_ITEM = {"ItemId": "i1", "IsHidden": False, "Categories": ["a"], "Timestamp": "2020-01-01T00:00:00Z",
              "Labels": {"colour": "red"}, "Comment": "a thing"}  # fmt: skip
GORSE_FEEDBACK = {"FeedbackType": "star", "UserId": "u1", "ItemId": "i1", "Value": 1.0, "Timestamp": "2020-02-24"}
LAYOUTS: dict[str, dict[str, str]] = {
    "own csv": {
        "events.csv": "user,item,type,value,time,device\nu1,i1,view,1,1600000000,tv\n",
        "items.csv": "id,title,tags,year,hidden\ni1,One,a|b,1999,0\n",
        "users.csv": "id,age,zip\nu1,30,01234\n",
    },
    "own jsonl": {
        "events.jsonl": json.dumps({"user": "u1", "item": "i1", "type": "view", "time": 1600000000, "device": "tv"}),
        "items.jsonl": json.dumps({"id": "i1", "title": "One", "tags": ["a", "b"], "attributes": {"year": 1999}}),
        "users.jsonl": json.dumps({"id": "u1", "age": 30, "consent": {"mood": True}}),
    },
    "personalize": {
        "interactions.csv": "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu1,i1,1600000000,watch,\n",
        "items.csv": "ITEM_ID,GENRES,PRICE,CREATION_TIMESTAMP\ni1,a|b,3.5,1500000000\n",
        "users.csv": "USER_ID,AGE,HOBBIES\nu1,30,x|y\n",
    },
    "gorse": {
        "feedback.jsonl": json.dumps(GORSE_FEEDBACK),
        "items.jsonl": json.dumps(GORSE_ITEM),
        "users.jsonl": json.dumps({"UserId": "u1", "Labels": {"age": 30}, "Comment": ""}),
    },
    "movielens 100k": {
        "u.data": "1\t1\t3\t881250949\n",
        "u.item": U_ITEM,
        "u.user": "1|24|M|technician|05711\n",
        "u.genre": "unknown|0\n",
        "ua.test": "1\t1\t3\t881250949\n",
    },
    "movielens 1m": {
        "ratings.dat": "1::1::5::978300760\n",
        "movies.dat": ML_1M,
        "users.dat": "1::F::1::10::48067\n",
    },
    "movielens csv": {
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,2.5,1260759144\n",
        "movies.csv": 'movieId,title,genres\n1,"Story, Toy (1995)",Comedy|Drama\n',
        "tags.csv": "userId,movieId,tag,timestamp\n1,1,fun,1260759144\n",
        "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
        "genome-scores.csv": "movieId,tagId,relevance\n1,1,0.03\n",
    },
    "recbole": {
        "x.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t4\t881250949\n",
        "x.item": "item_id:token\tmovie_title:token_seq\tyear:token\tclass:token_seq\n7\tToy Story\t1995\tA B\n",
        "x.user": "user_id:token\tage:float\n1\t24\n",
    },
    "plain": {"ratings.tsv": "1\t7\t4\t881250949\n2\t7\t5\t881250950\n"},
    "plain with header": {"ratings.csv": "user,item,rating,timestamp\n1,7,4,881250949\n"},
    "trio": {
        "user_data.csv": "age,city\n30,Rome\n40,Oslo\n30,Rome\n",
        "content_data.csv": "len,kind\n1,a\n1,a\n2,b\n",
        "labels.csv": "label\n1\n0\n1\n",
    },
}
Look = Callable[[Store], Any]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("latin-1"))
    return folder


def ask(store: Store, query: str) -> list[Any]:
    with store.transaction() as connection:
        return [row[0] if len(row) == 1 else row for row in connection.execute(query.encode())]


EVENTS = """SELECT u.id, i.id, name, value, time, context FROM events JOIN users u ON u.row = user_row
    JOIN items i ON i.row = item_row JOIN event_types ON code = type ORDER BY 1, 2, 3"""


@pytest.mark.parametrize(
    ("layout", "events"),
    [
        ("own csv", [("u1", "i1", "view", 1.0, 1600000000.0, {"device": "tv"})]),
        ("own jsonl", [("u1", "i1", "view", 1.0, 1600000000.0, {"device": "tv"})]),
        ("personalize", [("u1", "i1", "watch", 1.0, 1600000000.0, None)]),
        ("gorse", [("u1", "i1", "star", 1.0, 1582502400.0, None)]),
        ("movielens 100k", [("1", "1", "rating", 3.0, 881250949.0, None)]),
        ("movielens 1m", [("1", "1", "rating", 5.0, 978300760.0, None)]),
        ("movielens csv", [("1", "1", "rating", 2.5, 1260759144.0, None),
            ("1", "1", "tag", 1.0, 1260759144.0, {"tag": "fun"})]),
        ("recbole", [("1", "7", "rating", 4.0, 881250949.0, None)]),
        ("plain", [("1", "7", "rating", 4.0, 881250949.0, None), ("2", "7", "rating", 5.0, 881250950.0, None)]),
        ("plain with header", [("1", "7", "rating", 4.0, 881250949.0, None)]),
    ],
)  # fmt: skip
def test_events_of_each_layout(store: Store, tmp_path: Path, layout: str, events: list[Any]) -> None:
    report = import_paths([write(tmp_path, LAYOUTS[layout])], store, now=NOW)
    assert report.quarantined == 0, report.rows()
    assert ask(store, EVENTS) == events


ITEMS = "SELECT title, tags, attributes, valid_from, hidden FROM items ORDER BY row LIMIT 1"


@pytest.mark.parametrize(
    ("layout", "item", "user"),
    [
        ("own csv", ("One", ["a", "b"], {"year": 1999}, None, False), {"age": 30, "zip": "01234"}),
        ("own jsonl", ("One", ["a", "b"], {"year": 1999}, None, False), {"age": 30}),
        ("personalize", ("", ["a", "b"], {"PRICE": 3.5}, 1500000000.0, False), {"AGE": 30, "HOBBIES": ["x", "y"]}),
        ("gorse", ("", ["a"], {"colour": "red"}, 1577836800.0, False), {"age": 30}),
        ("movielens 100k", ("Toy Story", ["Animation", "Children's", "Comedy"],
            {"year": 1995, "released": "01-Jan-1995", "imdb": "http://x"}, None, False),
            {"age": 24, "gender": "M", "occupation": "technician", "zip": "05711"}),
        ("movielens 1m", ("Amélie", ["Comedy", "Romance"], {"year": 2001}, None, False),
            {"age": 1, "gender": "F", "occupation": "10", "zip": "48067"}),
        ("movielens csv", ("Story, Toy", ["Comedy", "Drama"],
            {"year": 1995, "imdbId": "0114709", "tmdbId": "862"}, None, False), {}),
        ("recbole", ("Toy Story", [], {"year": "1995", "class": ["A", "B"]}, None, False), {"age": 24}),
    ],
)  # fmt: skip
def test_catalogue_of_each_layout(store: Store, tmp_path: Path, layout: str, item: Any, user: Any) -> None:
    import_paths([write(tmp_path, LAYOUTS[layout])], store, now=NOW)
    assert ask(store, ITEMS) == [item]
    assert ask(store, "SELECT attributes FROM users ORDER BY row LIMIT 1") == [user]


def test_the_trio_joins_rows_and_equal_features_are_one_entity(store: Store, tmp_path: Path) -> None:
    report = import_paths([write(tmp_path, LAYOUTS["trio"])], store, now=NOW)
    assert (report.users_new, report.items_new, report.events_new) == (2, 2, 3)
    said = ask(store, "SELECT u.attributes ->> 'city', i.attributes ->> 'kind', name, value FROM events "
               "JOIN users u ON u.row = user_row JOIN items i ON i.row = item_row JOIN event_types ON code = type "
               "ORDER BY 1, 2")  # fmt: skip
    assert said == [("Oslo", "a", "dislike", 0.0), ("Rome", "a", "like", 1.0), ("Rome", "b", "like", 1.0)]


def test_the_trio_s_labels_may_bear_times(store: Store, tmp_path: Path) -> None:
    files = {**LAYOUTS["trio"], "labels.csv": "liked,timestamp\n1,1600000000\n0,2020-10-01\n1,1600000002\n"}
    assert import_paths([write(tmp_path, files)], store, now=NOW).events_new == 3
    said = ask(store, "SELECT name, value, time FROM events JOIN event_types ON code = type ORDER BY time")
    assert said == [("like", 1.0, 1600000000.0), ("like", 1.0, 1600000002.0), ("dislike", 0.0, 1601510400.0)]


def test_the_trio_may_be_named_file_by_file(store: Store, tmp_path: Path) -> None:
    folder = write(tmp_path, LAYOUTS["trio"])
    assert import_paths([folder / name for name in LAYOUTS["trio"]], store, now=NOW).events_new == 3


def test_parquet_and_gzip(store: Store, tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": [1.0, None], "item_id": [7, 8], "rating": [4.0, 5.0], "where": ["x", "y"]})
    frame = frame.with_columns(timestamp=pl.Series([1_600_000_000_000, 0]).cast(pl.Datetime("ms")))
    frame.write_parquet(tmp_path / "events.parquet")
    (tmp_path / "more.csv.gz").write_bytes(gzip.compress(b"user,item\nu1,i1\n"))
    report = import_paths([tmp_path], store, now=NOW)
    assert (report.events_new, report.quarantined) == (2, 1)  # the Parquet row without a user
    assert ask(store, EVENTS) == [
        ("1", "7", "rating", 4.0, 1600000000.0, {"where": "x"}), ("u1", "i1", "view", 1.0, 0.0, None)]  # fmt: skip


def test_unknown_columns_are_named_and_can_be_mapped(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"
    path.write_text("Invoice,StockCode,Quantity,Date,CustomerID\n5,a,2,12/1/10 8:26,77\n5,a,2,12/1/10 8:26,77\n")
    with pytest.raises(InvalidInput, match=r"(?s)StockCode.*Mapped"):
        recognise([path])
    mapped = Mapped(
        {"user": "CustomerID", "item": "StockCode", "value": "Quantity", "time": "Date"}, "buy", "%m/%d/%y %H:%M"
    )
    report = import_paths([path], store, now=NOW, options=ImportOptions(mapped=mapped))
    # 2010-12-01 08:26 UTC is 1291191960; two equal invoice lines stay two
    assert report.events_new == 2
    assert ask(store, EVENTS)[0] == ("77", "a", "buy", 2.0, 1291191960.0, {"Invoice": 5})


@pytest.mark.parametrize("columns", [{"user": "A"}, {"id": "A", "colour": "B"}, {"user": "A", "item": "Z"}])
def test_a_mapping_that_fits_nothing_is_refused(store: Store, tmp_path: Path, columns: dict[str, str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("A,B\n1,2\n")
    with pytest.raises(InvalidInput):
        import_paths([path], store, now=NOW, options=ImportOptions(mapped=Mapped(columns)))


def test_a_mapping_beside_it_must_fit_one_file_at_least(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, {"events.csv": "user,item\nu,i\n"})
    with pytest.raises(InvalidInput, match="mapped columns"):
        import_paths([path], store, now=NOW, options=ImportOptions(mapped=Mapped({"user": "A", "item": "B"})))


def test_files_of_a_folder_that_are_left_out_are_told(tmp_path: Path) -> None:
    write(tmp_path, {**LAYOUTS["movielens 100k"], "README": "read me"})
    sources, left = recognise([tmp_path, tmp_path / "u.data"])  # named twice: read once
    assert [source.path.name for source in sources] == ["u.item", "u.user", "u.data"]
    whys = {one.name: one.why for one in left}
    assert whys.pop("README") == "not in a known layout"
    assert whys == {"u.genre": "names of genres, known already", "ua.test": "a part of u.data"}


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "counts"),
    [("movielens-100k", (100_000, 1682, 943)), ("movielens-latest-small", (101_300, 9125, 671))],
)
def test_real_folders(store: Store, real_data: Callable[[str], Path], name: str, counts: tuple[int, int, int]) -> None:
    report = import_paths([real_data(name)], store, now=NOW)
    found = store.counts()
    assert (report.events_new, found["items"], found["users"]) == counts
    assert report.quarantined == 0
