"""SlateQ in worlds whose long-run values are worked out by hand: where greed is short-sighted, and where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import InvalidInput
from regard.domain.request import History, Query
from regard.domain.weights import DAY
from regard.models.lately import Lately, leading
from regard.models.logged_lists import LoggedLists
from regard.models.long_term import SlateQ

CANDY, BREAD = 0, 1
APPEAL, TIRES, DISCOUNT = np.array([0.6, 0.5]), 0.05, 0.9  # each candy lowers the chance of everything by TIRES
TOPICS = np.eye(2, dtype=np.float32)


class Silent:
    """A scorer that knows nothing."""

    def score(self, query: Query, candidates: Candidates) -> Scored:
        return Scored(np.zeros(len(candidates)), np.zeros(len(candidates)))


def asked(user: int, visit: int, eaten: list[int]) -> Query:
    past = History(np.array(eaten, np.int64), np.ones(len(eaten), np.float32), np.zeros(len(eaten)))
    return Query(at=visit * DAY, k=1, user=user, history=past)


def live(
    choose: object, tires: float, people: int, visits: int, seed: int
) -> tuple[list[Query], np.ndarray, np.ndarray]:
    """Visits of people who are offered one of both; `choose` is a scorer, or None: a coin. Queries, what, clicks."""
    rng = np.random.default_rng(seed)
    queries, shown, clicked = [], [], []
    both = Candidates.of("all", np.arange(2), np.zeros(2))
    for user in range(people):
        eaten: list[int] = []
        for visit in range(visits):
            query = asked(user, visit, eaten)
            what = int(rng.integers(2)) if choose is None else int(np.argmax(choose.score(query, both).mean))  # type: ignore[attr-defined]
            click = rng.random() < max(APPEAL[what] - tires * eaten.count(CANDY), 0.0)
            queries.append(query)
            shown.append(what)
            clicked.append(click)
            eaten += [what] * int(click)
    return queries, np.array(shown), np.array(clicked, np.float64)


def log(tires: float, people: int = 1_500, visits: int = 8) -> LoggedLists:
    queries, shown, clicked = live(None, tires, people, visits, seed=0)
    n = len(queries)
    both = np.tile([CANDY, BREAD], (n, 1))
    halves = np.full((n, 1), 0.5)
    return LoggedLists(queries, both, np.zeros((n, 2)), shown[:, None], halves, clicked[:, None], np.ones(1))


@pytest.fixture(scope="module")
def tiring() -> LoggedLists:
    return log(TIRES)


def slate_q(discount: float) -> SlateQ:
    return SlateQ(discount, half_lives=(1e9,), l2=30.0)


def test_what_a_candy_leaves_behind_is_what_the_recursion_says(tiring: LoggedLists) -> None:
    """W(c) = a - b c after c candies: b = TIRES + discount b (1 - TIRES / 2), as half of the lists offer candy.

    So b = .05 / (1 - .9 * .975) = .408, and a bread costs nothing.
    """
    fitted = slate_q(DISCOUNT).fit(tiring, Silent(), TOPICS)
    left = fitted.left(asked(0, 1, [BREAD]), np.array([CANDY, BREAD]))
    assert left[CANDY] == pytest.approx(-0.408, abs=0.1)
    assert left[BREAD] == pytest.approx(0.0, abs=0.2)


def test_greed_takes_the_candy_and_foresight_the_bread(tiring: LoggedLists) -> None:
    """.6 (1 - .9 * .408) = .38 < .5: the item that is clicked more often is worth less."""
    query, both = asked(0, 0, []), Candidates.of("all", np.arange(2), np.zeros(2))
    greedy = slate_q(0.0).fit(tiring, Silent(), TOPICS)
    foresighted = slate_q(DISCOUNT).fit(tiring, Silent(), TOPICS)
    assert np.argmax(greedy.score(query, both).mean) == CANDY
    found = foresighted.score(query, both).mean
    assert found == pytest.approx([0.38, 0.5], abs=0.07)
    earned = [live(one, TIRES, 60, 20, seed=1)[2].sum() for one in (greedy, foresighted)]
    assert earned[1] > 1.15 * earned[0]  # 20 visits of bread bring 10; of candy about .6 (1 - .95^20) / .05 = 7.7


def test_where_nothing_tires_foresight_is_greedy_too() -> None:
    still = log(0.0)
    both = Candidates.of("all", np.arange(2), np.zeros(2))
    found = slate_q(DISCOUNT).fit(still, Silent(), TOPICS).score(asked(0, 0, []), both).mean
    assert np.argmax(found) == CANDY


def test_places_that_are_hardly_looked_at_do_not_make_an_item_worse() -> None:
    """Both are liked half of the time; the second always stands where one in four looks."""
    rng = np.random.default_rng(0)
    n, looked = 4_000, np.array([1.0, 0.25])
    clicked = (rng.random((n, 2)) < 0.5 * looked).astype(np.float64)
    shown = np.tile([0, 1], (n, 1))
    lists = LoggedLists([asked(-1, 0, [])] * n, shown, np.zeros((n, 2)), shown, np.ones((n, 2)), clicked, looked)
    fitted = slate_q(0.0).fit(lists, Silent(), TOPICS)
    found = fitted.score(asked(-1, 0, []), Candidates.of("all", np.arange(2), np.zeros(2))).mean
    assert found == pytest.approx([0.5, 0.5], abs=0.04)


def test_lately_fades_by_its_half_life_and_knows_what_is_liked() -> None:
    """Two days ago item 0, now item 1: one half-life of 2 days leaves .5 and 1; liked is the mean."""
    past = History(np.array([0, 1]), np.ones(2, np.float32), np.array([0.0, 2 * DAY]))
    query = Query(at=2 * DAY, history=past)
    lately = Lately(TOPICS, (2.0,))
    assert lately.state(query).tolist() == [[0.5, 0.5], [0.5, 1.0]]
    after = lately.after(lately.states([query]), np.array([[0, -1]]))
    assert after[0].tolist() == [[0.5, 0.5], [1.5, 1.0]]
    assert lately.columns(lately.states([query]), np.array([[1, 7]]))[0].tolist() == [[0.5, 1.0], [0.0, 0.0]]


def test_lists_follow_each_other_person_by_person() -> None:
    """Person 0 comes at 1 and 3 and earns 1 and 2, person 1 at 2 and earns 4; nobody known earns 8."""
    queries = [Query(at=at, user=user) for at, user in ((3.0, 0), (1.0, 0), (2.0, 1), (4.0, -1))]
    first, zero = np.zeros((4, 1), np.int64), np.zeros((4, 1))
    reward = np.array([[2.0], [1.0], [4.0], [8.0]])
    lists = LoggedLists(queries, first, zero, first, np.ones((4, 1)), reward, np.ones(1))
    assert lists.following().tolist() == [-1, 0, -1, -1]
    assert lists.later(0.5).tolist() == [0.0, 1.0, 0.0, 0.0]


def test_what_cannot_be_a_log_is_refused() -> None:
    one, zero = np.zeros((1, 1), np.int64), np.zeros((1, 1))
    for shown, chance, where in ((1, 1.0, "shown"), (0, 0.0, "propensity")):
        with pytest.raises(InvalidInput, match=where):
            LoggedLists([Query(at=0.0)], one, zero, np.array([[shown]]), np.array([[chance]]), zero, np.ones(1))
    with pytest.raises(InvalidInput, match="discount"):
        SlateQ(1.0)


def test_topics_are_the_directions_in_which_items_differ_most() -> None:
    """Items at (0, 5), (4, 5), (8, 5): they differ by 4 along the first axis, the second says nothing."""
    found = leading(np.array([[0.0, 5.0], [4.0, 5.0], [8.0, 5.0]], np.float32), 1)
    assert np.abs(found[:, 0]).tolist() == pytest.approx([4.0, 0.0, 4.0])
    assert found[0, 0] == -found[2, 0]
    assert leading(np.eye(3, dtype=np.float32), 16).shape == (3, 3)
