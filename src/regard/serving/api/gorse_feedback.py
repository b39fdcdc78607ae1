"""Feedback as gorse's public clients send and read it: one row a (type, person, item)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from regard.data import feedback_rows
from regard.domain.errors import InvalidInput, NotFound
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer, read_json, takes
from regard.serving.api.entities import several
from regard.serving.api.errors import responses
from regard.serving.api.events import parse_events
from regard.serving.api.gorse_entities import OK, Cursor, Id, Page, affected, moment, plain_object
from regard.serving.served import Served

router = APIRouter(route_class=Guarded, tags=["gorse"])


class GorseFeedback(BaseModel):
    """What a person did with an item."""

    FeedbackType: str
    UserId: str
    ItemId: str
    Value: float = 0.0
    Timestamp: str = ""
    Comment: str = ""


@router.post("/api/feedback", openapi_extra=needs("write", **takes(list[GorseFeedback], "Feedbacks")), responses=OK)
async def post_feedback(request: Request) -> Response:
    """Add: a value adds to what stands for the same type, person and item."""
    return await _feed(request.state.served, await read_json(request), False)


@router.put("/api/feedback", openapi_extra=needs("write", **takes(list[GorseFeedback], "Feedbacks")), responses=OK)
async def put_feedback(request: Request) -> Response:
    """Overwrite what stands for the same type, person and item."""
    return await _feed(request.state.served, await read_json(request), True)


async def _feed(here: Served, body: Any, overwrite: bool) -> Response:
    rows = [{k: v for k, v in plain_object(row).items() if v != "" or k != "Timestamp"} for row, _ in several(body)]
    events = [replace(event, id=uuid.uuid4().hex) for event in parse_events(rows)]
    if overwrite:
        await here.stored.write(feedback_rows.overwrite, here.here.store, events)
    else:
        await here.append(events)
    return affected(len(events))


FEEDBACKS: dict[int | str, dict[str, Any]] = {200: {"model": list[GorseFeedback]}, **responses()}
PAGES: dict[int | str, dict[str, Any]] = {200: {"model": dict[str, Any]}, **responses()}


@router.get("/api/feedback", openapi_extra=needs("read"), responses=PAGES)
@router.get("/api/feedback/{kind}", openapi_extra=needs("read"), responses=PAGES)
async def page_feedback(here: Here, n: Page = 100, cursor: Cursor = "", kind: str = "") -> Response:
    """A page of feedback, of one type or of all."""
    found = await _rows(here, {"type": kind} if kind else {}, n, cursor)
    rows = [_feedback_out(row) for row in found]
    return answer({"Cursor": ".".join(map(str, found[-1].place)) if len(found) == n else "", "Feedback": rows})


@router.get("/api/feedback/{user_id}/{item_id}", openapi_extra=needs("read"), responses=FEEDBACKS)
async def pair_feedback(user_id: Id, item_id: Id, here: Here) -> Response:
    """What a person did with an item."""
    return answer([_feedback_out(row) for row in await _rows(here, {"user": user_id, "item": item_id})])


@router.get(
    "/api/feedback/{kind}/{user_id}/{item_id}",
    openapi_extra=needs("read"),
    responses={200: {"model": GorseFeedback}, **responses()},
)
async def one_feedback(kind: Id, user_id: Id, item_id: Id, here: Here) -> Response:
    """One row of feedback."""
    found = await _rows(here, {"type": kind, "user": user_id, "item": item_id})
    if not found:
        raise NotFound("feedback", "a row of this type, user and item", f"{kind}, {user_id}, {item_id}"[:300])
    return answer(_feedback_out(found[0]))


@router.get("/api/user/{user_id}/feedback", openapi_extra=needs("read"), responses=FEEDBACKS)
async def user_feedback(user_id: Id, here: Here) -> Response:
    """What a person did."""
    return answer([_feedback_out(row) for row in await _rows(here, {"user": user_id})])


@router.get("/api/user/{user_id}/feedback/{kind}", openapi_extra=needs("read"), responses=FEEDBACKS)
async def user_feedback_of(user_id: Id, kind: Id, here: Here) -> Response:
    """What a person did of one type."""
    return answer([_feedback_out(row) for row in await _rows(here, {"user": user_id, "type": kind})])


@router.get("/api/item/{item_id}/feedback", openapi_extra=needs("read"), responses=FEEDBACKS)
async def item_feedback(item_id: Id, here: Here) -> Response:
    """What was done with an item."""
    return answer([_feedback_out(row) for row in await _rows(here, {"item": item_id})])


@router.get("/api/item/{item_id}/feedback/{kind}", openapi_extra=needs("read"), responses=FEEDBACKS)
async def item_feedback_of(item_id: Id, kind: Id, here: Here) -> Response:
    """What was done with an item, of one type."""
    return answer([_feedback_out(row) for row in await _rows(here, {"item": item_id, "type": kind})])


@router.delete("/api/feedback/{user_id}/{item_id}", openapi_extra=needs("write"), responses=OK)
async def delete_pair(user_id: Id, item_id: Id, here: Here) -> Response:
    """Take back what a person did with an item."""
    return affected(await here.stored.write(feedback_rows.retract, here.here.store, user_id, item_id))


@router.delete("/api/feedback/{kind}/{user_id}/{item_id}", openapi_extra=needs("write"), responses=OK)
async def delete_feedback(kind: Id, user_id: Id, item_id: Id, here: Here) -> Response:
    """Take back one type of it."""
    return affected(await here.stored.write(feedback_rows.retract, here.here.store, user_id, item_id, kind))


async def _rows(here: Served, said: dict[str, str], n: int = 10_000, cursor: str = "") -> list[feedback_rows.Feedback]:
    parts = cursor.split(".") if cursor else ["-1", "-1", "-1"]
    try:
        user, item, kind = (int(part) for part in parts)
        if max(abs(user), abs(item)) >= 1 << 31 or abs(kind) >= 1 << 15:
            raise ValueError
    except ValueError:
        raise InvalidInput("cursor", "the Cursor of the page before", repr(cursor)[:200]) from None
    return await here.stored(feedback_rows.feedback, here.here.store, said, n, (user, item, kind))


def _feedback_out(row: feedback_rows.Feedback) -> dict[str, Any]:
    return {
        "FeedbackType": row.type,
        "UserId": row.user,
        "ItemId": row.item,
        "Value": row.value,
        "Timestamp": moment(row.first),
        "Updated": moment(row.last),
        "Comment": row.comment,
    }
