"""Answers: what an installation says of people and items, in the JSON shapes of the interface."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from regard.data.catalogue import FORGOTTEN
from regard.data.translations import Translate, translator
from regard.domain.candidates import Candidates
from regard.domain.errors import NotFound
from regard.domain.request import Query, Slot
from regard.recommending.explain import Reason, explain, explain_slate
from regard.recommending.slots import SCORE
from regard.recommending.why_not import ORDER, POLICY, WhyNot
from regard.serving.installation import Installation
from regard.serving.settings import now
from regard.serving.vocabulary import vocabulary
from regard.serving.wiring import Live, on_offer

NAMELESS = {"id": "", "title": ""}


def recommend(here: Installation, user: str, k: int) -> dict[str, Any]:
    """One person's list, each slot with its title and reason."""
    live, query = here.live, here.query(user, k)
    slate = live.recommender.recommend(query)
    reasons = explain_slate(live.recommender, live.described, query, slate, search=0)
    said = [reason_of(live, one) for one in reasons]
    return {
        "user": user,
        "release": live.release.name,
        "items": [
            slot_of(live, slot, one) | {"parts": finite(slot.parts)}
            for slot, one in zip(slate.slots, said, strict=True)
        ],
        "dropped": dict(slate.dropped),
        "left_out": list(slate.left_out),
    }


def slot_of(live: Live, slot: Slot, reason: dict[str, Any] | None) -> dict[str, Any]:
    """One place of a list; `parts` as they are, infinite ones too (orjson writes null)."""
    return {
        **item_of(live, slot.row),
        "position": slot.position,
        "score": slot.score,
        "propensity": slot.propensity,
        "source": slot.source,
        "sources": slot.sources,
        "parts": slot.parts,
        "rules": [],
        "reason": reason,
    }


def finite(parts: Mapping[str, float]) -> dict[str, float | None]:
    """Named amounts as JSON knows them: null for what is without bound (a pin)."""
    return {name: amount if isfinite(amount) else None for name, amount in parts.items()}


def item_of(live: Live, row: int) -> dict[str, Any]:
    """How an item is named; empty where it was deleted since."""
    name = live.catalogue.id(row)
    return NAMELESS if name == FORGOTTEN.format(row) else {"id": name, "title": live.described.title(row)}


def reason_of(live: Live, reason: Reason) -> dict[str, Any]:
    """A reason with all that it rests on."""
    evidence = [{**item_of(live, c.row), "amount": c.amount, "liked": c.liked} for c in reason.evidence]
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
        **item_of(here.live, row),
        "score": total,
        "position": fell.get("position"),
        "reason": reason_of(here.live, reason),
        "fell": fell["text"],
    }


def why_not(here: Installation, user: str, item: str, k: int = 10) -> dict[str, Any]:
    """Where an item fell on its way to this person's list of `k`."""
    query, row = here.query(user, k), here.item(item)
    return _fell(here, query, row)


def missed(here: Installation, user: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Why-not for an item worth asking about: the most popular one on offer that this person's list does not hold."""
    shown = {item["id"] for item in answer["items"]}
    query = here.query(user, max(1, len(answer["items"])))
    offered = on_offer(here.live.catalogue)(query)
    usual = np.argsort(-np.bincount(here.live.data.events.item, minlength=len(offered)), kind="stable")
    asked = usual[offered[usual]].tolist()
    if not asked:
        raise NotFound("items", "one on offer", "none", "They are deleted, hidden, or not valid now.")
    row = next((row for row in asked if here.live.catalogue.id(row) not in shown), asked[0])
    return _fell(here, query, row)


def _fell(here: Installation, query: Query, row: int) -> dict[str, Any]:
    return fell(here.live, here.live.recommender.why_not(query, row), here.settings.language)


def fell(live: Live, found: WhyNot, language: str) -> dict[str, Any]:
    """Where an item fell on its way through the corridor, with a sentence."""
    last = None if found.last_row is None else item_of(live, found.last_row)
    said = found.to_json() | {"row": None, "last_row": None, "last": last}
    answer = item_of(live, found.row) | {name: value for name, value in said.items() if value not in (None, {}, [])}
    return answer | {"text": sentence(answer, language)}


def sentence(found: Mapping[str, Any], language: str) -> str:
    """Where the item fell, in one sentence."""
    _ = translator(language)
    if found["fell"] == "shown":
        return _("It is shown, in place {place}.").format(place=found["position"] + 1)
    if found["fell"] == "dropped":
        reasons = {
            "seen": _("They have met it already."),
            "hidden": _("It is hidden from everybody."),
            "blocked": _("They blocked it."),
            "excluded": _("This request excluded it."),
            "filtered": _("This request's filter does not let it through."),
            "not valid now": _("It is not valid at this time."),
        }
        return reasons.get(found["dropped_by"], _("The filter {name} dropped it.").format(name=found["dropped_by"]))
    if found["fell"] == "not proposed":
        ranks = [f"{name} {p['rank']}" for name, p in found.get("sources", {}).items() if p["rank"]]
        known = _(" Ranks: {ranks}.").format(ranks=", ".join(ranks)) if ranks else ""
        return _("No source proposed it.") + known
    return _outranked(found, _)


def _outranked(found: Mapping[str, Any], _: Translate) -> str:
    """Behind whom, by which scores, and what decided where the scores did not."""
    last = found.get("last")
    if last is None:
        return _("It came {rank} of {n} candidates; the list holds nothing now.").format(
            rank=found["rank"], n=found["candidates"]
        )
    own, other = _apart(found["score"], found["last_score"])
    said = _("It came {rank} of {n} candidates (score {score}); the last of the list, {title}, has {last}.").format(
        rank=found["rank"], n=found["candidates"], score=own, title=last["title"], last=other
    )
    decided = _decided(found, _)
    return _("{one} {other}").format(one=said, other=decided) if decided else said


def _decided(found: Mapping[str, Any], _: Translate) -> str:
    by = found["decided_by"]
    part, mine, theirs = vocabulary(_).get(by, by), found.get("parts", {}).get(by), found["last_parts"].get(by)
    if by == SCORE:
        return ""
    if by == ORDER:
        return _("Both weigh the same; what was proposed first stands first.")
    if by == POLICY and found["last_propensity"] == 1.0:
        return _("What earlier lists have taught decided.")
    if by == POLICY:
        own, other = _apart(found["propensity"], found["last_propensity"])
        return _("A draw decided, so that we learn: it had a chance of {own} there, the other {other}.").format(
            own=own, other=other
        )
    if mine is None or theirs is None:  # without bound
        return _("“{part}” decided.").format(part=part)
    own, other = _apart(mine, theirs, "+")
    return _("“{part}” decided: it has {own} there, the other {other}.").format(part=part, own=own, other=other)


def _apart(one: float, other: float, sign: str = "-") -> tuple[str, str]:
    """Both amounts with two decimals, or as many more as tell them apart.

    >>> _apart(0.5, 2), _apart(0.5012, 0.5008)
    (('0.50', '2.00'), ('0.5012', '0.5008'))
    """
    for digits in range(2, 9):
        said = f"{one:{sign}z.{digits}f}", f"{other:{sign}z.{digits}f}"
        if said[0] != said[1] or one == other:
            break
    return said


def similar(here: Installation, item: str, k: int) -> dict[str, Any]:
    """The `k` nearest items by content, and by the people who chose them where the release can tell."""
    return similar_to(here.live, here.item(item), k)


def similar_to(live: Live, row: int, k: int) -> dict[str, Any]:
    """The same by row; what is not on offer now is like nothing."""
    offered = on_offer(live.catalogue)(Query(at=now()))
    by = {name: _alike(live, batch) for name, batch in live.neighbours(row, k, offered).items()}
    if not any(by.values()):
        got = repr(live.catalogue.id(row))
        raise NotFound("similar", "an item with content or events", got, "Give it a text, or events.")
    return {**item_of(live, row), "by": by}


def _alike(live: Live, batch: Candidates) -> list[dict[str, Any]]:
    pairs = zip(batch.rows.tolist(), batch.scores.tolist(), strict=True)
    return [{**item_of(live, row), "score": score} for row, score in pairs if score > 0]


def people_like(live: Live, row: int, n: int) -> list[tuple[int, float]]:
    """The `n` people (rows) nearest to person `row` by the cosine of the items that they liked."""
    liked = live.data.matrix()
    own = liked[[row]]
    shared = np.asarray((liked @ own.T).todense()).ravel()
    sizes = np.sqrt(np.diff(liked.indptr) * max(1, own.nnz))
    scores = np.divide(shared, sizes, out=np.zeros(len(shared)), where=sizes > 0)
    scores[row] = 0.0
    order = np.argsort(-scores, kind="stable")[:n]
    return [(int(other), float(scores[other])) for other in order if scores[other] > 0]


def history(here: Installation, user: str, n: int) -> list[dict[str, Any]]:
    """The newest `n` items that one person liked, newest first."""
    past = here.query(user).history
    past = past.where(np.asarray(past.weights) > 0)
    newest = dict.fromkeys(past.rows[::-1].tolist())
    times = dict(zip(past.rows.tolist(), past.times.tolist(), strict=True))
    tags = here.live.described.tags
    return [
        {**item_of(here.live, row), "tags": list((tags[row] if row < len(tags) else None) or ()), "time": times[row]}
        for row in list(newest)[:n]
    ]
