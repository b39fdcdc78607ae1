"""Requests that come at once are answered as if each had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from regard.domain.candidates import Candidates, Scored
from regard.domain.request import NO_ROWS, Query
from regard.serving import lists
from regard.serving.installation import Installation
from regard.serving.served import Served
from regard.serving.settings import Settings
from regard.serving.side_by_side import SideBySide
from regard.serving.together import Walk, walk
from regard.serving.wanted import Wanted


@pytest.fixture
def walks(own: Settings) -> Any:
    with Installation.open(own) as here:
        served = Served.at_rest(here)
        live = lists.live_of(served)
        known = list(live.data.users)[:12]

        async def people() -> list[Walk]:
            found = []
            for seed, user in enumerate([*known, "a stranger"]):
                person, _ = await served.person(user)
                only: dict[str, str | list[str]] = {"tags": "crime"} if seed % 4 == 2 else {}
                wanted = Wanted(user_id=user, k=7, filter=only)
                found.append(Walk(live, lists.resolve(served, live, wanted, person, NO_ROWS).query, seed))
            return found

        yield asyncio.run(people())


def test_a_list_is_the_same_whoever_walks_beside_it(walks: list[Walk]) -> None:
    for one, together in zip(walks, walk(walks), strict=True):
        (alone,) = walk([one])
        assert not isinstance(together, Exception)
        assert not isinstance(alone, Exception)
        assert together[1] == alone[1]
        assert len(alone[1].slots) == 7
        assert np.array_equal(together[0].rows, alone[0].rows)
        assert np.array_equal(together[0].proposals, alone[0].proposals, equal_nan=True)
        assert together[0].mean is not None
        assert alone[0].mean is not None
        assert np.array_equal(together[0].mean, alone[0].mean)


def test_a_list_is_the_same_with_helpers(walks: list[Walk]) -> None:
    live = walks[0].live
    helped = replace(live, recommender=replace(live.recommender, asks=SideBySide(2)))
    for one, other in zip(walk(walks), walk([replace(one, live=helped) for one in walks]), strict=True):
        assert not isinstance(one, Exception)
        assert not isinstance(other, Exception)
        assert one[1] == other[1]


def test_nobody_fails_for_another_s_request(walks: list[Walk]) -> None:
    class Picky:
        """A scorer that cannot bear one person."""

        def score(self, query: Query, candidates: Candidates) -> Scored:
            if query is walks[3].query:
                raise RuntimeError("not this one")
            return Scored(np.zeros(len(candidates)), np.zeros(len(candidates)))

    live = replace(walks[0].live, recommender=replace(walks[0].live.recommender, scorer=Picky()))
    found: Sequence[Any] = walk([replace(one, live=live) for one in walks])
    assert [place for place, one in enumerate(found) if isinstance(one, Exception)] == [3]
    assert str(found[3]) == "not this one"


def test_lists_asked_at_once_are_each_person_s_own(own: Settings) -> None:
    with Installation.open(own) as here:
        served = Served.at_rest(here)
        users = list(lists.live_of(served).data.users)[:20]

        async def ask() -> tuple[list[bytes], list[bytes]]:
            together = await asyncio.gather(*(lists.recommend(served, Wanted(user_id=user)) for user in users))
            return together, [await lists.recommend(served, Wanted(user_id=user)) for user in users]

        for one, other in zip(*asyncio.run(ask()), strict=True):
            assert orjson.loads(one)["items"] == orjson.loads(other)["items"]
