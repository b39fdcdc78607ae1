import re
import tomllib
from pathlib import Path

import polars as pl
import pytest

from regard.domain.dataset import Dataset
from regard.domain.errors import InvalidInput
from regard.learning.knobs import OneOf, Whole
from regard.learning.spaces import Space, space_of
from regard.models.actions import ActionWeights
from regard.models.blend import Blend, FittedBlend
from regard.models.ease import EASE
from regard.models.graph_filter import GraphFilter
from regard.models.neighbours import ItemKNN
from regard.models.popular import Popularity
from regard.models.ranker import Ranker
from regard.models.segment_popularity import SegmentPopularity
from regard.models.text import BundledText, SentenceTransformerText
from regard.models.text_endpoint import EndpointText
from regard.models.trees import Trees
from regard.models.trend import Trend
from regard.serving.recipes import KINDS, decode, decode_encoder, decode_space, default_recipes
from regard.serving.wiring import FITTED
from tests.contracts.subjects import ask, communities


def test_a_table_becomes_its_recipe_with_nested_fields() -> None:
    table = {"sources": {"mine": {"kind": "ease", "l2": 300, "weighting": {"half_life": 30}}}}
    recipe = decode(table)["mine"]
    assert isinstance(recipe, EASE)
    assert (recipe.l2, recipe.weighting.half_life) == (300, 30)


def test_every_kind_has_defaults() -> None:
    assert set(decode({"sources": {kind: {"kind": kind} for kind in KINDS}})) == set(KINDS)


@pytest.mark.parametrize("kind", [kind for kind, recipe in KINDS.items() if hasattr(recipe, "SPACE")])
def test_a_space_beside_a_recipe_is_borne_by_it_and_holds_its_defaults(kind: str) -> None:
    recipe = decode({"sources": {"mine": {"kind": kind}}})["mine"]
    space_of(recipe).check(recipe)
    assert space_of(recipe).own(recipe)


def test_a_search_table_is_a_space_of_its_source() -> None:
    table = {"search": {"mine": {"l2": {"low": 1, "high": 9}, "weighting": {"repeats": ["max", "sum"]}}}}
    space = decode_space(table, "mine")
    assert space == Space({"l2": Whole(1, 9), "weighting.repeats": OneOf("max", "sum")})
    assert decode_space(table, "other") is None
    assert decode({**table, "sources": {"mine": {"kind": "ease"}}}) == {"mine": EASE()}
    for wrong in ({"mine": 3}, {"mine": {"l2": {"low": 9, "high": 1}}}):
        with pytest.raises(InvalidInput, match=r"\[search\.mine\]"):
            decode_space({"search": wrong}, "mine")


@pytest.mark.deep
def test_a_behaviour_source_is_blended_and_read_back() -> None:
    table = {"order": {"kind": "behaviour", "width": 8, "window": 8, "epochs": 2}, "knn": {"kind": "item_knn", "k": 3}}
    model = Blend(tuple(decode({"sources": table}).items())).fit(communities())
    again = FittedBlend.from_artifact(model.artifact(), FITTED)
    assert again.recipe == model.recipe
    assert again.scores([ask(0, 2, 4)]).tobytes() == model.scores([ask(0, 2, 4)]).tobytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "magic"}, "one of popularity"),
        ({"kind": "ease", "l3": 1}, "l3"),
        ({"kind": "ease", "weighting": {"half_live": 3}}, "half_live"),
        ({"kind": "behaviour", "items": {"atributes": True}}, "items atributes"),
        ({"kind": "behaviour", "items": True}, "items"),
        ({"kind": "ranker", "sources": [["mine", {"kind": "ease", "l3": 1}]]}, "a table of sources"),
        ({"kind": "ease", "l2": "much"}, "l2"),
        ({"kind": "ease", "l2": -1}, "l2"),
        ("ease", "one of popularity"),
    ],
)
def test_a_wrong_table_is_refused_where_it_is_wrong(fields: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        decode({"sources": {"mine": fields}})


@pytest.mark.parametrize("told", [[{"kind": "ease"}], "ease", None, 3])
def test_sources_that_are_no_table_are_refused(told: object) -> None:
    with pytest.raises(InvalidInput, match=r"\[sources\]: expected a table of sources by name"):
        decode({"sources": told})


def test_each_of_the_three_encoders_can_be_chosen() -> None:
    local = {"kind": "sentence-transformers", "model": "models/mine", "batch": 8}
    hosted = {"kind": "endpoint", "url": "http://127.0.0.1:8080/v1", "model": "m", "attributes": ["cast"]}
    assert decode_encoder({}) == BundledText()
    assert decode_encoder({"encoder": local}) == SentenceTransformerText(model="models/mine", batch=8)
    url = "http://127.0.0.1:8080/v1"
    assert decode_encoder({"encoder": hosted}) == EndpointText(url=url, model="m", attributes=("cast",))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "magic"}, "one of bundled"),
        ({"kind": "endpoint", "url": "http://x/v1", "model": "m", "key": "secret"}, "key"),  # by the environment only
        ({"kind": "endpoint", "url": "x", "model": "m"}, "http"),
        ({"kind": "sentence-transformers"}, "model"),
        ({"kind": "bundled", "batch": 0}, "at least 1"),
    ],
)
def test_a_wrong_encoder_is_refused_where_it_is_wrong(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        decode_encoder({"encoder": fields})


def test_sources_read_the_chosen_encoder_s_vectors_unless_they_say_otherwise() -> None:
    table = {
        "encoder": {"kind": "sentence-transformers", "model": "models/mine"},
        "sources": {"a": {"kind": "content"}, "b": {"kind": "content", "vectors": "other"}, "c": {"kind": "ease"}},
    }
    recipes = decode(table)
    assert [recipes[name].vectors for name in "ab"] == ["sentence-transformer", "other"]  # type: ignore[attr-defined]


def test_an_unknown_top_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="model"):
        decode({"model": {}})


def test_the_default_follows_the_catalogue_s_size() -> None:
    small = Dataset.from_frame(pl.DataFrame({"user": ["u"], "item": ["i"]}))
    assert isinstance(default_recipes(small)["ease"], EASE)
    many = pl.DataFrame({"user": ["u"] * 6_001, "item": [f"i{n}" for n in range(6_001)]})
    assert isinstance(default_recipes(Dataset.from_frame(many))["graph"], GraphFilter)


def test_people_with_attributes_get_popularity_by_segment() -> None:
    frame = pl.DataFrame({"user": ["u"], "item": ["i"]})
    said = Dataset.from_frame(frame, users=pl.DataFrame({"id": ["u"], "age": [30.0]}))
    assert isinstance(default_recipes(said)["segments"], SegmentPopularity)
    assert "segments" not in default_recipes(Dataset.from_frame(frame))


def test_the_page_s_example_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "configure.md").read_text("utf-8")
    assert not [kind for kind in KINDS if not re.search(rf"^\| .*`{kind}`.* \|", page, re.MULTILINE)]
    sources, order, encoder = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert decode(tomllib.loads(sources))["recent"].weighting.half_life == 60  # type: ignore[attr-defined]
    assert decode(tomllib.loads(order))["order"].items.content == ("use",)  # type: ignore[attr-defined]
    assert decode_encoder(tomllib.loads(encoder)).name == "endpoint"


def test_the_search_page_s_example_is_a_space_that_its_source_bears() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "search.md"
    (example,) = re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    table = tomllib.loads(example)
    space = decode_space(table, "order")
    assert space is not None
    space.check(decode(table)["order"])


def test_a_recipe_around_another_one() -> None:
    source = {"kind": "item_knn", "k": 7}
    recipe = decode({"sources": {"mine": {"kind": "trend", "half_life": 3, "source": source}}})["mine"]
    assert recipe == Trend(ItemKNN(k=7), half_life=3)
    with pytest.raises(InvalidInput, match=r"sources\.mine\.source"):
        decode({"sources": {"mine": {"kind": "trend", "source": {**source, "k7": 1}}}})


def test_a_ranker_over_sources_with_a_learner_and_weights() -> None:
    table = {
        "kind": "ranker",
        "cut": "random",
        "values": ["rating"],
        "weights": {"rating": 2.0, "rating value": 0.0},
        "learner": {"kind": "trees", "rounds": 7},
        "sources": {"knn": {"kind": "item_knn", "k": 7}, "popular": {"kind": "popularity"}},
    }
    sources, weights = (("knn", ItemKNN(k=7)), ("popular", Popularity())), (("rating", 2.0), ("rating value", 0.0))
    expected = Ranker(sources, Trees(rounds=7), values=("rating",), weights=ActionWeights(weights), cut="random")
    assert decode({"sources": {"mine": table}})["mine"] == expected
    for field, wrong, said in (
        ("learner", {"kind": "oracle"}, r"mine\.learner"),
        ("weights", {"rating": "much"}, "ActionWeights"),
        ("sources", {"knn": {"kind": "item_knn", "k7": 1}}, r"mine\.sources\.knn"),
    ):
        with pytest.raises(InvalidInput, match=said):
            decode({"sources": {"mine": {**table, field: wrong}}})
