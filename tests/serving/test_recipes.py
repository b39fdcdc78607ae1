import re
import tomllib
from pathlib import Path

import polars as pl
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.models.ease import EASE
from regard.models.graph_filter import GraphFilter
from regard.serving.recipes import KINDS, decode, default_recipes


def test_a_table_becomes_its_recipe_with_nested_fields() -> None:
    table = {"sources": {"mine": {"kind": "ease", "l2": 300, "weighting": {"half_life": 30}}}}
    recipe = decode(table)["mine"]
    assert isinstance(recipe, EASE)
    assert (recipe.l2, recipe.weighting.half_life) == (300, 30)


def test_every_kind_has_defaults() -> None:
    assert set(decode({"sources": {kind: {"kind": kind} for kind in KINDS}})) == set(KINDS)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "magic"}, "one of popularity"),
        ({"kind": "ease", "l3": 1}, "l3"),
        ({"kind": "ease", "weighting": {"half_live": 3}}, "half_live"),
        ({"kind": "ease", "l2": "much"}, "l2"),
        ({"kind": "ease", "l2": -1}, "l2"),
        ("ease", "one of popularity"),
    ],
)
def test_a_wrong_table_is_refused_where_it_is_wrong(fields: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        decode({"sources": {"mine": fields}})


def test_an_unknown_top_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="model"):
        decode({"model": {}})


def test_the_default_follows_the_catalogue_s_size() -> None:
    small = Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["i"]}))
    assert isinstance(default_recipes(small)["ease"], EASE)
    many = pl.DataFrame({"user": ["u"] * 12_001, "item": [f"i{n}" for n in range(12_001)]})
    assert isinstance(default_recipes(Dataset.from_frame(many))["graph"], GraphFilter)


def test_the_page_s_example_is_read() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "configure.md"
    example = re.search(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert example is not None
    recipes = decode(tomllib.loads(example[1]))
    assert recipes["recent"].weighting.half_life == 60  # type: ignore[attr-defined]
