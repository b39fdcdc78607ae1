"""Lists: one request resolved, answered through the corridor, and logged before it leaves."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any
from uuid import UUID

import numpy as np
import orjson

import regard
from regard.data.attributes import values_of
from regard.data.catalogue import Catalogue
from regard.data.impression_log import Impression, impression_id
from regard.data.past import weights_as_of
from regard.data.schemas import parse_event, values
from regard.data.tails import past
from regard.domain.arrays import Mask, Rows
from regard.domain.candidates import Candidates
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.records import NOTHING, Value
from regard.domain.request import NO_ROWS, UNKNOWN, History, Query, Slate
from regard.domain.weights import EventWeight
from regard.recommending.explain import explain_slate
from regard.recommending.recommender import Recommender
from regard.recommending.retrievers import Listed
from regard.serving import answers
from regard.serving.past import past_print, runs_of
from regard.serving.served import Served
from regard.serving.session import AHEAD, SEEN, Person, happened_by, history, history_of
from regard.serving.settings import now
from regard.serving.together import Walk, Walked
from regard.serving.wanted import Wanted
from regard.serving.wiring import Live

COUNTER = 20  # how many history items a full reason's counterfactual may take away


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A request as the corridor reads it, and what the log keeps of it."""

    query: Query
    person: Person
    before: Rows  # what was shown by the lists that this one goes on after
    moment: Mapping[str, Any]  # the fields of the log that resolve to the same query later
    variant: str = "live"  # or "canary": which release answers


async def rank(served: Served, wanted: Wanted, items: Sequence[str]) -> tuple[list[tuple[str, float]], str]:
    """The given items that we know, best first for this person, with their scores; and the id of the logged list.

    Nothing is filtered: who asks has chosen the items.
    """
    person, asked = await served.person(wanted.user_id or "")
    live = live_of(served)
    rows = live.catalogue.rows(items)
    given = Listed(rows[rows >= 0])
    corridor = only(live.recommender, given)
    resolved = resolve(served, live, wanted.model_copy(update={"k": max(1, len(items))}), person, NO_ROWS)
    moment = {**resolved.moment, "given": given.rows.tolist()}
    resolved = replace(resolved, moment=moment)
    candidates, left_out = corridor.consider(resolved.query)
    slate = corridor.fill(resolved.query, candidates, left_out, np.random.default_rng(0))
    impression = _impression(live, wanted, resolved, slate, candidates, 0)
    await _logged(served, wanted, impression, NO_ROWS, asked)
    return [(live.catalogue.id(slot.row), slot.score) for slot in slate.slots], impression.id.hex


def only(corridor: Recommender, given: Listed) -> Recommender:
    """The corridor that ranks what it is given, and nothing else."""
    return replace(corridor.deterministic(), retrievers={"given": given}, filters={}, objectives={})


def live_of(served: Served, user: str = "") -> Live:
    """What answers this person now (nobody known: the live release), or Unavailable."""
    answering = served.answering(user, now())
    if answering is None:
        raise Unavailable("recommendations", "a live release", "none yet", "Fit one first: regard fit")
    return answering


async def recommend(served: Served, wanted: Wanted, before: Rows = NO_ROWS) -> bytes:
    """The answer to one request, as JSON bytes; its impression is on disk unless it says `logged: false`.

    `before` (n,): what the lists that it goes on after have shown, where `wanted.after` does not name one.
    """
    began = perf_counter()
    part = served.tracing.part
    with part("person"):
        person, asked = await served.person(wanted.user_id or "")
    live = live_of(served, wanted.user_id or "")
    if wanted.after is not None:
        before, asked = await _shown(served, wanted.after, asked)
    resolved = resolve(served, live, wanted, person, before)
    query, seed = resolved.query, secrets.randbits(62)
    candidates, slate = await _walked(served, live, query, seed)
    impression = _impression(live, wanted, resolved, slate, candidates, seed)
    with part("impression"):
        logged = await _logged(served, wanted, impression, before, asked)
    served.figures.listed(logged, slate.left_out)
    reasons: list[Any] = [None] * len(slate.slots)
    if wanted.explain != "none":
        search = COUNTER if wanted.explain == "full" else 0
        with part("reasons"):
            found = await asyncio.to_thread(explain_slate, live.recommender, live.described, query, slate, search)
        reasons = [answers.reason_of(live, reason) for reason in found]
    answer = {
        "recommendation_id": impression.id.hex,
        "release": live.release.name,
        "variant": resolved.variant,
        "mode": mode(person),
        "items": [answers.slot_of(live, slot, reason) for slot, reason in zip(slate.slots, reasons, strict=True)],
        "dropped": slate.dropped,
        "left_out": slate.left_out,
        "logged": logged,
        "took_ms": round((perf_counter() - began) * 1e3, 3),
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def resolve(served: Served, live: Live, wanted: Wanted, person: Person, before: Rows) -> Resolved:
    """A request as a Query: ids become rows, moods count with consent only, non-profiled people stay unknown."""
    catalogue, as_of = live.catalogue, live.catalogue.as_of
    moment: dict[str, Any] = {
        "at": now(),
        "k": wanted.k,
        "context": _context(wanted, person),
        "exclude": [row for row in catalogue.rows(wanted.exclude).tolist() if row >= 0],
        "filter": wanted.filter,
        "seed_item": None if wanted.seed_item is None else catalogue.row(wanted.seed_item),
        "session": None,
        "before": before.tolist(),
        "profiled": person.profiled,
        "items": as_of.items,
        "unread": runs_of(as_of),
        "weights": served.seen["weights"],
        "language": wanted.language or served.here.settings.language,
    }
    if wanted.session is not None:
        moment["session"], moment["session_types"] = _session(wanted.session, catalogue)
    variant = "canary" if served.canary is not None and live.release == served.canary.release else "live"
    return Resolved(query_of(served, live, person, moment), person, before, moment, variant)


def query_of(
    served: Served, live: Live, person: Person, moment: Mapping[str, Any], weights: Sequence[EventWeight] | None = None
) -> Query:
    """The query of a moment, now or from the log: the same `person`, `moment` and `weights` give the same query.

    Without a profile, what a person wished away is still blocked, as that is no guess of ours; what is like it is not.
    """
    person = person.by(moment["at"])
    types, worth = served.types, tuple(served.weights if weights is None else weights)
    user, then, attributes, met, unwanted, blocked = UNKNOWN, History(), NOTHING, NO_ROWS, NO_ROWS, person.unwanted
    if moment["profiled"]:
        user = person.row if person.row < len(live.data.users) else UNKNOWN
        if moment["session"] is None:
            then = history_of(person, tuple(types), worth, moment["at"])
        else:
            types = moment.get("session_types", types)  # an older Regard wrote the store's codes
            done, _ = happened_by(np.array([tuple(one) for one in moment["session"]], SEEN), moment["at"])
            then = history(done, types, worth, moment["at"])
        attributes, met, unwanted, blocked = person.attributes, person.met, person.unwanted, NO_ROWS
    exclude = np.array([*moment["exclude"], *moment["before"]], np.int64)
    return Query(
        moment["at"], moment["k"], user, then, attributes, moment["context"], exclude, blocked, met, unwanted,
        allowed=allowed(live.catalogue, moment["filter"]), filtered=frozenset(moment["filter"]),
        seed_item=moment["seed_item"], language=moment.get("language", served.here.settings.language),
    )  # fmt: skip


def asked(served: Served, live: Live, found: Impression) -> Query:
    """The query of a logged list, with the weights of its moment; those of today where an older Regard wrote it."""
    body, person = found.body, Person()
    if found.user_row != UNKNOWN:
        events, met, unwanted = past(served.here.store, found.user_row, body["seq"], body["moment"]["at"] + AHEAD)
        newest = np.array(events, SEEN)
        person = Person(
            found.user_row, attributes=values_of(orjson.loads(body["attributes"])),
            newest=newest[np.lexsort((newest["seq"], newest["time"]))], met=met,
            unwanted=unwanted,
        )  # fmt: skip
    version = body["moment"].get("weights")
    weights = None if version is None else weights_as_of(served.here.store, version)
    return query_of(served, live, person, body["moment"], weights)


async def _walked(served: Served, live: Live, query: Query, seed: int) -> Walked:
    """Together with whoever asks now; a request whose parts are traced walks alone, so that they are its own."""
    tracing = served.tracing
    if not tracing.recording():
        return await served.walk(Walk(live, query, seed))
    corridor = tracing.corridor(live.recommender)
    with tracing.part("candidates"):
        candidates, left_out = corridor.consider(query)
    with tracing.part("slots"):
        return candidates, corridor.fill(query, candidates, left_out, np.random.default_rng(seed))


def allowed(catalogue: Catalogue, wanted: Mapping[str, str | list[str]]) -> Mask | None:
    """The rows (I,) that have one of the wanted values of every named field; None where nothing is asked."""
    mask: Mask | None = None
    for name, said in wanted.items():
        has = catalogue.having(name, [said] if isinstance(said, str) else said)
        if has is None:
            raise InvalidInput("filter", "tags, creator or an attribute that items have", repr(name))
        same = len(has) if mask is None else min(len(has), len(mask))  # items may come between two fields
        mask = has if mask is None else mask[:same] & has[:same]
    return mask


def _session(
    raw: list[dict[str, Any]], catalogue: Catalogue
) -> tuple[list[tuple[int, int, int, float, float]], list[str]]:
    """The events of somebody unknown as rows of SEEN, and their types by code; unknown items teach nothing."""
    found, codes = [], dict[str, int]()
    for place, one in enumerate(raw):
        event = parse_event({"time": now(), **one, "user": "session"}, f"session[{place}]", now=now())
        if event.item in catalogue:
            code = codes.setdefault(event.type, len(codes))
            found.append((place, catalogue.row(event.item), code, event.value, event.time))
    return sorted(found, key=lambda one: (one[4], one[0])), list(codes)


def _context(wanted: Wanted, person: Person) -> dict[str, Value]:
    """What is said of the moment; a mood counts where the person has agreed to it, or where nobody knows who asks."""
    context = values(wanted.context)
    if person.row == UNKNOWN or person.consent.get("mood", False):
        context |= {f"mood.{name}": value for name, value in values(wanted.mood).items()}
    return context


async def _logged(served: Served, wanted: Wanted, impression: Impression, before: Rows, asked: bool) -> bool:
    """Whether the list is now on disk; else it is remembered, so that the next page can go on after it."""
    logged = asked and await served.log(impression)
    if not logged:
        shown = np.concatenate([np.array([row for row in impression.items if row >= 0], np.int64), before])
        served.sessions.keep(impression.id, wanted.user_id or "", shown)
    return logged


async def _shown(served: Served, recommendation: UUID, asked: bool) -> tuple[Rows, bool]:
    """What a list showed, and those before it that it went on after; and whether the store could be asked."""
    kept = served.sessions.kept(recommendation)
    if kept is not None or not asked:
        return NO_ROWS if kept is None else kept, asked
    try:
        found = await served.impression(str(recommendation))
    except Unavailable:
        return NO_ROWS, False
    return np.array([*(row for row in found.items if row >= 0), *found.body["moment"]["before"]], np.int64), True


def _impression(
    live: Live, wanted: Wanted, resolved: Resolved, slate: Slate, candidates: Candidates, seed: int
) -> Impression:
    person, slots, coming = resolved.person, slate.slots, live.catalogue.coming
    body = {
        "moment": resolved.moment,
        "mode": mode(person),
        "variant": resolved.variant,
        "policy": live.picture,
        "seed": seed,
        "seq": person.seq,
        "attributes": person.said[0] if person.profiled else "{}",
        "explain": wanted.explain,
        "scores": [slot.score for slot in slots],
        "sources": [slot.sources for slot in slots],
        "parts": [slot.parts for slot in slots],  # orjson writes null for a pin's infinity
        "dropped": {name: rows for name, rows in candidates.dropped.items() if len(rows)},
        "candidates": len(candidates),
        "left_out": slate.left_out,
        "past": past_print(resolved.query),
        "items_after": coming.items,
        "unread_after": runs_of(coming),
        "encoder": live.encoder,
        "regard": regard.__version__,
    }
    at = resolved.query.at
    return Impression(
        impression_id(at, secrets.randbits(74)), at, person.row, live.release.name, wanted.surface,
        tuple(slot.row for slot in slots), tuple(slot.propensity for slot in slots),
        orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY),
    )  # fmt: skip


def mode(person: Person) -> str:
    """Whether the list was made of what the person did."""
    return "personal" if person.profiled else "non_profiled"
