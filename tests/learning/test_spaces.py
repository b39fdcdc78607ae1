"""Spaces: fields by path, nested recipes, TOML, and one clear error for what a recipe does not bear."""

from __future__ import annotations

import tomllib

import pytest

from regard.domain.errors import InvalidInput
from regard.domain.weights import Weighting
from regard.learning.knobs import Knob, LogUniform, OneOf, Uniform, Whole
from regard.learning.spaces import Space, field_of, space_of, with_values
from regard.models.content import ContentKNN
from regard.models.ease import EASE
from regard.models.neighbours import ItemKNN
from regard.models.trend import Trend

TOML = """
l2 = { low = 10.0, high = 1e3, log = true }
content_by = ["tags", "creator"]
[weighting]
half_life = { low = 1.0, high = 90.0 }
"""


def test_a_table_of_toml_is_a_space() -> None:
    space = Space.read(tomllib.loads(TOML))
    assert dict(space.knobs) == {
        "l2": LogUniform(10.0, 1e3),
        "content_by": OneOf("tags", "creator"),
        "weighting.half_life": Uniform(1.0, 90.0),
    }
    assert Space.read(space.table()) == space


def test_values_reach_into_nested_recipes_and_leave_the_rest() -> None:
    recipe = Trend(ItemKNN(k=7, likeness="bm25"))
    turned = with_values(recipe, {"source.k": 9, "source.weighting.half_life": 3.0, "strength": 0.5})
    assert turned == Trend(ItemKNN(k=9, likeness="bm25", weighting=Weighting(half_life=3.0)), strength=0.5)
    assert field_of(turned, "source.weighting.half_life") == 3.0
    assert recipe.source.k == 7


def test_a_recipe_s_own_values_where_the_space_holds_them() -> None:
    space = Space({"k": Whole(5, 50), "weighting.half_life": OneOf(None, 30.0)})
    assert space.own(ItemKNN(k=20)) == {"k": 20, "weighting.half_life": None}
    assert space.own(ItemKNN(k=60)) is None


@pytest.mark.parametrize(
    ("name", "turned", "said"),
    [
        ("l3", Uniform(0.0, 1.0), "l3.*expected a field out of l2"),
        ("l2.deeper", Uniform(0.0, 1.0), "a recipe with fields"),
        ("weighting.half_live", Uniform(1.0, 2.0), "half_live"),
        ("dropout", Uniform(0.0, 1.0), r"dropout.*a share in \[0, 1\), got 1.0"),  # the recipe refuses the upper end
        ("l2", LogUniform(1.0, 10.0), ""),
        ("at_least", Uniform(0.0, 9.0), "at_least.*integer"),  # the field is declared whole
        ("l2", OneOf(1.0, "much"), "l2.*number.*'much'"),
        ("weighting.repeats", OneOf("max", "min"), "repeats.*'max', 'sum' or 'log'.*'min'"),
        ("weighting.half_life", OneOf(None, -1.0), "half_life.*days > 0"),
    ],
)
def test_a_space_that_a_recipe_does_not_bear_is_refused_by_field(name: str, turned: Knob, said: str) -> None:
    space = Space({name: turned})
    if not said:
        space.check(EASE())
        return
    with pytest.raises(InvalidInput, match=said):
        space.check(EASE())


@pytest.mark.parametrize("table", [{}, {"l2": 3}, {"weighting": {}}, {"weighting": {"half_life": {"low": 1}}}])
def test_a_wrong_table_is_refused_where_it_is_wrong(table: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"regard\.toml|Space"):
        Space.read(table, "regard.toml [search.mine]")


def test_a_class_may_offer_a_space() -> None:
    assert set(space_of(EASE()).knobs) == {"l2", "popularity", "dropout"}
    with pytest.raises(InvalidInput, match="ContentKNN offers none itself"):
        space_of(ContentKNN())
