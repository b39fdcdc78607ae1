import numpy as np
import pytest
from scipy.stats import norm

from regard.domain.errors import InvalidInput
from regard.domain.protocols import Policy
from regard.recommending.bandits import Thompson, UpperBound
from regard.recommending.beliefs import ByItem, Linear, width
from tests.recommending.linear import person, unsure

TWO = unsure([1.0, 0.0], np.array([0.5, 0.5]))  # a range of 1: spreads are in units of gain as they are
GAINS = np.array([1.0, 0.0])


def test_an_item_wins_as_often_as_its_draw_is_the_highest() -> None:
    chances = [Thompson(floor=0.0).probabilities(person(at=float(n)), TWO, GAINS)[1] for n in range(200)]
    # the difference of two draws is N(1, .5 + ... = .5^2 + .5^2): below 0 with chance Phi(-1 / sqrt(.5)) = .0786
    assert np.mean(chances) == pytest.approx(norm.cdf(-1 / np.sqrt(0.5)), abs=0.004)  # sd of a mean of 51,200: .0012
    assert all(chance * 256 == int(chance * 256) for chance in chances)


def test_the_draws_of_one_query_stay_and_another_moment_has_others() -> None:
    def chance(at: float, seed: int = 0) -> float:
        return float(Thompson(floor=0.0, seed=seed).probabilities(person(at=at), TWO, GAINS)[1])

    moments = [float(n) for n in range(20)]
    first, other = [chance(at) for at in moments], [chance(at, seed=1) for at in moments]
    assert first == [chance(at) for at in moments]
    assert len(set(first)) > 5
    assert first != other


def test_the_floor_gives_everything_that_is_allowed_its_share() -> None:
    gains = np.array([9.0, 0.0, -np.inf, 1.0])
    chances = Thompson(floor=0.3).probabilities(person(), unsure(np.zeros(4), np.zeros(4)), gains)
    assert chances == pytest.approx([0.7 + 0.1, 0.1, 0.0, 0.1])


def test_impressions_narrow_and_move_what_is_believed() -> None:
    belief = ByItem(shown=np.array([0.0, 9.0]), error=np.array([5.0, -2.0]), noise=1.5)
    mean, deviation = belief.moments(person(), TWO)
    # prior .5^2 = .25; precision of 9 impressions: 9 / 2.25 = 4, of the prior 4: half of the error, deviation sqrt(1/8)
    assert mean == pytest.approx([0.0, -1.0])
    assert deviation == pytest.approx([0.5, np.sqrt(1 / 8)])


def test_an_item_newer_than_the_columns_was_never_shown() -> None:
    mean, deviation = ByItem(shown=np.array([100.0]), error=np.array([1.0])).moments(person(), TWO)
    assert (mean[1], deviation[1]) == (0.0, 0.5)
    assert deviation[0] < 0.5


def test_no_error_is_larger_than_the_range_of_the_scores_and_stretch_widens() -> None:
    assert ByItem(stretch=1.5).moments(person(), TWO)[1] == pytest.approx([0.75, 0.75])
    assert ByItem(stretch=100.0).moments(person(), TWO)[1] == pytest.approx([1.0, 1.0])


def test_a_linear_head_is_read_in_units_of_gain() -> None:
    candidates = unsure([0.2, 0.1, 0.0], np.zeros(3)).with_features(("f",), np.array([[1.0], [np.nan], [2.0]]))
    head = Linear(("f",), np.array([0.05, 1.0, 0.1]), np.diag([0.0, 0.0, 0.04]))
    mean, deviation = head.moments(person(), candidates)
    assert width(candidates) == 0.2
    # x'theta - score: .05 + .1 f = .15, .05, .25; deviation .04 f; both over .2
    assert mean == pytest.approx([0.75, 0.25, 1.25])
    assert deviation == pytest.approx([0.2, 0.0, 0.4])
    drawn = head.drawn(person(), candidates, lambda n: np.random.default_rng(n).normal(size=(20_000, n)))  # type: ignore[arg-type,return-value]
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0), deviation, atol=0.01)


def test_one_head_is_wrong_for_all_alike() -> None:
    candidates = unsure(np.zeros(3), np.zeros(3)).with_features(("f",), np.array([[1.0], [1.0], [0.9]]))
    chances = Thompson(Linear(("f",), np.zeros(3), np.eye(3)), floor=0.0).probabilities(
        person(), candidates, np.zeros(3)
    )
    # the second copy of a candidate never beats the first, whichever theta; the third wins where theta_f < 0: half
    assert chances[1] == 0
    assert chances[2] == pytest.approx(0.5, abs=0.12)


def test_an_upper_bound_prefers_what_is_open() -> None:
    candidates = unsure([1.0, 0.0], np.array([0.1, 0.7]))
    chances = UpperBound(width=2.0, epsilon=0.2).probabilities(person(), candidates, GAINS)
    assert chances == pytest.approx([0.1, 0.9])  # 1 + .2 < 0 + 1.4
    assert UpperBound(width=1.0, epsilon=0.2).probabilities(person(), candidates, GAINS) == pytest.approx([0.9, 0.1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thompson(draws=0),
        lambda: Thompson(floor=1.5),
        lambda: UpperBound(width=-1.0),
        lambda: UpperBound(epsilon=0.0),
        lambda: ByItem(noise=0.0),
        lambda: ByItem(stretch=np.inf),
        lambda: Linear(("f",), np.zeros(2), np.eye(3)),
    ],
)
def test_hyper_parameters_have_bounds(make: Policy) -> None:
    with pytest.raises(InvalidInput):
        make()  # type: ignore[operator]
