"""Answers: what an installation says of people and items, in the JSON shapes of the interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regard.data.translations import translator
from regard.domain.candidates import Candidates
from regard.domain.errors import NotFound
from regard.domain.request import Query, Slot
from regard.recommending.explain import Reason, explain, explain_slate
from regard.serving.installation import Installation


def recommend(here: Installation, user: str, k: int) -> dict[str, Any]:
    """One person's list, each slot with its title and reason."""
    live, query = here.live, here.query(user, k)
    slate = live.recommender.recommend(query)
    reasons = explain_slate(live.recommender, live.described, query, slate, search=0)
    return {
        "user": user,
        "release": live.release.name,
        "items": [_slot(here, slot, reason) for slot, reason in zip(slate.slots, reasons, strict=True)],
        "dropped": dict(slate.dropped),
        "left_out": list(slate.left_out),
    }


def _slot(here: Installation, slot: Slot, reason: Reason) -> dict[str, Any]:
    return {
        **named(here, slot.row),
        "position": slot.position,
        "score": slot.score,
        "propensity": slot.propensity,
        "source": slot.source,
        "sources": list(slot.sources),
        "parts": dict(slot.parts),
        "rules": [],
        "reason": _reason(here, reason),
    }


def named(here: Installation, row: int) -> dict[str, Any]:
    """Id and title of one item row."""
    return {"id": here.live.catalogue.id(row), "title": here.live.described.title(row)}


def _reason(here: Installation, reason: Reason) -> dict[str, Any]:
    evidence = [{**named(here, c.row), "amount": c.amount, "liked": c.liked} for c in reason.evidence]
    return {
        "text": reason.text,
        "kind": reason.kind,
        "evidence": evidence,
        "other": dict(reason.other),
        "explains": reason.explains,
        "exact": reason.exact,
        "counterfactual": list(reason.counterfactual),
    }


def explained(here: Installation, user: str, item: str) -> dict[str, Any]:
    """Why this item for this person: all evidence with amounts, and the smallest past without which it would go."""
    live, query, row = here.live, here.query(user), here.item(item)
    reason = explain(live.recommender, live.described, query, row)
    total = sum(cause.amount for cause in reason.evidence) + sum(reason.other.values())
    fell = _fell(here, query, row)
    return {
        "user": user,
        **named(here, row),
        "score": total,
        "position": fell.get("position"),
        "reason": _reason(here, reason),
        "fell": fell["text"],
    }


def why_not(here: Installation, user: str, item: str, k: int = 10) -> dict[str, Any]:
    """Where an item fell on its way to this person's list of `k`."""
    query, row = here.query(user, k), here.item(item)
    return _fell(here, query, row)


def missed(here: Installation, user: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Why-not for an item worth asking about: the most popular one that this person's list does not hold."""
    shown = {item["id"] for item in answer["items"]}
    query = here.query(user, max(1, len(answer["items"])))
    usual = np.argsort(-np.bincount(here.live.data.events.item, minlength=1), kind="stable")
    row = next((int(r) for r in usual if here.live.catalogue.id(int(r)) not in shown), int(usual[0]))
    return _fell(here, query, row)


def _fell(here: Installation, query: Query, row: int) -> dict[str, Any]:
    found = here.live.recommender.deterministic().why_not(query, row)
    said = found.to_json() | {"row": None, "last_row": None}
    last = None if found.last_row is None else named(here, found.last_row)
    answer = {**named(here, row), **{k: v for k, v in said.items() if v not in (None, {}, [])}, "last": last}
    return answer | {"text": _sentence(here, answer)}


def _sentence(here: Installation, found: Mapping[str, Any]) -> str:
    """Where the item fell, in one sentence."""
    _ = translator(here.settings.language)
    if found["fell"] == "shown":
        return _("It is shown, in place {place}.").format(place=found["position"] + 1)
    if found["fell"] == "dropped":
        reasons = {
            "seen": _("They have met it already."),
            "hidden": _("It is hidden from everybody."),
            "blocked": _("They blocked it."),
            "excluded": _("This request excluded it."),
            "not valid now": _("It is not valid at this time."),
        }
        return reasons.get(found["dropped_by"], _("The filter {name} dropped it.").format(name=found["dropped_by"]))
    if found["fell"] == "not proposed":
        ranks = [f"{name} {p['rank']}" for name, p in found.get("sources", {}).items() if p["rank"]]
        known = _(" Ranks: {ranks}.").format(ranks=", ".join(ranks)) if ranks else ""
        return _("No source proposed it.") + known
    return _(
        "It came {rank} of {n} candidates (score {score:.2f}); the last of the list, {title}, has {last:.2f}."
    ).format(
        rank=found["rank"],
        n=found["candidates"],
        score=found["score"],
        title=(found["last"] or {}).get("title", ""),
        last=found.get("last_score", 0.0),
    )


def similar(here: Installation, item: str, k: int) -> dict[str, Any]:
    """The `k` nearest items by content, and by the people who chose them where the release can tell."""
    row = here.item(item)
    by = {name: _alike(here, batch, row, k) for name, batch in here.live.neighbours(row, k + 1).items()}
    if not any(by.values()):
        raise NotFound("similar", "an item with content or events", repr(item), "Give it a text, or events.")
    return {**named(here, row), "by": by}


def _alike(here: Installation, batch: Candidates, row: int, k: int) -> list[dict[str, Any]]:
    pairs = zip(batch.rows.tolist(), batch.scores.tolist(), strict=True)
    return [{**named(here, r), "score": s} for r, s in pairs if r != row and s > 0][:k]


def history(here: Installation, user: str, n: int) -> list[dict[str, Any]]:
    """The newest `n` items that one person liked, newest first."""
    past = here.query(user).history
    past = past.where(np.asarray(past.weights) > 0)
    newest = dict.fromkeys(past.rows[::-1].tolist())
    times = dict(zip(past.rows.tolist(), past.times.tolist(), strict=True))
    tags = here.live.described.tags
    return [
        {**named(here, row), "tags": list((tags[row] if row < len(tags) else None) or ()), "time": times[row]}
        for row in list(newest)[:n]
    ]
