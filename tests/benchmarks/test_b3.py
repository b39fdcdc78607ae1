"""B3: the film before the last teaches nobody, and the request for the last one knows it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.protocols import b3
from regard.domain.dataset import Dataset


def test_the_film_before_the_last_is_known_at_request_only(tmp_path: Path) -> None:
    rows = [("1", "9", 0), ("1", "4", 1), ("1", "7", 2), ("1", "2", 3), ("2", "4", 0), ("2", "2", 1), ("2", "9", 2)]
    table = pl.DataFrame(rows, schema=["sas_user", "sas_item", "position"], orient="row")
    table.sample(fraction=1.0, shuffle=True, seed=3).write_parquet(tmp_path / "sasrec_sequences.parquet")
    split = b3.load(tmp_path)

    def films(data: Dataset, user: str) -> list[str]:
        return [split.data.items[row] for row in data.query(user).history.rows]

    assert [films(split.train, user) for user in "12"] == [["9", "4"], ["4"]]
    assert [films(split.known, user) for user in "12"] == [["9", "4", "7"], ["4", "2"]]
    assert [films(split.test, user) for user in "12"] == [["2"], ["9"]]
