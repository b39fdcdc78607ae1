"""Popularity by hand: decay to the snapshot's moment, segments drawn to the whole."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.weights import EventWeight, Weighting
from regard.models.popular import Popularity
from tests.contracts.subjects import ask, dataset

# days 0, 1, 2, 3; the snapshot stands at day 4
DATA = dataset([0, 1, 2, 3], [0, 0, 0, 1], 4, 3)


def test_shares_of_people() -> None:
    assert Popularity().fit(DATA).scores([ask()])[0].tolist() == [0.75, 0.25, 0.0]


def test_events_fade_to_the_moment_of_the_snapshot() -> None:
    # ages 4, 3, 2 and 1 days at a half-life of one: (1/16 + 1/8 + 1/4) / 4 and (1/2) / 4
    assert Popularity(half_life=1.0).fit(DATA).scores([ask()])[0].tolist() == pytest.approx([7 / 64, 8 / 64, 0])


def test_a_segment_is_drawn_to_the_whole_by_pseudo_people() -> None:
    model = Popularity(segment="taste", smoothing=2.0).fit(DATA)  # taste 1: people 1 and 3, with items 0 and 1
    query = replace(ask(), attributes={"taste": "taste 1"})
    # (1 + 2 * .75) / (2 + 2), (1 + 2 * .25) / 4, 0
    assert model.scores([query])[0].tolist() == pytest.approx([0.625, 0.375, 0.0])
    assert model.contributions(query, 0).other == {"popularity in taste 1": pytest.approx(0.625)}


@pytest.mark.parametrize("attributes", [{}, {"taste": "never heard of"}, {"other": "taste 1"}])
def test_others_get_the_overall_share(attributes: dict[str, str]) -> None:
    model = Popularity(segment="taste").fit(DATA)
    assert model.scores([replace(ask(), attributes=attributes)])[0].tolist() == [0.75, 0.25, 0.0]


def test_people_without_the_attribute_count_overall_only() -> None:
    tastes = DATA.user_attributes.set_column(0, "taste", [["taste 0", None, "taste 0", None]])
    model = Popularity(segment="taste", smoothing=2.0).fit(replace(DATA, user_attributes=tastes))
    assert model.segments.tolist() == ["taste 0"]
    query = replace(ask(), attributes={"taste": "taste 0"})
    assert model.scores([query])[0].tolist() == pytest.approx([(2 + 1.5) / 4, (0 + 0.5) / 4, 0.0])


def test_a_segment_of_lists_is_found_again_by_a_query() -> None:
    langs = pa.table({"langs": [["de", "en"], ["fr"], ["de", "en"], []]})
    data = replace(DATA, user_attributes=langs)
    model = Popularity(segment="langs").fit(data)
    labels = [list(model.contributions(data.query(row), 0).other) for row in (0, 3)]
    assert labels == [["popularity in ('de', 'en')"], ["popularity"]]


def test_event_weights_count_where_asked_and_worthless_events_never() -> None:
    graded = DATA.weighted([EventWeight("rating", 0.5, at_least=5.0), EventWeight("rating", 0.0)])
    # the values are 5, 2, 5, 5, so person 1's event is worth nothing
    assert Popularity().fit(graded).scores([ask()])[0].tolist() == [0.5, 0.25, 0.0]
    weighted = Popularity(weighting=Weighting(binary=False)).fit(graded)
    assert weighted.scores([ask()])[0].tolist() == [0.25, 0.125, 0.0]


@pytest.mark.parametrize("wrong", [{"half_life": 0.0}, {"smoothing": 0.0}])
def test_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="Popularity"):
        Popularity(**wrong)  # type: ignore[arg-type]


def test_an_unknown_attribute_is_named() -> None:
    with pytest.raises(InvalidInput, match="taste"):
        Popularity(segment="height").fit(DATA)
