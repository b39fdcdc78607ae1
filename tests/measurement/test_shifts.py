"""Shifts: hand-computed distances, and noise that stays below its bound as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from regard.measurement import shifts


def test_psi_by_hand() -> None:
    before = np.array(["a"] * 60 + ["b"] * 40)
    after = np.array(["a"] * 30 + ["b"] * 69 + ["c"])
    # cells a, b, rest, with half a count more: p = 60.5, 40.5, .5 of 101.5; q = 30.5, 69.5, 1.5 of 101.5
    p, q = np.array([60.5, 40.5, 0.5]) / 101.5, np.array([30.5, 69.5, 1.5]) / 101.5
    value, noise = shifts.psi(before, after, 0.05)
    assert value == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert noise == pytest.approx(0.02 * 5.991, rel=1e-3)  # (1/100 + 1/100) times chi2(2) at 5%
    assert shifts.psi(before, before, 0.05)[0] == 0.0


def test_psi_sees_numbers_that_go_missing() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(size=2_000)
    after = np.where(rng.random(2_000) < 0.2, np.nan, rng.normal(size=2_000))
    assert shifts.psi(before, after, 0.01)[0] > 0.2
    assert shifts.psi(before, rng.normal(size=2_000), 0.01)[0] < 0.02


def test_ks_by_hand() -> None:
    value, noise = shifts.ks(np.arange(10), np.arange(5, 15), 0.05)
    assert value == pytest.approx(0.5)  # five of ten lie below the other's least
    assert noise == pytest.approx(1.3581 * np.sqrt(20 / 100), rel=1e-3)  # the well known 1.36


def test_calibration_by_hand() -> None:
    predicted = np.repeat([0.2, 0.8], 500)
    happened = np.r_[np.arange(500) < 200, np.arange(500) < 400]  # .4 and .8
    assert shifts.calibration_gap(predicted, happened, 0.01)[0] == pytest.approx(0.1)  # half of the people, .2 off


def test_concentration_by_hand() -> None:
    exposures = np.array([[0.0, 0.0, 0.0, 8.0], [2.0, 2.0, 2.0, 2.0]])
    assert shifts.gini_of(exposures).tolist() == [0.75, 0.0]
    assert shifts.top_share(exposures).tolist() == [1.0, 0.25]
    assert shifts.sameness(exposures).tolist() == pytest.approx([1.0, 4 * 2 * 1 / (8 * 7)])


def test_a_rise_is_measured_on_samples_of_one_size() -> None:
    rng = np.random.default_rng(1)
    few, many = rng.integers(0, 400, (100, 10)), rng.integers(0, 400, (4_000, 10))
    value, bound = shifts.rises(few, many, [shifts.gini_of], 0.01)[0]
    assert abs(value) < bound  # without drawing as many, the Gini of the few is .2 above that of the many
    narrow = rng.integers(0, 200, (100, 10))
    value, bound = shifts.rises(few, narrow, [shifts.gini_of], 0.01)[0]
    assert value > bound


@pytest.mark.parametrize("chance", [0.05, 0.2])
def test_noise_exceeds_its_bound_as_often_as_it_says(chance: float) -> None:
    rng, looks = np.random.default_rng(7), 300
    beyond = np.zeros(4)
    for look in range(looks):
        a, b = rng.normal(size=(2, 500))
        chances = rng.random(400)
        lists = rng.zipf(1.5, (2, 60, 5)) % 90
        for place, (value, bound) in enumerate(
            (
                shifts.psi(a, b, chance),
                shifts.ks(a, b, chance),
                shifts.calibration_gap(chances, rng.random(400) < chances, chance, look),
                shifts.rises(lists[0], lists[1], [shifts.gini_of], chance, draws=199, seed=look)[0],
            )
        ):
            beyond[place] += value > bound
    # 300 looks: five percent are 15 +- 3.8, twenty 60 +- 6.9; three standard errors above
    assert (beyond <= looks * chance + 3 * np.sqrt(looks * chance * (1 - chance))).all(), beyond
    assert (beyond > 0).all()  # and the bounds are no taller than they need be
