"""Versus: the same as an evaluation, paired; a model against itself changes nothing."""

from __future__ import annotations

import pytest

from regard.measurement.evaluate import evaluate
from regard.measurement.splits import random_per_person
from regard.measurement.versus import CARE, Versus, versus
from regard.models.ease import EASE
from regard.models.popular import Popularity
from tests.contracts.subjects import communities


def test_two_models_paired() -> None:
    split = random_per_person(communities(), seed=1)
    popular, ease = Popularity().fit(split.train), EASE(l2=5.0).fit(split.train)
    found = versus(popular, ease, split, 5)
    report = evaluate({"popular": popular, "ease": ease}, split, 5)
    everybody = found.changes[0]
    assert (everybody.slice, found.metric, found.sha256) == ("all", "N@5", split.sha256)
    assert everybody.before == pytest.approx(report.value("popular", "N@5"))
    assert everybody.after == pytest.approx(report.value("ease", "N@5"))
    assert everybody.low < everybody.difference < everybody.high
    assert everybody.low > 0  # communities: what others of one's own kind chose is better than what all did
    assert found.care["coverage"] == pytest.approx(
        (report.value("popular", "coverage"), report.value("ease", "coverage"))
    )
    assert set(found.care) <= set(CARE)
    assert Versus.from_plain(found.plain()) == found


def test_a_model_against_itself() -> None:
    split = random_per_person(communities(), seed=1)
    ease = EASE(l2=5.0).fit(split.train)
    found = versus(ease, ease, split, 5)
    assert all((c.low, c.difference, c.high) == (0.0, 0.0, 0.0) for c in found.changes)
    assert all(before == after for before, after in found.care.values())
