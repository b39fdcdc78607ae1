"""Replaying: a logged list filled again from what its line keeps, and the verdict: the same, gone, or different."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

import regard
from regard.data.impression_log import Impression
from regard.data.past import deleted_since
from regard.domain.errors import NotFound
from regard.domain.request import Query, Slate
from regard.recommending.retrievers import Listed
from regard.serving import answers, lists
from regard.serving.past import began, ended, past_print
from regard.serving.served import Served
from regard.serving.wiring import Live

Verdict: TypeAlias = Literal["same", "gone", "different"]
KEPT = ("past", "items_after", "encoder", "regard")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one list. `gone`: what made it is no longer kept, and `why` says what; else `again` are its rows.

    The same means every item, score, part and propensity, bit for bit.
    """

    found: Impression
    verdict: Verdict
    why: str = ""
    again: tuple[int, ...] = ()


def replay(served: Served, found: Impression) -> Replayed:
    """Fill a logged list again, over the release, items, weights and events of its moment."""
    lacks = missing(served, found)
    if lacks:
        return Replayed(found, "gone", lacks)
    rows: tuple[int, ...] = ()
    try:
        moments = {began(found), ended(found)}
    except NotFound as error:
        return _no_longer(found, error)
    for as_of in sorted(moments):
        try:
            with served.past.at(found.release, as_of, found.body["left_out"]) as live:
                query, slate = again(served, as_asked(served, live, found), found)
        except NotFound as error:
            return _no_longer(found, error)
        if past_print(query) != found.body["past"]:
            return Replayed(found, "gone", "what this person did is no longer kept as it was: taken back or too old")
        rows = tuple(slate.rows.tolist())
        if _bits(slate) == _logged(found):
            return Replayed(found, "same", again=rows)
    changed = "items changed while this list was made" if len(moments) > 1 else _gone(served, found)
    return Replayed(found, "gone", changed) if changed else Replayed(found, "different", again=rows)


def as_asked(served: Served, live: Live, found: Impression) -> Live:
    """The corridor of a list that ranked given items ranks those; all others explore by the picture that they name."""
    given, picture = found.body["moment"].get("given"), found.body.get("policy")
    if given is not None:
        return replace(live, recommender=lists.only(live.recommender, Listed(np.array(given, np.int64))))
    return live if picture is None else live.exploring(served.here.pictures.get(picture))


def again(served: Served, live: Live, found: Impression) -> tuple[Query, Slate]:
    """The query of a logged list, and the slate that `live` (see `Past`, `as_asked`) fills from it."""
    query = lists.asked(served, live, found)
    return query, live.recommender.recommend(query, np.random.default_rng(found.body["seed"]))


def plain(served: Served, replayed: Replayed) -> dict[str, Any]:
    """One verdict as JSON, with the items by their ids ("": deleted since)."""
    names = lists.live_of(served).catalogue
    found = replayed.found

    def ids(rows: Iterable[int]) -> list[str]:
        return [names.id(row) if 0 <= row < len(names) else "" for row in rows]

    return {
        "recommendation_id": found.id.hex,
        "verdict": replayed.verdict,
        "why": replayed.why,
        "release": found.release,
        "then": ids(found.items),
        "again": ids(replayed.again),
    }


def missing(served: Served, found: Impression) -> str:
    """What a look at the line alone finds missing; nothing: ""."""
    body = found.body
    if any(name not in body for name in KEPT):
        return "an older Regard wrote this line; it kept too little"
    if any(row < 0 for row in found.items):
        return "an item of this list was deleted since"
    if body["encoder"] != served.here.encoder.name:
        return f"made with the text encoder {body['encoder']}; regard.toml names {served.here.encoder.name}"
    return ""


def _no_longer(found: Impression, error: NotFound) -> Replayed:
    return Replayed(found, "gone", f"{error.where}: {error.got} (expected: {error.expected})")


def _gone(served: Served, found: Impression) -> str:
    """Why another list came, where it is none of our doing; nothing: ""."""
    deleted = deleted_since(served.here.store, found.body["moment"]["items"])
    if deleted:
        return f"items that could stand on this list were deleted since: {deleted}"
    damaged = served.here.releases.damaged(found.release)
    if damaged:
        return f"files of release {found.release} are not as they were written: {', '.join(damaged[:3])}"
    if found.body["regard"] != regard.__version__:
        return f"made by Regard {found.body['regard']}; this is {regard.__version__}"
    return ""


def _bits(slate: Slate) -> tuple[Any, ...]:
    parts = [answers.finite(slot.parts) for slot in slate.slots]
    columns = [(slot.row, slot.propensity, slot.score, list(slot.sources)) for slot in slate.slots]
    return columns, parts


def _logged(found: Impression) -> tuple[Any, ...]:
    body = found.body
    columns = zip(found.items, found.propensities, body["scores"], body["sources"], strict=True)
    return list(columns), body["parts"]
