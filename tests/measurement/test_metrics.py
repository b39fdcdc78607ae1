import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.measurement.metrics import lists as of_lists
from regard.measurement.metrics import predictions, ranking

# Two people, lists of 4. The first has 2 relevant items at places 1 and 3; the second 6, one of them at place 4.
HITS = np.array([[1, 0, 1, 0], [0, 0, 0, 1]], np.bool_)
RELEVANT = np.array([2, 6])
L3, L4, L5 = np.log2(3), np.log2(4), np.log2(5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("P", [2 / 4, 1 / 4]),
        ("R", [2 / 2, 1 / 6]),
        ("F1", [2 * 0.5 * 1 / 1.5, 2 * 0.25 * (1 / 6) / (0.25 + 1 / 6)]),
        ("HR", [1, 1]),
        # ideal of the first: 2 hits, 1 + 1/log2 3; of the second: min(4, 6) hits
        ("N", [(1 + 1 / L4) / (1 + 1 / L3), (1 / L5) / (1 + 1 / L3 + 1 / L4 + 1 / L5)]),
        ("MAP", [(1 / 1 + 2 / 3) / 2, (1 / 4) / 4]),
        ("MRR", [1, 1 / 4]),
    ],
)
def test_ranking_metric_by_hand(name: str, expected: list[float]) -> None:
    np.testing.assert_allclose(ranking.RANKING[name](HITS, RELEVANT), expected, rtol=1e-12)


def test_ranking_metrics_of_a_miss_are_zero() -> None:
    nothing = np.zeros((1, 4), np.bool_)
    assert [metric(nothing, np.array([3]))[0] for metric in ranking.RANKING.values()] == [0] * len(ranking.RANKING)


def test_a_perfect_list_is_one_in_every_metric_that_can_be() -> None:
    perfect = np.ones((1, 4), np.bool_)
    assert [metric(perfect, np.array([4]))[0] for metric in ranking.RANKING.values()] == [1] * len(ranking.RANKING)


LISTS = np.array([[0, 1, 2], [1, 3, -1], [-1, -1, -1]])


def test_coverage_counts_distinct_listed_items() -> None:
    assert of_lists.coverage(LISTS, 8) == 4 / 8  # items 0, 1, 2, 3 of 8


def test_exposures() -> None:
    assert of_lists.exposures(LISTS, 5).tolist() == [1, 2, 1, 1, 0]


def test_gini_by_hand() -> None:
    # sorted 1, 1, 2, 4 of n = 4, sum 8: ((2-5)*1 + (4-5)*1 + (6-5)*2 + (8-5)*4) / (4*8) = (-3-1+2+12)/32
    assert of_lists.gini(np.array([4, 1, 2, 1])) == pytest.approx(10 / 32)
    assert of_lists.gini(np.full(7, 3.0)) == pytest.approx(0)
    assert of_lists.gini(np.array([0, 0, 0, 9.0])) == pytest.approx(3 / 4)  # (n - 1) / n
    assert np.isnan(of_lists.gini(np.zeros(3)))


def test_intra_list_diversity_by_hand() -> None:
    vectors = np.array([[2, 0], [0, 1], [1, 1], [0, 0]], np.float32)
    # cosines: (0,1) 0, (0,2) 1/sqrt 2, (1,2) 1/sqrt 2; the second list pairs item 1 with a zero vector: cosine 0
    expected = [1 - float(2 / np.sqrt(2)) / 3, 1.0, float("nan")]
    np.testing.assert_allclose(of_lists.intra_list_diversity(LISTS, vectors), expected, rtol=1e-6)


def test_novelty_by_hand() -> None:
    shares = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 16])  # 1, 2, 3, 4 bits
    np.testing.assert_allclose(of_lists.novelty(LISTS, shares), [(1 + 2 + 3) / 3, (2 + 4) / 2, np.nan])


def test_serendipity_counts_hits_that_popularity_would_not_show() -> None:
    expected = np.array([[1, 0, 0, 0], [1, 1, 0, 0]], np.bool_)
    np.testing.assert_allclose(of_lists.serendipity(HITS, expected), [1 / 4, 1 / 4])


def test_calibration_by_hand() -> None:
    taste = np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    shown = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    # q~ = .99 q + .01 p = (.995, .005): .5 ln(.5/.995) + .5 ln(.5/.005); the second is equal: 0; the third undefined
    expected = [0.5 * np.log(0.5 / 0.995) + 0.5 * np.log(0.5 / 0.005), 0, np.nan]
    np.testing.assert_allclose(of_lists.calibration(taste, shown), expected, atol=1e-12)


def test_genre_mix_is_the_mean_of_the_items_genres_and_leaves_out_items_without() -> None:
    genres = np.array([[1, 0], [0.5, 0.5], [0, 0], [0, 1]])
    mix = of_lists.genre_mix(of_lists.incidence(LISTS, 4), genres)
    np.testing.assert_allclose(mix, np.array([[1.5 / 2, 0.5 / 2], [0.5 / 2, 1.5 / 2], [0, 0]]))


def test_popularity_lift_by_hand() -> None:
    counts = np.array([8, 4, 3, 2.0])
    # lists: mean 5, mean 3; own items: mean 4, mean 6
    np.testing.assert_allclose(
        of_lists.popularity_lift(LISTS, counts, np.array([4, 6, 1.0])), [5 / 4 - 1, 3 / 6 - 1, np.nan]
    )


def test_rating_errors_by_hand() -> None:
    truth, predicted = np.array([4, 2, 5.0]), np.array([3, 2, 3.0])  # errors 1, 0, 2
    assert predictions.mae(truth, predicted) == pytest.approx(1.0)
    assert predictions.mse(truth, predicted) == pytest.approx(5 / 3)
    assert predictions.rmse(truth, predicted) == pytest.approx(np.sqrt(5 / 3))


def test_label_metrics_by_hand() -> None:
    labels, chances = np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.1])
    # pairs (positive over negative): .9>.5, .9>.1, .5=.5 (half), .5>.1 -> 3.5 of 4
    assert predictions.auc(labels, chances) == pytest.approx(3.5 / 4)
    assert predictions.accuracy(labels, chances) == pytest.approx(3 / 4)  # .5 counts as 1
    expected = -(np.log(0.9) + np.log(0.5) + np.log(0.5) + np.log(0.9)) / 4
    assert predictions.log_loss(labels, chances) == pytest.approx(expected)


def test_label_metrics_refuse_what_has_no_answer() -> None:
    with pytest.raises(InvalidInput, match="both labels"):
        predictions.auc(np.ones(3), np.arange(3))
    with pytest.raises(InvalidInput, match="0 or 1"):
        predictions.accuracy(np.array([0, 2]), np.array([0.1, 0.2]))
    with pytest.raises(InvalidInput, match="chances"):
        predictions.log_loss(np.array([0, 1]), np.array([0.1, 1.2]))


def test_a_certain_wrong_chance_costs_much_but_not_everything() -> None:
    assert 30 < predictions.log_loss(np.array([1]), np.array([0.0])) < 40


def test_calibration_error_by_hand() -> None:
    """Two bins: .1 and .3 said, 1 of 2 came; .9 said, 0 of 1: ECE = 2/3 |.2 - .5| + 1/3 |.9 - 0| = .5."""
    labels, chances = np.array([0, 1, 0]), np.array([0.1, 0.3, 0.9])
    assert predictions.expected_calibration_error(labels, chances, bins=2) == pytest.approx(0.5)
    said, came, count = predictions.reliability(labels, chances, bins=2)
    assert (said.tolist(), came.tolist(), count.tolist()) == ([pytest.approx(0.2), 0.9], [0.5, 0.0], [2, 1])
    assert predictions.expected_calibration_error(np.array([1, 0]), np.array([1.0, 0.0])) == 0
    with pytest.raises(InvalidInput, match="chances"):
        predictions.reliability(labels, chances + 1)
