"""Examination: swaps and EM find how far down people look, and what they want when they look."""

from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import Mask, Rows
from regard.domain.errors import InvalidInput
from regard.feedback.examination import Examination, by_em, by_swaps
from tests.feedback.logs import town

K = 6
TRUE = np.asarray(1.0 / (1.0 + np.arange(K)), np.float64)  # the town's position bias with eta 1
Log = tuple[Rows, Rows, Rows, Mask]


def _log(seed: int, lists: int, swaps: bool) -> Log:
    """Lists of a town by its true taste, best first (with `swaps`: two neighbours swapped by a coin); n slots:
    position, partner, utility in tenths, clicked."""
    place, rng = town(seed, threshold=3.0, eta=1.0, noise=0.8), np.random.default_rng(seed + 100)
    users = rng.integers(0, 400, lists)
    utility = place.utility(users, None, 0.0)
    slates = np.argsort(-utility - rng.normal(0, 0.0 if swaps else 1.0, utility.shape), axis=1)[:, :K]
    partner = np.full((lists, K), -1)
    if swaps:
        upper = rng.integers(0, K - 1, lists)
        row, thrown = np.arange(lists), rng.random(lists) < 0.5
        partner[row, upper], partner[row, upper + 1] = upper + 1, upper
        first, second = slates[row, upper].copy(), slates[row, upper + 1].copy()
        slates[row, upper] = np.where(thrown, second, first)
        slates[row, upper + 1] = np.where(thrown, first, second)
    clicked = place.answer(users, slates, 0.0).clicked
    position = np.broadcast_to(np.arange(K), slates.shape)
    group = np.rint(10 * np.take_along_axis(utility, slates, axis=1)).astype(int)
    return position.ravel(), partner.ravel(), group.ravel(), clicked.ravel()


def test_swaps_by_hand() -> None:
    # 100 slots each: the first is acted on 40 times, the second of the pair 10 times: theta_1 = (10.5/101)/(40.5/101)
    position, partner = np.repeat([0, 1], 100), np.repeat([1, 0], 100)
    acted = np.r_[np.arange(100) < 40, np.arange(100) < 10]
    assert by_swaps(position, partner, acted).theta == pytest.approx([1.0, 10.5 / 40.5])
    with pytest.raises(InvalidInput, match="swaps of the first"):
        by_swaps(position, np.full(200, -1), acted)


def test_swaps_find_the_positions_that_rates_alone_get_wrong() -> None:
    position, partner, _, clicked = _log(1, 60_000, swaps=True)
    found = by_swaps(position, partner, clicked).theta
    assert found == pytest.approx(TRUE, rel=0.12)
    rates = np.bincount(position, clicked) / np.bincount(position)
    assert np.abs(rates / rates[0] - TRUE).max() > 2 * np.abs(found - TRUE).max()  # the best stand first


def test_em_finds_the_positions_where_like_slots_stand_at_several() -> None:
    position, _, group, clicked = _log(2, 60_000, swaps=False)
    assert by_em(position, group, clicked).theta == pytest.approx(TRUE, rel=0.1)
    everything = by_em(position, np.zeros_like(group), clicked).theta  # one group: position and relevance are one
    assert np.abs(everything / TRUE - 1).max() > 0.2


def test_the_correction_orders_items_by_what_people_want() -> None:
    rng = np.random.default_rng(5)
    want = np.array([0.5, 0.4, 0.3])  # the least wanted item stands first, where everybody looks
    position = np.array([2, 1, 0])
    rate = want * TRUE[position]
    clicks = rng.binomial(20_000, rate) / 20_000
    assert np.argmax(clicks) == 2
    assert np.argmax(clicks / Examination(TRUE).at(position)) == 0


def test_below_the_last_known_position() -> None:
    assert Examination(np.array([1.0, 0.5])).at(np.array([0, 1, 7])).tolist() == [1.0, 0.5, 0.5]
    position, partner = np.array([0, 1, 3, 4]), np.array([1, 0, 4, 3])  # 3 and 4 are tied to each other only
    assert by_swaps(position, partner, np.ones(4, bool)).theta.tolist() == [1.0] * 5
    with pytest.raises(InvalidInput, match="theta"):
        Examination(np.array([1.0, 0.0]))
    with pytest.raises(InvalidInput, match="at least one slot"):
        by_em(np.empty(0, int), np.empty(0, int), np.empty(0, bool))
