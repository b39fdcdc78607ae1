import numpy as np
import polars as pl
import pytest

from regard.domain.errors import InvalidInput
from regard.measurement.attackers import Attack

KNOWN = pl.DataFrame(
    [(f"i{n}", "rating", 5.0 if n < 10 else 1.0) for n in range(40) for _ in range(40 - n)],
    schema=["item", "type", "value"],
    orient="row",
)


@pytest.mark.parametrize("kind", ["random", "average", "bandwagon"])
def test_everybody_pushes_the_target_and_meets_other_items_once(kind: str) -> None:
    found = Attack("i7", people=6, fillers=12, kind=kind).events(KNOWN, 100.0, 200.0)  # type: ignore[arg-type]
    assert found.height == 6 * 13
    assert found.filter(pl.col("item") == "i7")["value"].to_list() == [5.0] * 6
    assert not found.select("user", "item").is_duplicated().any()
    assert found["time"].is_sorted()
    assert found["time"].is_between(100.0, 200.0).all()
    assert found["value"].is_between(1.0, 5.0).all()


def test_kinds_differ_in_what_they_imitate() -> None:
    def fillers(kind: str) -> pl.DataFrame:
        found = Attack("i39", people=40, fillers=15, kind=kind).events(KNOWN, 0.0, 1.0)  # type: ignore[arg-type]
        return found.filter(pl.col("item") != "i39")

    assert set(fillers("bandwagon")["item"]) == {f"i{n}" for n in range(15)}  # the best known ones
    means = fillers("average").group_by("item").agg(pl.col("value").mean())
    loved = pl.col("item").is_in([f"i{n}" for n in range(10)])
    assert means.filter(loved)["value"].mean() > 4.0  # type: ignore[operator]
    assert means.filter(~loved)["value"].mean() < 2.0  # type: ignore[operator]
    assert np.std(fillers("random").group_by("item").agg(pl.col("value").mean())["value"].to_numpy()) < 0.6


def test_nuking_and_too_few_items() -> None:
    found = Attack("i1", push=False, people=2, fillers=3).events(KNOWN, 0.0, 1.0)
    assert found.filter(pl.col("item") == "i1")["value"].to_list() == [1.0, 1.0]
    with pytest.raises(InvalidInput, match="other items"):
        Attack("i1", fillers=60).events(KNOWN, 0.0, 1.0)
    with pytest.raises(InvalidInput, match=r"Attack\.people"):
        Attack("i1", people=0)
