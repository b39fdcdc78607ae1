from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from regard.measurement.metrics.predictions import expected_calibration_error
from regard.models.calibration_curve import ENOUGH, OWN, Curve


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raw chances that are twice too sure of themselves, the true chances, and what came of it."""
    rng = np.random.default_rng(seed)
    true = expit(rng.normal(-1.0, 1.0, n))
    return expit(2 * logit(true)), true, (rng.random(n) < true).astype(np.float32)


@pytest.mark.parametrize("n", [3_000, 40_000])
def test_a_curve_mends_chances_of_others(n: int) -> None:
    raw, _, labels = drawn(n, 0)
    assert (min(labels.sum(), n - labels.sum()) >= ENOUGH) == (n == 40_000)
    curve = Curve.learn(raw, labels)
    fresh, _, came = drawn(40_000, 1)
    assert expected_calibration_error(came, fresh) > 0.05
    assert expected_calibration_error(came, curve(fresh)) < 0.02


@pytest.mark.parametrize("n", [3_000, 40_000])
def test_no_order_is_lost(n: int) -> None:
    raw, _, labels = drawn(n, 0)
    asked = np.linspace(0, 1, 997)
    assert (np.diff(Curve.learn(raw, labels)(asked)) > 0).all()


def test_few_steps_by_hand() -> None:
    """Pooled neighbours: labels 1, 0 at raw .2, .4 become 1/2 at their middle .3; then 1 at .8."""
    raw = np.repeat([0.2, 0.4, 0.8], ENOUGH)
    labels = np.repeat([1.0, 0.0, 1.0], ENOUGH)
    curve = Curve.learn(raw, labels)
    assert curve.raw.tolist() == pytest.approx([0.3, 0.8])
    assert curve.chance.tolist() == pytest.approx([0.5, 1.0])
    assert curve(np.array([0.55]))[0] == pytest.approx((1 - OWN) * 0.75 + OWN * 0.55)


def test_platt_finds_the_line() -> None:
    rng = np.random.default_rng(2)
    raw = expit(rng.normal(0, 1.5, 200_000))
    true = expit(0.5 * logit(raw) - 2.5)
    labels = rng.random(len(raw)) < true
    chosen = np.flatnonzero(labels)[: ENOUGH - 1]
    kept = np.zeros(len(raw), bool)
    kept[: chosen[-1] + 1] = True  # the first 999 positives and what lies between
    found = Curve.learn(raw[kept], labels[kept])
    np.testing.assert_allclose(found(np.array([0.1, 0.5, 0.9])), expit(0.5 * logit([0.1, 0.5, 0.9]) - 2.5), rtol=0.15)


@pytest.mark.parametrize(("labels", "expected"), [([0, 0], 1 / 4), ([1, 1], 3 / 4)])
def test_one_label_only_gives_its_smoothed_share(labels: list[int], expected: float) -> None:
    curve = Curve.learn(np.array([0.3, 0.6]), np.array(labels, np.float32))
    assert curve(np.array([0.3]))[0] == pytest.approx(expected, abs=0.001)
