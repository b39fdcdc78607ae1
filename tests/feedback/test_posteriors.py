from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.arrays import Scores
from regard.domain.errors import InvalidInput
from regard.feedback.posteriors import ItemPosteriors, LinearPosterior, LinearPrior, Rewarded
from regard.recommending.bandits import Thompson
from regard.recommending.beliefs import linear_columns
from regard.recommending.budget import Budget, Within
from regard.recommending.least_shown import LeastShown
from tests.recommending.linear import person, scored, unsure


def rewarded(item: list[int], score: list[float], reward: list[float], looked: list[float] | None = None) -> Rewarded:
    seen = np.ones(len(item)) if looked is None else np.array(looked)
    return Rewarded(np.array(item, np.int64), np.array(score), np.array(reward), seen, np.ones(len(item)))


def world(n: int, seed: int = 0) -> Rewarded:
    """worth = .1 + .3 (score + error), error .5 of item 0, -.25 of item 1, 0 of the others; places looked at or not."""
    rng = np.random.default_rng(seed)
    item, score, looked = rng.integers(0, 20, n), rng.random(n), rng.choice([1.0, 0.5, 0.25], n)
    error = np.where(item == 0, 0.5, np.where(item == 1, -0.25, 0.0))
    reward = (rng.random(n) < looked * (0.1 + 0.3 * (score + error))).astype(float)
    return Rewarded(item, score, reward, looked, np.ones(n))


def test_the_line_and_the_errors_of_items_are_found() -> None:
    taught = ItemPosteriors().updated(world(200_000))
    a, b, noise = taught.slope()
    assert (a, b) == pytest.approx((0.1, 0.3), abs=0.01)
    belief = taught.belief()
    error = np.asarray(belief.error)
    assert error[:2] == pytest.approx([0.5, -0.25], abs=0.06)
    assert np.abs(error[2:]).max() < 0.06
    assert belief.noise == pytest.approx(noise / b)


def test_by_hand() -> None:
    taught = ItemPosteriors().updated(rewarded([2, 2, 0, 0], [0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]))
    # the line through (0, .5) and (1, 1): a .5, b .5, both items on it; residuals -.5, .5, 0, 0: noise sqrt(.5 / 4)
    assert taught.slope() == pytest.approx((0.5, 0.5, np.sqrt(0.125)), abs=1e-6)
    belief = taught.belief()
    assert np.asarray(belief.error) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert np.asarray(belief.shown).tolist() == [2.0, 0.0, 2.0]


@given(cut=st.integers(1, 299))
def test_two_batches_teach_what_one_does(cut: int) -> None:
    whole = world(300)
    parts = [
        Rewarded(whole.item[part], whole.score[part], whole.reward[part], whole.looked[part], whole.weight[part])
        for part in (slice(None, cut), slice(cut, None))
    ]
    at_once, in_turn = ItemPosteriors().updated(whole), ItemPosteriors().updated(parts[0]).updated(parts[1])
    np.testing.assert_allclose(in_turn.sums, at_once.sums, atol=1e-9)
    np.testing.assert_allclose(in_turn.line, at_once.line, atol=1e-9)
    assert (at_once.version, in_turn.version) == (1, 2)


def test_scores_that_tell_nothing_leave_the_noise_bounded() -> None:
    rng = np.random.default_rng(0)
    shown = rewarded(list(rng.integers(0, 5, 500)), list(rng.random(500)), list(-rng.random(500)))
    assert ItemPosteriors().updated(shown).belief().noise <= 10.0 + 1e-9
    empty = ItemPosteriors().belief()
    assert len(np.asarray(empty.shown)) == 0
    assert empty.noise == pytest.approx(10.0)


def test_a_slot_without_weight_teaches_nothing() -> None:
    whole = world(300)
    believed = replace(whole, weight=(np.arange(300) < 200).astype(float))
    some = rewarded(*(column[:200].tolist() for column in (whole.item, whole.score, whole.reward, whole.looked)))
    np.testing.assert_allclose(
        ItemPosteriors().updated(believed).sums[:, :20], ItemPosteriors().updated(some).sums[:, :20], atol=1e-9
    )


def test_fading_keeps_the_errors_and_opens_what_is_believed() -> None:
    taught = ItemPosteriors().updated(world(5_000))
    candidates = unsure(np.linspace(0, 1, 20), np.full(20, 0.5))
    before, after = (one.belief().moments(person(), candidates) for one in (taught, taught.faded(0.1)))
    assert (after[1] > before[1]).all()
    assert taught.faded(1.0).belief().moments(person(), candidates)[0].tolist() == before[0].tolist()
    assert np.asarray(taught.faded(0.1).belief().shown) == pytest.approx(0.1 * taught.sums[0])
    with pytest.raises(InvalidInput):
        taught.faded(1.5)


def test_a_head_learns_by_the_textbook() -> None:
    rng = np.random.default_rng(0)
    prior = LinearPrior(("f",), noise=0.5, width=2.0)
    x = np.column_stack([np.ones(50), rng.random(50), rng.normal(size=50)])
    reward, looked = rng.normal(size=50), rng.random(50)
    head = LinearPosterior.of(prior).updated(x[:20], reward[:20], looked[:20]).updated(x[20:], reward[20:], looked[20:])
    belief = head.belief()
    seen = x * looked[:, None]
    covariance = np.linalg.inv(seen.T @ seen / 0.25 + np.eye(3) / 4.0)
    np.testing.assert_allclose(belief.factor @ belief.factor.T, covariance, atol=1e-12)
    expected = covariance @ (seen.T @ reward / 0.25 + np.array([0.0, 1.0, 0.0]) / 4.0)
    np.testing.assert_allclose(belief.mean, expected, atol=1e-12)
    assert belief.version == 2
    np.testing.assert_allclose(head.faded(0.0).belief().mean, [0.0, 1.0, 0.0])


def test_a_head_begins_as_the_score_itself() -> None:
    candidates = scored([0.3, 0.1]).with_features(("f",), np.array([[4.0], [np.nan]]))
    mean, deviation = LinearPosterior.of(LinearPrior(("f",))).belief().moments(person(), candidates)
    assert mean == pytest.approx([0.0, 0.0])
    # over a range of .2: |(1, .3, 4)| / .2 and |(1, .1, 0)| / .2
    assert deviation == pytest.approx([np.sqrt(17.09) / 0.2, np.sqrt(1.01) / 0.2])
    assert linear_columns(candidates, ("f",)).tolist() == [[1.0, 0.3, 4.0], [1.0, 0.1, 0.0]]


@pytest.mark.parametrize("n", [0, 1])
def test_kept_as_an_artifact(n: int) -> None:
    items, head = ItemPosteriors(), LinearPosterior.of(LinearPrior(("f", "g"), trust=0.0))
    for _ in range(n):
        items, head = items.updated(world(100)), head.updated(np.ones((2, 4)), np.array([0.0, 1.0]))
    again = ItemPosteriors.from_artifact(items.artifact())
    assert (again.sums == items.sums).all()
    assert (again.line == items.line).all()
    other = LinearPosterior.from_artifact(head.artifact())
    assert other.prior == head.prior
    assert (other.belief().mean == head.belief().mean).all()
    assert (again.version, other.version) == (n, n)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"Rewarded\.reward"):
        rewarded([0, 1], [0.0, 0.0], [1.0])
    with pytest.raises(InvalidInput, match="looked"):
        rewarded([0], [0.0], [1.0], [-0.5])


def test_good_newcomers_rise_bad_ones_stop_and_all_had_their_turn() -> None:
    """100 known items, 10 new ones of which 5 are the best of all; nobody retrains: the posterior alone learns."""
    rng = np.random.default_rng(3)
    worth = np.r_[np.linspace(0.3, 0.05, 100), np.tile([0.45, 0.01], 5)]
    score = np.r_[np.linspace(1.0, 0.0, 100), np.zeros(10)]
    spread = np.r_[np.full(100, 0.02), np.full(10, 0.7)]
    taught = ItemPosteriors()
    shares: list[Scores] = []
    for _ in range(40):
        belief = taught.belief()
        policy = Within(Thompson(belief), Budget(slots=0.1, clicks=0.05), belief)
        chances = policy.probabilities(person(at=float(len(shares))), unsure(score, spread), score)
        shown = rng.choice(110, 500, p=chances / chances.sum())
        reward = (rng.random(500) < worth[shown]).astype(float)
        taught = taught.updated(Rewarded(shown, score[shown], reward, np.ones(500), np.ones(500)))
        shares.append(np.bincount(shown, minlength=110) / 500)
    seen = np.sum(shares, axis=0) * 500
    good, bad = np.arange(100, 110, 2), np.arange(101, 110, 2)
    assert seen[100:].min() >= 5  # everybody had a turn
    assert np.mean(shares[-5:], axis=0)[good].sum() > 0.8  # what is best is found although its score stays the lowest
    assert np.mean(shares[-5:], axis=0)[bad].sum() < 0.02
    assert np.mean(shares[:3], axis=0)[100:].sum() <= 0.2  # and the first rounds stay near the budget


def test_newcomers_are_proposed_least_shown_first_and_by_lot() -> None:
    source = LeastShown(lambda: np.array([50.0, 0.0, 100.0, 0.0, 99.0, 0.0]), enough=100.0)
    found = source.retrieve(person(at=1.0), 10)
    assert sorted(found.rows[:3].tolist()) == [1, 3, 5]
    assert found.rows[3:].tolist() == [0, 4]
    assert found.scores.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.5, 0.01])
    firsts = {int(source.retrieve(person(at=float(n)), 1).rows[0]) for n in range(40)}
    assert firsts == {1, 3, 5}


def test_newer_items_are_proposed_and_what_is_not_on_offer_is_in_nobodys_way() -> None:
    offered = np.array([False, True, True, False, True, True])  # the last two are newer than the column
    source = LeastShown(np.array([0.0, 1.0, 2.0, 0.0]), 100.0, lambda query: offered)
    assert set(source.retrieve(person(at=1.0), 2).rows.tolist()) == {4, 5}
    assert source.retrieve(person(at=1.0), 4).rows.tolist()[2:] == [1, 2]
    assert len(source.retrieve(person(at=1.0), 0)) == 0


def test_who_asks_for_fewer_gets_the_first_of_what_is_given_to_who_asks_for_more() -> None:
    source = LeastShown(np.random.default_rng(0).integers(0, 3, 200).astype(float), 100.0)
    deep = source.retrieve(person(at=1.0), 200).rows.tolist()
    assert all(source.retrieve(person(at=1.0), k).rows.tolist() == deep[:k] for k in (1, 40, 100, 199))


def test_places_for_newcomers_are_dealt_by_lot_alike() -> None:
    source = LeastShown(np.r_[np.zeros(20), 5.0], 100.0)
    dealt = np.bincount(
        np.concatenate([source.retrieve(person(at=float(n)), 5).rows for n in range(2_000)]), minlength=21
    )
    assert dealt[20] == 0  # shown already
    assert np.abs(dealt[:20] - 500).max() < 5 * np.sqrt(2_000 * 0.25 * 0.75)  # five deviations of a fair lot
