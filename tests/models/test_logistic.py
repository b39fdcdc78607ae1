"""Logistic: the weights of scikit-learn's formula, the better penalty, words, unknown labels, round trips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from regard.data.artifacts import load, save
from regard.domain.errors import InvalidInput
from regard.measurement.metrics.predictions import auc, log_loss
from regard.models.examples import Examples
from regard.models.logistic import LearnedLogistic, Logistic
from regard.models.words import WORDS


def examples(n: int = 400, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    return Examples(
        person=rng.integers(0, 5, n),
        item=rng.integers(0, 6, n),
        at=np.arange(n, dtype=np.float64),
        people=sparse.csr_array(rng.normal(size=(n, 2)).astype(np.float32)),
        items=sparse.csr_array((n, 0), dtype=np.float32),
        context=sparse.csr_array((n, 0), dtype=np.float32),
        columns=rng.normal(size=(n, 1)).astype(np.float32),
        names=("number",),
        history=np.empty((n, 0), np.int64),
        actions=np.empty((n, 0), np.int64),
    )


def labels_of(e: Examples) -> Any:
    people = e.people.toarray()
    chance = 1 / (1 + np.exp(-(2 * people[:, 0] - people[:, 1] + e.columns[:, 0] + (e.item == 2))))
    return (np.random.default_rng(9).random(len(e)) < chance).astype(np.float32)


def test_the_gradient_vanishes_where_it_ends() -> None:
    """At the minimum sum (s - y) x = -l2 w for every weight and sum (s - y) = 0 for the constant."""
    e = examples()
    y = labels_of(e)
    model = Logistic(l2=(2.0,)).fit(e, y[:, None], {})
    off = model.chances(e)[:, 0] - y
    assert abs(off.sum()) < 0.05
    x = model.inputs.read(e).rows.toarray()
    np.testing.assert_allclose(off @ x, -2.0 * model.weights[0, : x.shape[1]], atol=0.05)


def test_it_finds_a_linear_rule_and_the_words_of_items() -> None:
    e, later = examples(1_500), examples(500, 1)
    model = Logistic().fit(e, labels_of(e)[:, None], {})
    assert auc(labels_of(later), model.chances(later)[:, 0]) > 0.85
    words = np.array([[2, 3], [2, 4], [5, 4], [5, 3], [2, 0], [5, 0]])
    liked = (words[e.item, 0] == 2).astype(np.float32)[:, None]
    model = Logistic(ids=False).fit(e, liked, {WORDS: words.astype(np.float32)})
    assert ((model.chances(later)[:, 0] > 0.5) == (words[later.item, 0] == 2)).all()


def test_a_penalty_that_the_newest_like_better_is_taken() -> None:
    e = examples(120)
    coin = np.random.default_rng(4).integers(0, 2, 120).astype(np.float32)[:, None]  # nothing to learn
    chosen, weak = Logistic(l2=(0.01, 1_000.0)).fit(e, coin, {}), Logistic(l2=(0.01,)).fit(e, coin, {})
    assert np.abs(chosen.weights[0, :-1]).max() < 0.1 < np.abs(weak.weights[0, :-1]).max()
    assert log_loss(coin[:, 0], chosen.chances(e)[:, 0]) < 0.70


def test_what_could_not_be_observed_does_not_teach_and_values_are_refused() -> None:
    e = examples()
    y = np.stack([labels_of(e), labels_of(e)], axis=1)
    y[::2, 1] = np.nan
    model = Logistic(l2=(1.0,)).fit(e, y, {})
    half = Logistic(l2=(1.0,)).fit(e.take(np.arange(1, 400, 2)), y[1::2, 1:], {})
    assert model.chances(e).shape == (400, 2)
    np.testing.assert_allclose(model.chances(e)[:, 1], half.chances(e)[:, 0], atol=0.03)  # numbers scaled otherwise
    with pytest.raises(InvalidInput, match="Take Deep"):
        Logistic().fit(e, y + 2, {})


def test_an_artifact_loads_to_the_same_and_strangers_get_chances(tmp_path: Path) -> None:
    e = examples()
    words = np.full((6, 3), 2, np.float32)
    model = Logistic().fit(e, labels_of(e)[:, None], {WORDS: words})
    save(model.artifact(), tmp_path / "model")
    again = LearnedLogistic.from_artifact(load(tmp_path / "model"))
    strange = replace(e, person=e.person - 100, item=e.item + 100)
    for asked in (e, strange, e.take(np.empty(0, np.int64))):
        assert again.chances(asked).tobytes() == model.chances(asked).tobytes()
        assert np.isfinite(again.chances(asked)).all()
    assert again.recipe == Logistic()


def test_bounds() -> None:
    for fields in ({"l2": ()}, {"l2": (0.0,)}, {"share": 1.0}):
        with pytest.raises(InvalidInput, match="Logistic"):
            Logistic(**fields)
