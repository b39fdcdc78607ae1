"""Lists as gorse's public clients ask for them."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
import structlog
from fastapi import APIRouter, Path, Query, Request, Response

from regard.data.files.rules import AHEAD
from regard.domain.errors import InvalidInput, NotFound, Unavailable
from regard.domain.records import Event
from regard.recommending.columns import take
from regard.serving import answers, lists
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer, read_json, takes
from regard.serving.api.errors import responses
from regard.serving.api.gorse_feedback import GorseFeedback
from regard.serving.pages import page
from regard.serving.served import Served
from regard.serving.settings import now
from regard.serving.wanted import Wanted
from regard.serving.wiring import Live

log = structlog.get_logger("regard.gorse")
router = APIRouter(route_class=Guarded, tags=["gorse"])
open_router = APIRouter(tags=["gorse"])
Id = Annotated[str, Path(min_length=1, max_length=256)]
N = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=100)]
Text = Annotated[str, Query(max_length=256)]
DELAY = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?")
READS = needs("read", **{"x-role-with": {"write-back-type": "write"}})
LISTED: dict[int | str, dict[str, Any]] = {200: {"model": list[Any]}, **responses()}
SCORED: dict[int | str, dict[str, Any]] = {200: {"model": list[dict[str, Any]]}, **responses()}


@router.get("/api/recommend/{user_id}", openapi_extra=READS, responses=LISTED)
@router.get("/api/recommend/{user_id}/{category:path}", openapi_extra=READS, responses=LISTED)
async def recommend(user_id: Id, request: Request, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """A list for a person: ids, or with `X-API-Version: 2` ids and scores. Each page is an impression of its own.

    A page with an `offset` goes on from the one before it, if that was answered within a visit (half an hour), and
    repeats nothing of it; ask for one after the other. Somebody whom no event, import or POST has named yet is
    remembered only by the process that answered. Without a page before it, the places up to `offset` count as held
    by the best items.

    `write-back-type` (takes the role write): each item gets such feedback, so that it counts as met; with
    `write-back-delay`, a span such as 10m of at most 24h, when that time has passed.
    """
    asked = request.query_params
    delay = seconds(asked.get("write-back-delay", ""))
    wanted = _wanted(user_id, n, _category(request), here)
    found = await _list(here, wanted, offset) if wanted is not None else []
    if kind := asked.get("write-back-type", ""):
        _check_type(kind)
        events = [Event(user_id, one["Id"], kind, time=now() + delay) for one in found]
        if events:
            await _write_back(here, events)
    return answer(found if request.headers.get("x-api-version") == "2" else [one["Id"] for one in found])


@router.post(
    "/api/session/recommend",
    openapi_extra=needs("read", **takes(list[GorseFeedback], "SessionFeedback")),
    responses=SCORED,
)
@router.post(
    "/api/session/recommend/{category:path}",
    openapi_extra=needs("read", **takes(list[GorseFeedback], "SessionFeedback")),
    responses=SCORED,
)
async def session(request: Request, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """A list for somebody unknown, after what they did. Pages of the same body go on as those of a person do whom
    nobody has named yet."""
    body = await read_json(request)
    if not isinstance(body, list) or len(body) > 200 or not all(isinstance(one, dict) for one in body):
        raise InvalidInput("body", "a list of at most 200 feedback objects", type(body).__name__)
    rows = [{k: v for k, v in one.items() if k != "UserId" and v != ""} for one in body]
    wanted = _wanted(None, n, _category(request), here)
    if wanted is None:
        return answer([])
    return answer(await _list(here, wanted.model_copy(update={"session": rows}), offset))


@router.get("/api/latest", openapi_extra=needs("read"), responses=SCORED)
@router.get("/api/latest/{category:path}", openapi_extra=needs("read"), responses=SCORED)
async def latest(request: Request, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """The newest items by their Timestamp.

    A look-up: the same for everybody, so that nothing is learned from who saw it. It is no impression.
    """
    live = await _live(here)
    starts = np.where(np.isfinite(live.catalogue.valid_from), live.catalogue.valid_from, 0.0)
    return answer(_ranked(live, starts, request, n, offset))


@router.get("/api/popular", openapi_extra=needs("read"), responses=SCORED)
@router.get("/api/popular/{category:path}", openapi_extra=needs("read"), responses=SCORED)
async def popular(request: Request, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """The items with the most events, by their weight.

    A look-up: the same for everybody, so that nothing is learned from who saw it. It is no impression.
    """
    live = await _live(here)
    return answer(_ranked(live, _weights(live), request, n, offset))


@router.get("/api/non-personalized/{name}", openapi_extra=needs("read"), responses=SCORED)
async def non_personalized(name: Id, request: Request, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """`latest` or `popular`.

    A look-up: the same for everybody, so that nothing is learned from who saw it. It is no impression.
    """
    if name not in ("latest", "popular"):
        raise NotFound("non-personalized", "latest or popular", repr(name))
    return await (latest if name == "latest" else popular)(request, here, n, offset)


@router.get("/api/item/{item_id}/neighbors", openapi_extra=needs("read"), responses=SCORED)
@router.get("/api/item/{item_id}/neighbors/{category:path}", openapi_extra=needs("read"), responses=SCORED)
@router.get("/api/item-to-item/{name}/{item_id}", openapi_extra=needs("read"), responses=SCORED)
async def neighbours(item_id: Id, request: Request, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """Items like one; `name` is a kind of likeness that the release knows, else the people's, else the content's.

    A look-up: the same for everybody, so that nothing is learned from who saw it. It is no impression.
    """
    live = await _live(here)
    row, kind = live.catalogue.row(item_id), request.path_params.get("name", "")
    kept = _kept(live, np.arange(len(live.catalogue)), _category(request))
    by = live.neighbours(row, n + offset, kept)
    if kind in by:
        by = {kind: by[kind]}
    batch = by.get("people") or next(iter(by.values()), None)
    if batch is None:
        return answer([])
    pairs = [(r, s) for r, s in zip(batch.rows, batch.scores, strict=True) if s > 0]
    return answer(_scored(live, pairs[offset:]))


@router.get("/api/user/{user_id}/neighbors", openapi_extra=needs("read"), responses=SCORED)
@router.get("/api/user-to-user/{name}/{user_id}", openapi_extra=needs("read"), responses=SCORED)
async def people(user_id: Id, here: Here, n: N = 10, offset: Offset = 0) -> Response:
    """People who liked the same items, by cosine, as of the live release.

    A look-up: the same for everybody, so that nothing is learned from who saw it. It is no impression.
    """
    live = await _live(here)
    if user_id not in live.data.users:
        return answer([])
    found = await asyncio.to_thread(answers.people_like, live, live.data.users.row(user_id), n + offset)
    return answer([{"Id": live.data.users[row], "Score": score} for row, score in found[offset:]])


@open_router.get("/api/health/live", responses={200: {"model": dict[str, Any]}})
@open_router.get("/api/health/ready", responses={200: {"model": dict[str, Any]}, 503: {"model": dict[str, Any]}})
async def health(request: Request) -> Response:
    """Whether the store answers."""
    asked = [(await served.person(""))[1] for served in request.app.state.tenants.served.values()]
    ready = all(asked)
    said = {"Ready": ready, "DataStoreError": None if ready else "away", "CacheStoreError": None}
    return answer(said, 200 if ready or request.url.path.endswith("live") else 503)


def seconds(text: str) -> float:
    """A span as gorse writes it; InvalidInput where it is none, or longer than an event may lie ahead.

    >>> seconds("1h30m"), seconds("")
    (5400.0, 0.0)
    """
    found = DELAY.fullmatch(text)
    hours, minutes, rest = (int(part or 0) for part in found.groups()) if found else (math.inf, 0, 0)
    span = 3600.0 * hours + 60.0 * minutes + rest
    if span > AHEAD:
        raise InvalidInput("write-back-delay", "a span such as 10m or 1h30m, at most 24h", repr(text)[:200])
    return span


async def _live(here: Served) -> Live:
    await here.person("")
    return lists.live_of(here)


def _wanted(user: str | None, k: int, category: str, here: Served) -> Wanted | None:
    """The request in our words; None where no item is of that category."""
    if category and here.live is not None and not _of(here.live, category).any():
        return None
    return Wanted(user_id=user, k=k, surface="gorse", filter={"tags": category} if category else {})


async def _list(here: Served, wanted: Wanted, offset: int) -> list[dict[str, Any]]:
    found = await page(here, wanted, offset)
    return [{"Id": item["id"], "Score": item["score"]} for item in found["items"]]


def _category(request: Request) -> str:
    return str(request.path_params.get("category") or request.query_params.get("category", ""))


def _kept(live: Live, rows: Any, category: str) -> Any:
    """Which rows may be shown now, and are of the category."""
    catalogue, at = live.catalogue, now()
    kept = ~catalogue.hidden[rows] & (catalogue.valid_from[rows] <= at) & (at < catalogue.valid_until[rows])
    return kept & take(_of(live, category), rows, missing=False) if category else kept


def _of(live: Live, category: str) -> Any:
    """The items (I,) of a category."""
    found = live.catalogue.having("tags", [category])
    return np.zeros(len(live.catalogue), np.bool_) if found is None else found


def _ranked(live: Live, scores: Any, request: Request, n: int, offset: int) -> list[dict[str, Any]]:
    rows = np.lexsort((-np.arange(len(scores)), -scores))
    rows = rows[rows < len(live.catalogue)]  # whose names are published; their columns stood before
    rows = rows[_kept(live, rows, _category(request))][offset : offset + n]
    return _scored(live, zip(rows, scores[rows], strict=True))


def _weights(live: Live) -> Any:
    events = live.data.events
    counts = np.bincount(events.item, np.maximum(events.weight, 0), len(live.catalogue))
    return counts.astype(np.float64)


def _scored(live: Live, pairs: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    return [{"Id": live.catalogue.id(int(row)), "Score": float(score)} for row, score in pairs]


def _check_type(kind: str) -> None:
    if not 0 < len(kind) <= 256 or any(ord(one) < 32 for one in kind):
        raise InvalidInput("write-back-type", "an id of 1 to 256 characters", repr(kind)[:200])


async def _write_back(served: Served, events: list[Event]) -> None:
    """Append what a list says of itself. The list waits for the store no longer than lists do; the log tells."""
    try:
        async with asyncio.timeout(served.here.settings.patience):
            await served.append(events)
    except (Unavailable, TimeoutError) as error:
        said = {"tenant": served.here.store.tenant, "events": len(events), "error": str(error)[:200]}
        log.warning("write-back not on disk in time", **said)
