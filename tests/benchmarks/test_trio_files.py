from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.protocols import labels as trio


def test_rows_of_a_trio_that_are_equal_are_one_and_its_files_say_the_same(tmp_path: Path) -> None:
    people = pl.DataFrame({"age": [20, 30, 20], "city": ["Oslo", None, "Oslo"]})
    contents = pl.DataFrame({"title": ["A", "B", "B"], "tags": [["x", "y"], [], []]})
    rows = trio.Trio(people, contents, pl.DataFrame({"label": [1, 0, 1], "time": [3, 2, 1]}))
    split = rows.split(pl.Series(["test", "train", "train"]), "small")
    e = split.data.events
    assert (len(split.data.users), len(split.data.items)) == (2, 2)
    assert [(split.data.items[i], bool(w)) for i, w in zip(e.item, e.weight, strict=True)] == [
        (split.data.items[e.item[0]], True),
        (split.data.items[e.item[1]], True),
        (split.data.items[e.item[0]], False),
    ]
    assert split.data.item_column("tags")[e.item[1]] == ["x", "y"]  # type: ignore[index]
    assert split.test.events.time.tolist() == [3.0]
    rows.write(tmp_path)
    assert (tmp_path / "content_data.csv").read_text("utf-8").splitlines() == ["title,tags", "A,x|y", 'B,""', 'B,""']
