"""Asking: a few questions to a new person; each answer is an event in the store, and then their list is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np

from regard.domain.errors import NotFound
from regard.domain.records import Event, User
from regard.domain.request import Query
from regard.domain.run import Run
from regard.models.questions import FittedQuestions, Questions
from regard.serving import answers
from regard.serving.installation import Installation
from regard.serving.settings import now

EVENTS = {"yes": "like", "no": "dislike"}  # what an answer is in the log; a skip is nothing that happened
ANSWERS = (*EVENTS, "skip")
Reply: TypeAlias = Callable[[Mapping[str, Any], int], str | None]  # (item, number from 1) -> an answer, None: no more


def newcomer() -> str:
    """An id that nobody has."""
    return f"new-{uuid4().hex[:12]}"


def interview(here: Installation, user: str, questions: int, k: int, reply: Reply) -> dict[str, Any]:
    """At most so many questions, each chosen after the answers before it, then the list of `k`.

    The answer names what was asked, and as `next` the question that `reply` left open, if it did.
    """
    model, barred = asker(here), np.flatnonzero(here.live.catalogue.hidden)
    asked: list[dict[str, Any]] = []
    skipped: list[int] = []
    following: dict[str, Any] | None = None
    while len(asked) < questions:
        row = model.question(_query(here, user), skipped, barred)
        if row is None:
            break
        item = answers.item_of(here.live, row)
        said = reply(item, len(asked) + 1)
        if said is None:
            following = item
            break
        asked.append({**item, "answer": said})
        if said in EVENTS:
            here.store.append([Event(user, item["id"], EVENTS[said], float(said == "yes"), now())])
        else:
            skipped.append(row)
    here.store.upsert_users([User(user)])  # who skipped everything gets a list, too
    return {**answers.recommend(here, user, k), "asked": asked, "next": following}


def asker(here: Installation) -> FittedQuestions:
    """The live release's own source of questions, else one from its people."""
    sources = here.live.model.sources.values()
    found = next((source for source in sources if isinstance(source, FittedQuestions)), None)
    return found or Questions().fit(here.live.data, run=Run(seed=here.live.release.seed))


def _query(here: Installation, user: str) -> Query:
    try:
        return here.query(user)
    except NotFound:  # nothing is known of them yet
        return Query(now())
