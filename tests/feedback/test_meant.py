import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.feedback.meant import Meant
from regard.measurement.shifts import calibration_gap


def test_planted_chances_are_found() -> None:
    rng = np.random.default_rng(0)
    score, place = rng.random(100_000), rng.integers(0, 5, 100_000)
    true = 1 / (1 + np.exp(2.0 - 1.5 * score + 0.4 * place))
    meant = Meant.learned(score, place, rng.random(100_000) < true)
    assert np.abs(meant.chances(score, place) - true).max() < 0.02
    assert meant.chances(np.array([0.5]), np.array([9])) == meant.chances(np.array([0.5]), np.array([4]))


def test_the_gap_is_small_where_nothing_has_changed_and_large_where_it_has() -> None:
    rng = np.random.default_rng(1)
    score, place = rng.random(4_000), rng.integers(0, 3, 4_000)
    true = 0.1 + 0.4 * score**3  # no logistic curve
    first, same, other = (rng.random(4_000) < chance for chance in (true, true, true[::-1]))
    chances = Meant.learned(score, place, first).chances(score, place)
    gap, noise = calibration_gap(chances, same, 0.001)
    assert gap < max(noise, 0.03)
    gap, noise = calibration_gap(chances, other, 0.001)
    assert gap > max(noise, 0.03)


@pytest.mark.parametrize("liked", [False, True])
def test_all_alike_is_no_trouble(liked: bool) -> None:
    meant = Meant.learned(np.full(50, 0.5), np.zeros(50, np.int64), np.full(50, liked))
    assert meant.chances(np.array([0.5]), np.array([0]))[0] == pytest.approx(float(liked), abs=0.02)
    with pytest.raises(InvalidInput, match=r"Meant\.learned"):
        Meant.learned(np.empty(0), np.empty(0, np.int64), np.empty(0, np.bool_))
