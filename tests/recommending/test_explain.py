import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from regard.domain.candidates import Candidates
from regard.domain.dataset import Dataset
from regard.domain.protocols import Evidence, Filter, Gain
from regard.domain.request import History, Query
from regard.recommending.diversity import MMR
from regard.recommending.explain import Described, explain, explain_slate
from regard.recommending.filters import NotExcluded, NotSeen
from regard.recommending.objectives import Pin
from regard.recommending.policies import Epsilon
from regard.recommending.recommender import Recommender
from tests.recommending.linear import Linear, person, random_linear

TITLES = ["Alien", "Brazil", "Casablanca", "Dune", "Eraserhead", "Fargo"]
ITEMS = Described(
    TITLES, ["Scott", "Gilliam", "Curtiz", "Lynch", "Lynch", None], [("sf",), ("sf", "satire"), (), ("sf",)]
)
B = np.zeros((6, 6))
B[0], B[1] = [0, 0, 0.10, 0.21, 0.02, 0.05], [0, 0, 0.05, 0.13, 0.03, 0.02]
MODEL = Linear(B)
FILTERS: dict[str, Filter] = {"seen": NotSeen(), "excluded": NotExcluded()}
QUERY = person(0, 1, k=2)  # scores: Casablanca .15, Dune .34, Eraserhead .05, Fargo .07


def _corridor(model: Linear = MODEL, **parts: object) -> Recommender:
    return Recommender({"linear": model}, model, FILTERS, **parts)  # type: ignore[arg-type]


def test_what_was_liked_is_said_with_exact_amounts() -> None:
    reason = explain(_corridor(), ITEMS, QUERY, 3, search=0)
    assert reason.text == "Because you liked “Alien” (+0.21) and “Brazil” (+0.13)."
    assert [(cause.row, cause.amount) for cause in reason.evidence] == [(0, 0.21), (1, 0.13)]
    assert (reason.kind, reason.explains, reason.exact) == ("liked", "score", True)
    assert sum(cause.amount for cause in reason.evidence) == pytest.approx(0.34)


def test_what_was_deleted_meanwhile_is_named_nowhere_and_the_sum_stays() -> None:
    items = replace(ITEMS, titles=["\0" + "0", *TITLES[1:]])
    reason = explain(_corridor(), items, QUERY, 3)
    assert reason.text == "Because you liked “Brazil” (+0.13)."
    assert [(cause.row, cause.amount) for cause in reason.evidence] == [(1, 0.13)]
    assert (reason.other, reason.counterfactual) == ({"deleted items": 0.21}, ())
    assert explain(_corridor(), ITEMS, QUERY, 3).counterfactual == ("Alien", "Brazil")


def test_the_same_in_chinese() -> None:
    reason = explain(_corridor(), ITEMS, replace(QUERY, language="zh"), 3, search=0)
    assert reason.text == "因为您喜欢《Alien》（+0.21）和《Brazil》（+0.13）。"


def test_a_view_is_not_called_a_liking() -> None:
    seen = History(QUERY.history.rows, np.array([1.0, 0.1]), QUERY.history.times)
    reason = explain(_corridor(), ITEMS, QUERY.with_history(seen), 3, search=0)
    assert reason.text == "Because of “Alien” (+0.21) and “Brazil” (+0.13) in your history."
    assert [cause.liked for cause in reason.evidence] == [True, False]


def test_content_names_what_both_items_share_and_nothing_else() -> None:
    model = Linear(B, kind="content")
    said = explain(_corridor(model), ITEMS, QUERY, 3, search=0).text
    assert said == "Similar to “Alien” (+0.21) and “Brazil” (+0.13), which you liked: also sf."
    other = explain(_corridor(model), ITEMS, person(3, k=2), 4, search=0)
    assert other.text == "Proposed by “linear”."  # nothing of the history added anything, so nothing is said of it
    assert explain(_corridor(model), ITEMS, QUERY, 5, search=0).text.endswith("which you liked.")


def test_people_and_popularity_speak_for_themselves() -> None:
    assert explain(_corridor(Linear(B, kind="people")), ITEMS, QUERY, 3, search=0).text == (
        "People who chose “Alien” (+0.21) and “Brazil” (+0.13), as you did, also chose this."
    )


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"popularity": 0.4}, "Popular now."),
        ({"popularity in student": 0.4}, "Popular now with people like you (student)."),
        ({"new item": -0.1}, "New here."),
    ],
)
def test_popularity_says_whose(other: dict[str, float], said: str) -> None:
    class Popular(Linear):
        def contributions(self, query: Query, row: int) -> Evidence:
            return Evidence("popular", np.empty(0, np.int64), np.empty(0), other)

    reason = explain(_corridor(Popular(B, np.arange(6.0))), ITEMS, person(k=2), 5)
    assert (reason.text, reason.other) == (said, other)


def test_a_counterfactual_is_said_and_true() -> None:
    # without Alien: Casablanca .05, Dune .13, Eraserhead .03, Fargo .02: Casablanca stays second
    # without Alien and Brazil nothing is proposed; without Brazil Casablanca stays second: both are needed
    both = explain(_corridor(), ITEMS, QUERY, 2)
    assert both.counterfactual == ("Alien", "Brazil")
    assert both.text.endswith(" Without “Alien” and “Brazil” you would not see this.")
    # Brazil now speaks for Fargo: Dune .34, Fargo .19; without Alien Dune .13, Fargo .14: Alien alone decides
    B2 = B.copy()
    B2[1, 5] = 0.14
    one = explain(_corridor(Linear(B2)), ITEMS, replace(QUERY, k=1), 3)
    assert one.counterfactual == ("Alien",)


def test_no_counterfactual_is_claimed_where_none_holds() -> None:
    everyone = Linear(B, prior=np.array([0, 0, 0, 9.0, 0, 0]))
    reason = explain(_corridor(everyone), ITEMS, QUERY, 3)
    assert reason.counterfactual == ()
    assert "Without" not in reason.text


def test_a_long_counterfactual_is_told_in_short_and_kept_whole() -> None:
    model = Linear(np.vstack([np.tile([0.0] * 8 + [1.0, 0.0], (8, 1)), [[0.0] * 10], [[0.0] * 10]]))
    model.B[:5, 9] = 0.1
    items = Described([f"f{row}" for row in range(10)])
    reason = explain(_corridor(model), items, person(*range(8), k=1), 8)
    assert len(reason.counterfactual) == 8
    assert reason.text.endswith("and 5 more of your history you would not see this.")


@pytest.mark.parametrize("k", [1, 5])
def test_every_counterfactual_is_verified_and_minimal(k: int) -> None:
    model = random_linear(40, seed=3)
    corridor = Recommender({"linear": model}, model, FILTERS)
    items, query = Described([str(row) for row in range(40)]), person(*range(8), k=k)
    for slot in corridor.recommend(query).slots:
        removed = [int(title) for title in explain(corridor, items, query, slot.row).counterfactual]
        assert removed

        def shown(left_out: list[int], row: int = slot.row) -> bool:
            past = query.history.without(left_out)
            asked = replace(query, history=past, exclude=np.array(left_out, np.int64))
            return row in corridor.recommend(asked).rows

        assert not shown(removed)
        assert all(shown([r for r in removed if r != kept]) for kept in removed)


def test_a_pin_that_moved_an_item_is_named() -> None:
    reason = explain(_corridor(objectives={"front": Pin({4: 0})}), ITEMS, QUERY, 4)
    assert "It was placed here by the people who run this list." in reason.text
    assert reason.moves is not None
    assert (reason.moves.shown, reason.moves.alone, reason.moves.without) == (0, None, {"front": None})


def test_a_pin_that_moved_nothing_is_not_named() -> None:
    reason = explain(_corridor(objectives={"front": Pin({3: 0})}), ITEMS, QUERY, 3)
    assert "placed here" not in reason.text
    assert reason.moves is not None
    assert reason.moves.without == {}


def test_an_objective_that_lifted_an_item_is_named() -> None:
    vectors = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    corridor = _corridor(objectives={"mmr": MMR(vectors, 5.0)})
    lifted = explain(corridor, ITEMS, QUERY, 4)
    assert "It stands higher because it makes the list more varied." in lifted.text
    assert lifted.moves is not None
    assert (lifted.moves.shown, lifted.moves.alone) == (1, None)
    assert "varied" not in explain(corridor, ITEMS, QUERY, 3).text


def test_two_objectives_that_are_each_enough_are_both_named() -> None:
    vectors = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    corridor = _corridor(objectives={"mmr": MMR(vectors, 5.0), "mmr too": MMR(vectors, 5.0)})
    reason = explain(corridor, ITEMS, QUERY, 4)
    assert reason.moves is not None
    assert set(reason.moves.without) == {"mmr", "mmr too"}


def test_a_slate_is_filled_again_once_for_all_its_slots_and_the_corridor_is_not_walked_for_nothing() -> None:
    begun: list[Query] = []
    walked: list[Query] = []

    class Front(Pin):
        def begin(self, query: Query, candidates: Candidates) -> Gain:
            begun.append(query)
            return Pin.begin(self, query, candidates)

    class Watched(Linear):
        def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
            walked.extend(queries)
            return super().retrieve_many(queries, k)

    corridor = _corridor(Watched(B), objectives={"front": Front({4: 0})})
    slate = corridor.recommend(QUERY)
    begun.clear()
    walked.clear()
    told = explain_slate(corridor, ITEMS, QUERY, slate, search=0)
    assert [reason.moves is not None for reason in told] == [True, True]
    assert (len(begun), len(walked)) == (1, 1)  # with and without the pin; what stands in the list is weighed once


def test_a_draw_that_put_an_item_here_is_named_with_its_chance() -> None:
    corridor = _corridor(policy=Epsilon(1.0))
    slate = next(
        found for seed in range(50) if (found := corridor.recommend(QUERY, np.random.default_rng(seed))).rows[0] == 4
    )
    reason = explain(corridor, ITEMS, QUERY, 4, slate)
    assert "It stands here by a draw (chance 0.25), so that we learn." in reason.text
    assert reason.counterfactual == ()
    assert "draw" not in explain(corridor, ITEMS, QUERY, 3).text


def test_a_whole_slate_is_explained_as_one_by_one() -> None:
    corridor = _corridor(objectives={"front": Pin({4: 0})})
    slate = corridor.recommend(QUERY)
    one_by_one = tuple(explain(corridor, ITEMS, QUERY, slot.row, slate) for slot in slate.slots)
    assert explain_slate(corridor, ITEMS, QUERY, slate) == one_by_one
    assert explain_slate(corridor, ITEMS, QUERY) == one_by_one


def test_an_item_that_is_not_shown_has_evidence_and_no_place() -> None:
    reason = explain(_corridor(), ITEMS, QUERY, 4)
    assert reason.text == "Because you liked “Brazil” (+0.030) and “Alien” (+0.020)."
    assert (reason.moves, reason.counterfactual) == (None, ())


def test_a_source_without_explanation_says_only_that_it_proposed() -> None:
    class Silent(Linear):
        contributions = None  # type: ignore[assignment]

    reason = explain(_corridor(Silent(B)), ITEMS, QUERY, 3)
    assert (reason.kind, reason.evidence, reason.exact) == ("proposed", (), False)
    assert reason.text == "Proposed by “linear”."


def test_a_reason_is_json() -> None:
    reason = explain(_corridor(objectives={"front": Pin({4: 0})}), ITEMS, QUERY, 4)
    told = json.loads(json.dumps(reason.to_json(), allow_nan=False))
    assert told["evidence"][0] == {"row": 1, "title": "Brazil", "amount": 0.03, "liked": True}
    assert told["moves"]["without"] == {"front": None}


def test_items_are_called_as_the_data_call_them() -> None:
    import polars as pl

    events = pl.DataFrame({"user": ["u"], "item": ["a"]})
    films = pl.DataFrame({"id": ["a"], "title": ["Alien"], "creator": ["Scott"], "tags": [["sf"]]})
    described = Described.of(Dataset.from_frame(events, items=films))
    assert (described.title(0), described.title(9)) == ("Alien", "#9")
    assert described.shared(0, 0) == ("Scott", ("sf",))
    assert described.shared(0, 9) == ("", ())
