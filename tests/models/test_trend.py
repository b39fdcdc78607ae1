"""Trend against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regard.data.artifacts import Artifact
from regard.domain.errors import InvalidInput, NotFound
from regard.domain.weights import Weighting
from regard.models.ease import EASE, FittedEASE
from regard.models.neighbours import ItemKNN
from regard.models.trend import FLOOR, FittedTrend, Trend
from tests.contracts.subjects import ask, dataset

DATA = dataset([0, 0, 1, 1], [0, 1, 0, 2], 2, 4)  # one event a day, on days 0 to 3; the moment is day 4
SOURCE = EASE(l2=1.0)


def test_the_ratio_and_what_is_popular_by_hand() -> None:
    model = Trend(SOURCE, half_life=2.0, strength=0.5, popular=3.0).fit(DATA)
    assert DATA.at == 4 * 86_400
    lately = np.array([2.0**-2 + 2.0**-1, 2.0**-1.5, 2.0**-0.5, 0.0])  # ages 4 and 2, 3, 1, none
    ratio = ((lately + FLOOR) / (np.array([2, 1, 1, 0]) + FLOOR)) ** 0.5
    np.testing.assert_allclose(model.ratio, ratio / ratio.max())
    np.testing.assert_allclose(model.lately, 3 * lately / lately.max())
    query = ask(0)
    expected = SOURCE.fit(DATA).scores([query])[0] * model.ratio + model.lately
    np.testing.assert_allclose(model.scores([query])[0], expected, rtol=1e-6)


def test_without_strength_and_additions_it_is_the_source() -> None:
    query = ask(0, 2)
    np.testing.assert_array_equal(
        Trend(SOURCE, strength=0.0).fit(DATA).scores([query]), SOURCE.fit(DATA).scores([query])
    )


def test_repeats_fade_from_the_newest_event_and_are_explained() -> None:
    model = Trend(SOURCE, strength=0.0, repeats=2.0, repeats_half_life=1.0).fit(DATA)
    query = ask(1, 0, 1)  # item 1 two days and no day before the newest: .25 + 1; item 0: .5
    added = model.scores([query])[0] - SOURCE.fit(DATA).scores([query])[0]
    np.testing.assert_allclose(added, [np.log(1 + 2 * 0.5), np.log(1 + 2 * 1.25), 0, 0], rtol=1e-5)
    why = model.contributions(query, 1)
    assert why.rows.tolist() == [0, 1]
    assert why.amounts[1] == pytest.approx(np.log(3.5))
    assert why.total == pytest.approx(float(model.scores([query])[0][1]), abs=1e-6)


def test_popularity_is_a_named_amount() -> None:
    model = Trend(SOURCE, popular=0.5).fit(DATA)
    why = model.contributions(ask(0), 1)
    assert why.other == {"popular lately": pytest.approx(model.lately[1])}
    assert why.amounts.sum() == pytest.approx(SOURCE.fit(DATA).weights[0, 1] * model.ratio[1])


def test_events_that_do_not_count_are_no_trend() -> None:
    events = replace(DATA.events, weight=np.array([1, 1, 0, 1], np.float32))
    model = Trend(ItemKNN(k=2), half_life=2.0).fit(replace(DATA, events=events))
    assert model.ratio[0] == pytest.approx((2.0**-2 + FLOOR) / (1 + FLOOR))


def test_its_artifact_holds_the_source() -> None:
    model = Trend(replace(SOURCE, weighting=Weighting(recency=0.5)), repeats=1.0).fit(DATA)
    again = FittedTrend.from_artifact(model.artifact(), {"ease": FittedEASE.from_artifact})
    assert again.recipe == model.recipe
    np.testing.assert_array_equal(again.scores([ask(0, 1)]), model.scores([ask(0, 1)]))
    with pytest.raises(NotFound, match="ease"):
        FittedTrend.from_artifact(model.artifact(), {})
    assert isinstance(model.artifact(), Artifact)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("half_life", 0.0), ("strength", -0.1), ("popular", -1.0), ("repeats", -1.0), ("repeats_half_life", 0.0)],
)
def test_bounds(field: str, wrong: float) -> None:
    for value in (wrong, float("nan")):
        with pytest.raises(InvalidInput, match=rf"Trend\.{field}"):
            Trend(SOURCE, **{field: value})
