"""Traces: what a logged list was made of, and why an item stood on it or did not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regard.data.impression_log import Impression
from regard.data.postgres import Store
from regard.domain.errors import NotFound
from regard.domain.request import UNKNOWN
from regard.recommending.explain import explain
from regard.serving import answers, lists
from regard.serving.past import began
from regard.serving.replaying import again, as_asked
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
    with served.past.at(found.release, began(found), found.body["left_out"]) as live:
        return _why(served, as_asked(served, live, found), found, item)


def _why(served: Served, live: Live, found: Impression, item: str) -> dict[str, Any]:
    row = live.catalogue.row(item)
    query = lists.asked(served, live, found)
    listed = np.array([one for one in found.items if one >= 0], np.int64)
    fell = answers.fell(live, live.recommender.why_not(query, row, listed), query.language)
    said: dict[str, Any] = {"recommendation_id": found.id.hex, **answers.item_of(live, row)}
    if row in found.items:
        return said | _shown(served, live, found, row, fell.get("sources", {}))
    dropped_by = next((name for name, rows in found.body["dropped"].items() if row in rows), None)
    if dropped_by is not None and fell.get("dropped_by") != dropped_by:  # as it was then
        fell = {"fell": "dropped", "dropped_by": dropped_by}
        fell["text"] = answers.sentence(fell, query.language)
    return said | fell


def _shown(served: Served, live: Live, found: Impression, row: int, sources: Mapping[str, Any]) -> dict[str, Any]:
    """What the line says of one of its items, what the `sources` that it names say of it, and the reason."""
    query, slate = again(served, live, found)
    reason = explain(live.recommender, live.described, query, row, slate, search=lists.COUNTER)
    place, body = found.items.index(row), found.body
    return {
        "fell": "shown", "position": place, "propensity": found.propensities[place], "score": body["scores"][place],
        "parts": body["parts"][place], "sources": {n: sources[n] for n in body["sources"][place] if n in sources},
        "reason": answers.reason_of(live, reason), "text": reason.text,
    }  # fmt: skip


def _item(live: Live, row: int) -> dict[str, Any]:
    try:
        return answers.item_of(live, row)
    except NotFound:  # deleted since
        return answers.NAMELESS


def _name(store: Store, row: int) -> str | None:
    if row == UNKNOWN:
        return None
    with store.reading() as connection:
        found = connection.execute("SELECT id FROM users WHERE row = %s", (row,)).fetchone()
    return found[0] if found else None
