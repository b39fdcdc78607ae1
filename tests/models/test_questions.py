"""Questions by hand: the chance of an answer, who is alike, what is asked next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.domain.errors import InvalidInput
from regard.domain.request import History, Query
from regard.domain.run import Run
from regard.domain.weights import DEFAULT_WEIGHTS
from regard.models.questions import NO, UNKNOWN, YES, FittedQuestions, Questions
from tests.contracts.subjects import dataset
from tests.models.test_segment_popularity import movielens

# `dataset` gives 5 stars where user + item is even and 2 otherwise: person 0 likes 0 and 2 and dislikes 1, person 1
# likes 1 and 3 and dislikes 0, person 2 likes 0 and 2, person 3 likes 1 and 3.
DATA = dataset([0, 0, 0, 1, 1, 1, 2, 2, 3, 3], [0, 1, 2, 0, 1, 3, 0, 2, 1, 3], 4, 5).weighted(DEFAULT_WEIGHTS)
MODEL = Questions(doubt=0.5).fit(DATA)


def after(*answers: tuple[int, bool]) -> Query:
    """A request of somebody who liked, or did not like, these items."""
    rows = np.array([row for row, _ in answers], np.int64)
    return Query(
        at=0, history=History(rows, np.array([float(y) for _, y in answers]), np.arange(len(rows), dtype=float))
    )


def test_what_people_have_answered() -> None:
    assert MODEL.asked.tolist() == [0, 1, 2, 3]  # met by 3, 3, 2 and 2 people; nobody met item 4
    yes_no = [
        [YES, NO, YES, UNKNOWN],
        [NO, YES, UNKNOWN, YES],
        [YES, UNKNOWN, YES, UNKNOWN],
        [UNKNOWN, YES, UNKNOWN, YES],
    ]
    assert MODEL.answers.tolist() == yes_no


def test_people_weigh_by_the_chance_of_the_answers() -> None:
    """To item 0 two of four said yes, one no, one never met it; with one more of each, share(yes) = 3/7.

    P(yes | who said yes) = 1/2 + 3/14 = 10/14, P(yes | others) = 3/14: weights 10, 3, 10, 3 of 26.
    """
    weights = MODEL.alike(after((0, True)))
    assert weights.tolist() == pytest.approx([10 / 26, 3 / 26, 10 / 26, 3 / 26])
    # item 2 is liked by people 0 and 2
    assert MODEL.shares(after((0, True))).tolist() == pytest.approx([20 / 26, 6 / 26, 20 / 26, 6 / 26, 0])
    assert MODEL.scores([after()])[0].tolist() == [0.5, 0.5, 0.5, 0.5, 0]
    evidence = MODEL.contributions(after((0, True)), 2)
    assert evidence.other == {"popularity": 0.5, "people who answered alike": pytest.approx(20 / 26 - 0.5)}


def test_no_and_never_met_are_answers_too() -> None:
    """To item 0: share(no) = 2/7, so P(no | person 1) = 1/2 + 1/7 = 9/14 and 2/14 for others. Never met: the same."""
    assert MODEL.alike(after((0, False))).tolist() == pytest.approx([2 / 15, 9 / 15, 2 / 15, 2 / 15])
    assert MODEL.alike(after(), unknown=[0]).tolist() == pytest.approx([2 / 15, 2 / 15, 2 / 15, 9 / 15])


def gain(model: FittedQuestions, query: Query, place: int) -> float:
    """sum_a P(a) |p(. | a) - p|^2 by plain loops."""
    weights, likes = model.alike(query), model.likes.toarray()
    total = 0.0
    for answer in (YES, NO, UNKNOWN):
        share = ((model.answers[:, place] == answer).sum() + 1) / (len(weights) + 3)
        chance = [0.5 * (theirs == answer) + 0.5 * share for theirs in model.answers[:, place]]
        joint = weights * chance
        total += joint.sum() * float(np.square(joint @ likes / joint.sum() - weights @ likes).sum())
    return total


@pytest.mark.parametrize("said", [(), ((0, True),), ((1, False), (3, True))])
def test_the_question_that_moves_most_is_asked(said: tuple[Any, ...]) -> None:
    query = after(*said)
    left = [place for place in range(4) if MODEL.asked[place] not in query.history.rows]
    best = max(left, key=lambda place: round(gain(MODEL, query, place), 12))
    assert MODEL.question(query) == MODEL.asked[best]


def test_nothing_is_asked_twice_or_where_it_must_not() -> None:
    first = MODEL.question(after())
    assert first is not None
    others = {
        MODEL.question(after((first, True))),
        MODEL.question(after(), [first]),
        MODEL.question(after(), (), [first]),
    }
    assert first not in others
    assert MODEL.question(after(), [0, 1], [2, 3]) is None


def test_the_sample_is_of_people_who_met_something_and_follows_the_seed() -> None:
    data = dataset([0, 1, 2, 4], [0, 1, 2, 3], 6, 4)
    assert len(Questions().fit(data).answers) == 4  # people 3 and 5 have met nothing
    few = [Questions(people=2).fit(data, run=Run(seed=seed)).likes.toarray().tolist() for seed in (1, 1, 2, 3, 4)]
    assert few[0] == few[1]
    assert any(other != few[0] for other in few[2:])


@pytest.mark.parametrize("wrong", [{"questions": 0}, {"people": 0}, {"aims": 0}, {"doubt": 0.0}, {"doubt": 1.0}])
def test_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="Questions"):
        Questions(**wrong)


def figures(data: Any, folds: range, ways: tuple[str, ...]) -> dict[str, list[list[float]]]:
    """nDCG@10 after 0 to 5 questions, (person, 6) by way of asking; fifths of the people are new.

    A new person answers by three quarters of their ratings (4 stars and more are a yes, what is not there was never
    met) and is judged on the last quarter; the first three quarters are left out of the ranking.
    """
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    for fold in folds:
        new = np.random.default_rng(fold).permutation(len(data.users))[: len(data.users) // 5]
        model = Questions().fit(data.where(~np.isin(data.events.user, new)))
        for user in new.tolist():
            past = data.history(user)
            order = np.random.default_rng((7, user)).permutation(len(past))
            told, kept = order[: 3 * len(order) // 4], order[3 * len(order) // 4 :]
            stars = dict(zip(past.rows[told].tolist(), (past.weights[told] > 0).tolist(), strict=True))
            right = past.rows[kept][past.weights[kept] > 0]
            for way in ways if len(right) else ():
                found[way].append(interview(model, stars, right, way, np.random.default_rng((fold, user))))
    return found


def interview(
    model: FittedQuestions, stars: dict[int, bool], right: Any, way: str, rng: np.random.Generator
) -> list[float]:
    """One new person: nDCG@10 before and after each of five questions."""
    said: list[tuple[int, bool]] = []
    unknown: list[int] = []
    discount, curve = 1 / np.log2(np.arange(2, 12)), []
    for number in range(6):
        shares = model.shares(after(*said), unknown)
        shares[list(stars)] = -np.inf
        hits = np.isin(np.argsort(-shares, kind="stable")[:10], right)
        curve.append(float((hits * discount).sum() / discount[: len(right)].sum()))
        left = [int(row) for row in model.asked if row not in unknown and row not in dict(said)]
        row = {"popular": left[0], "random": int(rng.choice(left))}.get(way)
        row = model.question(after(*said), unknown) if row is None else row
        if row in stars and number < 5:
            said.append((int(row), stars[int(row)]))
        elif row is not None:
            unknown.append(row)
    return curve


@pytest.mark.data
def test_adaptive_questions_beat_popular_ones_on_movielens(real_data: Callable[[str], Path]) -> None:
    found = figures(movielens(real_data("movielens-100k")), range(1), ("adaptive", "popular"))
    adaptive, popular = np.mean(found["adaptive"], axis=0), np.mean(found["popular"], axis=0)
    assert adaptive[5] > adaptive[0] + 0.02
    assert adaptive[5] > popular[5] + 0.01
