"""Traces: what a logged list was made of, and why an item stood on it or did not; replay fills it again."""

from __future__ import annotations

from typing import Any

from regard.data.impression_log import Impression
from regard.data.postgres import Store
from regard.domain.errors import NotFound
from regard.domain.request import UNKNOWN
from regard.recommending.explain import explain
from regard.serving import answers, lists
from regard.serving.served import Served
from regard.serving.wiring import Live


def trace(served: Served, recommendation: str) -> dict[str, Any]:
    """A list after the fact, from its log alone."""
    live, found = lists.live_of(served), served.impressions.get(recommendation)
    body = found.body
    columns = zip(found.items, found.propensities, body["scores"], body["sources"], body["parts"], strict=True)
    return {
        "recommendation_id": found.id.hex,
        "at": found.at,
        "release": found.release,
        "surface": found.surface,
        "variant": body["variant"],
        "policy": body.get("policy"),
        "mode": body["mode"],
        "user_id": _name(served.here.store, found.user_row),
        "items": [
            {**_item(live, row), "position": n, "score": score, "propensity": chance, "source": sources[0],
             "sources": sources, "parts": parts}
            for n, (row, chance, score, sources, parts) in enumerate(columns)
        ],
        "dropped": {name: [_item(live, row)["id"] for row in rows] for name, rows in body["dropped"].items()},
        "candidates": body["candidates"],
        "left_out": body["left_out"],
        "moment": body["moment"],
        "seed": body["seed"],
    }  # fmt: skip


def why(served: Served, recommendation: str, item: str) -> dict[str, Any]:
    """Why an item stood on a logged list: its reason; or where it fell: the filter, the sources, or its rank."""
    found = served.impressions.get(recommendation)
    live = release_of(served, found)
    row = live.catalogue.row(item)
    query, slate, _ = lists.again(served, live, found)
    said: dict[str, Any] = {"recommendation_id": found.id.hex, **answers.item_of(live, row)}
    dropped_by = next((name for name, rows in found.body["dropped"].items() if row in rows), None)
    if row in found.items:
        reason = explain(live.recommender, live.described, query, row, slate, search=lists.COUNTER)
        place = found.items.index(row)
        return said | {
            "fell": "shown", "position": place, "propensity": found.propensities[place],
            "parts": found.body["parts"][place], "reason": answers.reason_of(live, reason), "text": reason.text,
        }  # fmt: skip
    fell = answers.fell(live, query, row, query.language)
    if dropped_by is not None and fell.get("dropped_by") != dropped_by:  # as it was then
        fell = {"fell": "dropped", "dropped_by": dropped_by}
        fell["text"] = answers.sentence(fell, query.language)
    return said | fell


def replay(served: Served, recommendation: str) -> dict[str, Any]:
    """A logged list filled again from what its impression keeps; `same` is true where it is so bit for bit."""
    found = served.impressions.get(recommendation)
    live = release_of(served, found)
    _, slate, _ = lists.again(served, live, found)
    body = found.body
    then = (found.items, found.propensities, tuple(body["scores"]), body["parts"])
    again = (
        tuple(slot.row for slot in slate.slots),
        tuple(slot.propensity for slot in slate.slots),
        tuple(slot.score for slot in slate.slots),
        [answers.finite(slot.parts) for slot in slate.slots],
    )
    return {
        "recommendation_id": found.id.hex,
        "same": then == again,
        "release": found.release,
        "then": [_item(live, row)["id"] for row in found.items],
        "again": [_item(live, row)["id"] for row in again[0]],
        "items_changed_since": body["moment"]["items"] != served.seen.get("items"),
    }


def release_of(served: Served, found: Impression) -> Live:
    """The release that made a list: the live one, or read from its folder; with the policy of that moment."""
    live, then = lists.live_of(served), found.body.get("policy")
    if (live.release.name, live.picture) == (found.release, then):
        return live
    picture = None if then is None else served.here.pictures.get(then)
    return served.here.load(found.release).exploring(picture)


def _item(live: Live, row: int) -> dict[str, Any]:
    try:
        return answers.item_of(live, row)
    except NotFound:  # deleted since
        return {"id": "", "title": ""}


def _name(store: Store, row: int) -> str | None:
    if row == UNKNOWN:
        return None
    with store.reading() as connection:
        found = connection.execute("SELECT id FROM users WHERE row = %s", (row,)).fetchone()
    return found[0] if found else None
