"""What every retriever keeps to: at most k, unique, best first, singles equal batches, for any history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.domain.protocols import Retriever
from regard.domain.request import Query
from regard.models.content import ContentProfile
from regard.recommending.least_shown import LeastShown
from regard.recommending.more_like import Alike
from regard.recommending.newcomers import Newcomers
from regard.recommending.ranked import Ranked
from regard.recommending.recommender import Recommender
from regard.recommending.retrievers import Listed, NearestNeighbours
from tests.contracts.subjects import N_ITEMS, N_USERS, PERSONAL, RECIPES, ask, communities, fitted

VECTORS = communities().vectors["content"]
NEAREST: dict[str, Retriever] = {
    f"nearest, {index}": NearestNeighbours(ContentProfile(VECTORS), VECTORS, index, name=f"nearest, {index}")
    for index in ("exact", "ivf", "hnsw")
}
ASSEMBLED: dict[str, Retriever] = {
    **NEAREST,
    "nearest, grown": NearestNeighbours(ContentProfile(VECTORS), VECTORS[:5], name="nearest, grown").extended(VECTORS),
    "alike": Alike([VECTORS, lambda: VECTORS[:9, :2]]),
    "new": Newcomers(VECTORS, N_ITEMS // 2),
    "listed": Listed(np.array([5, 3, 9]), name="listed"),
    "ranked": Ranked(Recommender({"ease": fitted("ease"), "knn": fitted("item knn")}, fitted("ease")), step=2),
    "least shown": LeastShown(np.arange(N_ITEMS) * 20.0),
}
SUBJECTS = [*RECIPES, *ASSEMBLED]
WRITTEN = {"listed"}  # a list that somebody wrote is proposed whole
SILENT = {*PERSONAL, *ASSEMBLED} - {"listed", "new", "least shown"}  # without a history they have nothing to say

HISTORIES = st.lists(st.integers(0, N_ITEMS + 5), max_size=20)  # repeats, and items newer than the model
PEOPLE = st.integers(-1, N_USERS + 3)
SIZES = st.integers(1, N_ITEMS + 5)


def subject(name: str) -> Any:
    return ASSEMBLED[name] if name in ASSEMBLED else fitted(name)


def asked_after(*rows: int, user: int = -1) -> Query:
    """A request after `rows`, for more like the newest of them."""
    return replace(ask(*rows, user=user), seed_item=rows[-1] if rows else None)


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, user=PEOPLE, k=SIZES)
def test_at_most_k_known_unique_rows_best_first(name: str, history: list[int], user: int, k: int) -> None:
    found = subject(name).retrieve(asked_after(*history, user=user), k)
    assert len(found) <= min(k, N_ITEMS)
    assert len(set(found.rows.tolist())) == len(found)
    assert ((found.rows >= 0) & (found.rows < N_ITEMS)).all()
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("name", sorted({*SUBJECTS} - WRITTEN))
@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, user=PEOPLE, k=SIZES, seed=st.integers(0, 99), share=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_what_a_request_bars_stands_in_the_way_of_nothing(
    name: str, history: list[int], user: int, k: int, seed: int, share: float
) -> None:
    query = asked_after(*history, user=user)
    allowed = np.random.default_rng(seed).random(N_ITEMS + 3) < share
    among = replace(query, allowed=allowed)
    source = subject(name)
    for found in (source.retrieve(among, k), source.retrieve_many([query] * 2 + [among] * 3, k)[3]):
        every = source.retrieve(query, N_ITEMS)
        kept = allowed[every.rows]
        assert found.rows.tolist() == every.rows[kept][:k].tolist()
        assert found.scores.tolist() == every.scores[kept][:k].tolist()


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=20, deadline=None)
@given(asked=st.lists(st.tuples(HISTORIES, PEOPLE), max_size=6), k=SIZES)
def test_batches_equal_singles(name: str, asked: list[tuple[list[int], int]], k: int) -> None:
    model, queries = subject(name), [asked_after(*history, user=user) for history, user in asked]
    together = model.retrieve_many(queries, k)
    assert len(together) == len(queries)
    for query, found in zip(queries, together, strict=True):
        alone = model.retrieve(query, k)
        assert alone.rows.tolist() == found.rows.tolist()
        assert alone.scores.tolist() == found.scores.tolist()


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=20, deadline=None)
@given(history=HISTORIES, k=SIZES)
def test_a_shorter_list_is_the_head_of_a_longer_one(name: str, history: list[int], k: int) -> None:
    longest = subject(name).retrieve(asked_after(*history), N_ITEMS).rows.tolist()
    assert subject(name).retrieve(asked_after(*history), k).rows.tolist() == longest[:k]


@pytest.mark.parametrize("name", SUBJECTS)
def test_without_history_only_the_impersonal_speak(name: str) -> None:
    for query in (ask(), ask(N_ITEMS, N_ITEMS + 1), ask(0, 2, weight=0.0)):
        assert (len(subject(name).retrieve(query, 5)) == 0) == (name in SILENT)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_source_has_a_name(name: str) -> None:
    assert subject(name).retrieve(asked_after(0, 2), 3).sources == (subject(name).name,)
