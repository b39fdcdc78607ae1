import json
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.domain.arrays import Mask
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Filter
from regard.domain.request import Query
from regard.recommending.diversity import MMR
from regard.recommending.filters import Allowed, NotBlocked, NotExcluded, NotSeen
from regard.recommending.objectives import GroupCap, Pin
from regard.recommending.policies import Boltzmann
from regard.recommending.recommender import Recommender
from regard.recommending.why_not import Proposal
from tests.recommending.linear import Linear, person, random_linear

MODEL = random_linear(50)
FILTERS: dict[str, Filter] = {"seen": NotSeen(), "excluded": NotExcluded(), "blocked": NotBlocked()}


class Fixed:
    """Proposes the same rows to everybody, or raises."""

    def __init__(self, rows: list[int], error: Exception | None = None) -> None:
        self.rows, self.error = rows, error

    def retrieve(self, query: Query, k: int) -> Candidates:
        if self.error:
            raise self.error
        return Candidates.of("fixed", np.array(self.rows[:k], np.int64), -np.arange(len(self.rows[:k]), dtype=float))

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]


class Ages:
    """One feature: the row times ten."""

    names = ("age",)

    def read(self, query: Query, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(rows[:, None] * 10.0, np.float64)


def test_the_smallest_corridor_gives_the_order_of_the_model() -> None:
    query = person(3, 8, k=5)
    slate = Recommender({"linear": MODEL}, MODEL).recommend(query)
    expected = np.argsort(-(MODEL.B[3] + MODEL.B[8]), kind="stable")[:5]
    assert slate.rows.tolist() == expected.tolist()
    assert slate.propensity == 1.0
    assert [slot.source for slot in slate.slots] == ["linear"] * 5


def test_many_at_once_equal_the_singles_however_much_each_has_met() -> None:
    queries = [person(3, 8, k=5), person(k=5), person(*range(30), k=5, exclude=np.array([40, 41]))]
    corridor = Recommender({"linear": MODEL, "fixed": Fixed([4, 9])}, MODEL, FILTERS, breadth=10)
    for query, (together, left_out) in zip(queries, corridor.consider_many(queries), strict=True):
        alone, _ = corridor.consider(query)
        assert left_out == ()
        assert np.array_equal(together.rows, alone.rows)
        assert np.array_equal(together.proposals, alone.proposals, equal_nan=True)
        assert together.mean is not None
        assert alone.mean is not None
        assert np.array_equal(together.mean, alone.mean)
        assert {name: rows.tolist() for name, rows in together.dropped.items()} == {
            name: rows.tolist() for name, rows in alone.dropped.items()
        }


def test_each_drop_is_counted_by_its_filter_and_a_history_costs_no_candidates() -> None:
    query = person(3, 8, 8, k=10, exclude=np.array([1, 2]), blocked=np.array([2, 4]))
    corridor = Recommender({"linear": MODEL}, MODEL, FILTERS, breadth=5)
    slate = corridor.recommend(query)
    asked = MODEL.retrieve(query, 20).rows  # k + 5 beside the five different items met, excluded or blocked
    kept = [row for row in asked if row not in (1, 2, 3, 4, 8)]
    assert corridor.candidates(query).rows.tolist() == kept
    assert slate.rows.tolist() == kept[:10]
    assert len(kept) >= 15
    assert slate.dropped == {
        "seen": int(np.isin(asked, [3, 8]).sum()),
        "excluded": int(np.isin(asked, [1, 2]).sum()),
        "blocked": int(np.isin(asked, 4).sum()),  # 2 was gone already
    }


class Odd:
    """Only odd rows may be shown: a standing filter, of which no request says how much it drops."""

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        return np.asarray(candidates.rows % 2 == 1)


def test_what_may_not_be_shown_does_not_shorten_a_list() -> None:
    """However many of the first are dropped; where a source has no more, that is all."""
    evens_first = Fixed([*range(0, 200, 2), *range(1, 30, 2)])
    corridor = Recommender({"fixed": evens_first}, random_linear(200), {"odd": Odd()}, breadth=5)
    for k in (3, 15, 20):
        one, (many, _) = corridor.candidates(person(k=k)), corridor.consider_many([person(k=1), person(k=k)])[1]
        assert sorted(one.rows[:3].tolist()) == [1, 3, 5]
        assert len(corridor.recommend(person(k=k)).slots) == min(k, 15)
        assert one.rows.tolist() == many.rows.tolist()
    assert corridor.why_not(person(k=3), 0).dropped_by == "odd"


def test_of_a_large_catalogue_a_request_may_let_a_few_through() -> None:
    """Sources that look at the mask propose just those; one that does not is asked for more until there are enough."""
    model, few = random_linear(300), np.arange(300) % 100 == 7
    asking = person(3, 8, k=2, allowed=few)
    filters: dict[str, Filter] = {"seen": NotSeen(), "filtered": Allowed()}
    looks = Recommender({"linear": model}, model, filters, breadth=5)
    deaf = Recommender({"fixed": Fixed([*range(300)])}, model, filters, breadth=5)
    expected = sorted([7, 107, 207], key=lambda row: -(model.B[3] + model.B[8])[row])[:2]
    assert (looks.recommend(asking).rows.tolist(), looks.recommend(asking).dropped["filtered"]) == (expected, 0)
    assert deaf.recommend(asking).rows.tolist() == [7, 107]
    for corridor in (looks, deaf):
        barred = corridor.why_not(asking, 150)
        assert (barred.fell, barred.dropped_by) == ("dropped", "filtered")
    assert [len(own["linear"]) for own, _ in looks.propose_many([asking, person(3, k=4)], [9, 9])] == [3, 9]


def test_more_like_this_never_answers_this() -> None:
    corridor = Recommender({"linear": MODEL}, MODEL, FILTERS)
    assert 7 not in corridor.recommend(person(1, k=49, seed_item=7)).rows


def test_all_proposers_of_an_item_are_remembered() -> None:
    corridor = Recommender({"fixed": Fixed([4, 5]), "linear": MODEL}, MODEL)
    slots = {slot.row: slot for slot in corridor.recommend(person(3, k=50)).slots}
    assert (slots[4].source, slots[4].sources) == ("fixed", ("fixed", "linear"))
    assert (slots[6].source, slots[6].sources) == ("linear", ("linear",))


def test_a_source_that_is_unavailable_is_left_out_and_named() -> None:
    gone = Fixed([], Unavailable("index", "an index", "none"))
    slate = Recommender({"gone": gone, "linear": MODEL}, MODEL).recommend(person(3))
    assert slate.left_out == ("gone",)
    assert len(slate.slots) == 10


def test_a_bug_of_a_source_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        Recommender({"broken": Fixed([], ZeroDivisionError())}, MODEL).recommend(person(3))


def test_features_are_read_before_filters_and_scores() -> None:
    class Old:
        def keep(self, query: Query, candidates: Candidates) -> Mask:
            return candidates.feature("age") < 100

    slate = Recommender({"linear": MODEL}, MODEL, {"old": Old()}, features=Ages()).recommend(person(3, k=50))
    assert sorted(slate.rows) == list(range(10))
    assert slate.dropped == {"old": 40}


def test_a_stranger_gets_an_empty_slate_where_nobody_proposes() -> None:
    slate = Recommender({"linear": MODEL}, MODEL, FILTERS).recommend(person())
    assert slate.slots == ()


def test_what_was_drawn_replays_to_what_was_logged() -> None:
    query = person(3, 8, k=6)
    corridor = Recommender({"linear": MODEL}, MODEL, FILTERS, {"pin": Pin({30: 1})}, Boltzmann(0.2))
    slate = corridor.recommend(query, np.random.default_rng(4))
    logged = [slot.propensity for slot in slate.slots]
    assert min(logged) < 1
    np.testing.assert_array_equal(corridor.replay(query, slate.rows), logged)
    assert corridor.deterministic().recommend(query).propensity == 1.0


def test_breadth_has_bounds() -> None:
    with pytest.raises(InvalidInput, match="breadth"):
        Recommender({}, MODEL, breadth=0)


# Why not: five items; history {0} gives item 1 score 5, 2: 4, 3: 3, 4: 2


def _small(**parts: object) -> Recommender:
    B = np.zeros((5, 5))
    B[0] = [9, 5, 4, 3, 2]
    model = Linear(B)
    return Recommender({"linear": model}, model, FILTERS, **parts)  # type: ignore[arg-type]


def test_why_not_dropped() -> None:
    answer = _small().why_not(person(0, k=2), 0)
    assert (answer.fell, answer.dropped_by) == ("dropped", "seen")


def test_why_not_proposed_tells_how_far_it_was() -> None:
    answer = _small(breadth=1).why_not(person(0, k=1), 4)  # asks for 3: the best one, one more, and the one met
    assert answer.fell == "not proposed"
    told = answer.sources["linear"]
    assert (told.rank, told.score, told.proposed, told.last_score) == (5, 2.0, 3, 4.0)


def test_why_not_proposed_by_a_source_that_never_would() -> None:
    corridor = Recommender({"fixed": Fixed([1, 2])}, MODEL)
    told = corridor.why_not(person(3), 40).sources["fixed"]
    assert (told.rank, told.score, told.proposed, told.last_score) == (None, None, 2, -1.0)


def test_why_not_outranked() -> None:
    answer = _small().why_not(person(0, k=2), 4)
    assert (answer.fell, answer.rank, answer.candidates, answer.score) == ("outranked", 4, 4, 2.0)
    assert (answer.last_row, answer.last_score) == (2, 4.0)
    assert answer.parts == {"score": 0.0}
    assert answer.sources == {"linear": Proposal(5, 2.0, 5, 2.0)}
    assert (answer.propensity, answer.last_propensity, answer.decided_by) == (0.0, 1.0, "score")
    assert answer.last_parts["score"] == pytest.approx(2 / 3)


def test_why_not_names_the_objective_that_forbade_it_or_held_it_back() -> None:
    capped = _small(objectives={"cap": GroupCap(np.array([0, 1, 1, 2, 3]), 1)}).why_not(person(0, k=2), 2)
    assert (capped.fell, capped.forbidden_by, capped.rank) == ("outranked", ("cap",), 2)
    assert "cap" not in capped.parts
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    alike = _small(objectives={"mmr": MMR(vectors, 5.0)}).why_not(person(0, k=2), 2)
    assert (alike.parts["mmr"], alike.last_parts["mmr"]) == (-5.0, 0.0)
    assert (capped.decided_by, alike.decided_by) == ("cap", "mmr")


def test_why_not_names_a_pin_and_the_order_of_equals() -> None:
    pinned = _small(objectives={"pin": Pin({4: 0})}).why_not(person(0, k=1), 1)
    assert (pinned.decided_by, pinned.last_row, "pin" in pinned.last_parts) == ("pin", 4, False)
    same = Recommender({"fixed": Fixed([4, 2])}, Linear(np.zeros((5, 5)))).why_not(person(0, k=1), 2)
    assert (same.decided_by, same.last_row) == ("order", 4)


def test_why_not_walks_with_what_was_shown() -> None:
    """A list of chance: its last place is what the others are measured by, with the chances that they had there."""
    corridor, query = _small(policy=Boltzmann(0.5)), person(0, k=2)
    for shown in ([1, 4], [4, 1], [3, 2]):
        told = [corridor.why_not(query, row, np.array(shown)) for row in range(5)]
        chances = corridor.replay(query, np.array(shown))
        for row, one in enumerate(told):
            assert one.fell == ("dropped" if row == 0 else "shown" if row in shown else "outranked")
            if one.fell == "shown":
                assert one.position == shown.index(row)
        beaten = [one for one in told if one.fell == "outranked"]
        assert {(one.last_row, one.last_propensity) for one in beaten} == {(shown[-1], chances[-1])}
        assert sum(one.propensity or 0.0 for one in beaten) == pytest.approx(1 - chances[-1])
        for one in beaten:
            assert one.decided_by == ("policy" if one.row < shown[-1] else "score")
    gone = corridor.why_not(query, 2, np.array([1, 77]))  # 77 is no candidate any more
    assert (gone.fell, gone.last_row) == ("outranked", 1)


def test_why_not_of_an_item_that_is_shown() -> None:
    answer = _small().why_not(person(0, k=2), 2)
    assert (answer.fell, answer.position) == ("shown", 1)


@pytest.mark.parametrize("row", range(5))
def test_every_answer_is_json(row: int) -> None:
    answer = _small(objectives={"pin": Pin({4: 0})}, breadth=2).why_not(person(0, k=1), row)
    assert json.loads(json.dumps(answer.to_json(), allow_nan=False))["fell"] == answer.fell


def test_why_not_agrees_with_the_slate_for_every_item() -> None:
    corridor = Recommender({"linear": MODEL}, MODEL, FILTERS, breadth=20)
    query = person(3, 8, 12, k=6)
    slate = corridor.recommend(query)
    for row in range(50):
        answer = corridor.why_not(query, row)
        assert (answer.fell == "shown") == (row in slate.rows)
        if answer.fell == "shown":
            assert slate.rows[answer.position] == row
