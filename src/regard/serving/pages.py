"""Pages: a list asked for by offset goes on from what the page before it has shown, as `after` does by name."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import numpy as np
import orjson

from regard.data.impression_log import Last
from regard.domain.arrays import Rows
from regard.domain.errors import NotFound, Unavailable
from regard.domain.request import NO_ROWS, UNKNOWN
from regard.serving import lists
from regard.serving.served import Served
from regard.serving.session import Person
from regard.serving.settings import now
from regard.serving.wanted import Wanted


async def page(served: Served, wanted: Wanted, offset: int) -> dict[str, Any]:
    """The places from `offset` on of somebody's list, as `lists.recommend` answers; it is logged as it is sent.

    What was shown before stands in the log, so that any server of the store goes on from it for a visit's time. Of
    somebody who has no row in the store, and what could not be logged, this process alone remembers it. Places of which
    nobody knows what they held are taken by the best.
    """
    before = await _before(served, wanted, offset) if offset else NO_ROWS
    answer: dict[str, Any] = orjson.loads(await lists.recommend(served, wanted, before))
    served.sessions.unshow(*_key(wanted))
    if served.sessions.known(wanted.user_id or "").row == UNKNOWN or not answer["logged"]:
        sent = lists.live_of(served).catalogue.rows([item["id"] for item in answer["items"]])
        served.sessions.show(*_key(wanted), np.concatenate([before, sent[sent >= 0]]), now())
    return answer


async def _before(served: Served, wanted: Wanted, offset: int) -> Rows:
    """What stands at the first `offset` places, as far as there are so many."""
    person, _ = await served.person(wanted.user_id or "")
    shown = (await _shown(served, wanted, person))[:offset]
    if len(shown) == offset:
        return shown
    live = lists.live_of(served, wanted.user_id or "")
    rest = wanted.model_copy(update={"k": offset - len(shown)})
    query = lists.resolve(served, live, rest, person, shown).query
    best = await asyncio.to_thread(live.recommender.deterministic().recommend, query)
    return np.concatenate([shown, best.rows])


async def _shown(served: Served, wanted: Wanted, person: Person) -> Rows:
    """What this visit's last page of the list showed, and those before it: in memory what is in no log, else there."""
    since, (who, what) = now() - served.here.rules.visit, _key(wanted)
    if len(kept := served.sessions.shown(who, what, since)):
        return kept
    if person.row != UNKNOWN:
        try:
            found = await served.impression(Last(person.row, wanted.surface, what, since))
        except (NotFound, Unavailable):
            pass  # a stranger a moment ago, or nobody who can be asked
        else:
            rows = np.array([*found.body["moment"]["before"], *found.items], np.int64)
            return rows[rows >= 0]
    return NO_ROWS


def _key(wanted: Wanted) -> tuple[str, str]:
    """By what this process knows somebody (their id, else what their session did), and which list of theirs it is."""
    who = wanted.user_id or hashlib.sha256(orjson.dumps(wanted.session)).hexdigest()
    return who, orjson.dumps(wanted.filter).decode()
