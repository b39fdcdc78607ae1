"""Crosses against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from regard.models.crosses import FOLDS, LENT, Crosses
from regard.models.examples import Examples


def examples(people: list[list[float]], items: list[list[float]], context: list[list[float]]) -> Examples:
    """One example for each row, each of another person."""
    n = len(people)
    said, kinds, moments = (sparse.csr_array(np.array(block, np.float32)) for block in (people, items, context))
    columns, past = np.empty((n, 0), np.float32), np.empty((n, 0), np.int64)
    nobody = np.zeros(n, np.int64)
    return Examples(np.arange(n), nobody, np.zeros(n), said, kinds, moments, columns, (), past, past)


def test_a_lift_by_hand() -> None:
    """20 meetings each of device and kind; 15 went well where they agree, else 5: each word alone goes well in half."""
    device = np.repeat([[1.0, 0], [1, 0], [0, 1], [0, 1]], 20, axis=0)
    kind = np.tile(np.repeat([[1.0, 0], [0, 1]], 20, axis=0), (2, 1))
    well = np.concatenate([np.arange(20) < 15, np.arange(20) < 5, np.arange(20) < 5, np.arange(20) < 15]).astype(float)
    asked = examples(np.zeros((80, 1)).tolist(), kind.tolist(), device.tolist())
    found, columns = Crosses.learn(asked, well, at_least=1)
    lift = (15 - 20 * 0.5) / (20 + LENT)
    np.testing.assert_allclose(found.lifts["context"], [[lift, -lift], [-lift, lift]], rtol=1e-6)
    np.testing.assert_allclose(found.columns(asked)[:, 1], np.repeat([lift, -lift, -lift, lift], 20), rtol=1e-6)
    assert not found.columns(asked)[:, 0].any()  # nobody says anything of themselves
    assert (np.sign(columns[:, 1]) == np.sign(found.columns(asked)[:, 1])).all()


def test_an_example_is_told_nothing_of_its_own_fold() -> None:
    rng = np.random.default_rng(0)
    asked = examples(*(rng.integers(0, 2, (60, width)).tolist() for width in (2, 3, 2)))
    labels = rng.integers(0, 2, 60).astype(float)
    own = np.arange(60) % FOLDS == 0  # a person each: every fifth one is in the first fold
    changed = np.where(own, 1 - labels, labels)
    one, two = (Crosses.learn(asked, said, at_least=1)[1] for said in (labels, changed))
    np.testing.assert_allclose(one[own], two[own], atol=1e-7)
    assert not np.allclose(one[~own], two[~own])


def test_numbers_below_zero_are_no_words() -> None:
    asked = examples([[1.0, -0.5], [1.0, 0.5]], [[1.0], [1.0]], [[1.0], [1.0]])
    assert Crosses.learn(asked, np.array([0.0, 1.0]), at_least=1)[0].words["people"].tolist() == [0]
    assert Crosses.learn(asked, np.array([0.0, 1.0]), at_least=3)[0].words["people"].tolist() == []


def test_shares_sum_to_the_column_and_arrays_bring_it_back() -> None:
    rng = np.random.default_rng(1)
    asked = examples(*(rng.integers(0, 2, (40, width)).tolist() for width in (4, 3, 5)))
    found, _ = Crosses.learn(asked, rng.random(40), at_least=1)
    again = Crosses.from_arrays("x", found.arrays("x"))
    assert again.columns(asked).tobytes() == found.columns(asked).tobytes()
    for place, side in enumerate(("people", "context")):
        words, shares = found.shares(asked, side)  # type: ignore[arg-type]
        assert len(words) == shares.shape[1]
        assert shares.sum(axis=1) == pytest.approx(found.columns(asked)[:, place], abs=1e-6)
