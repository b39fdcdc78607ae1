"""The benchmark of fusion: slices of unseen events, every source and the blend beside each other."""

from __future__ import annotations

import numpy as np

from benchmarks.fusion import gains, rows
from regard.measurement.evaluate import evaluate
from regard.measurement.splits import random_per_person
from regard.models.blend import Blend
from regard.models.ease import EASE
from regard.models.popular import Popularity
from tests.models.planted import town


def test_its_figures_are_those_of_an_evaluation_and_its_table_has_a_row_for_each_slice() -> None:
    split = random_per_person(town(0, people=60))
    model = Blend((("ease", EASE(l2=5.0)), ("popular", Popularity())), cut="random").fit(split.train)
    told = gains(model, split)
    report = evaluate({**model.sources, "blend": model}, split, 10, metrics=["N"])
    means = [report.value(name, "N@10") for name in ("ease", "popular", "blend")]
    assert np.allclose(told["warm"].mean(axis=1), means, atol=1e-6)
    lines = list(rows(model, split))
    assert [line.split("|")[1].strip() for line in lines[2 : 2 + len(told)]] == list(told)
    assert any(line.startswith("- popular: cold 0.99") for line in lines)
