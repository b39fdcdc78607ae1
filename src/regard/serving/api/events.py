"""POST /v1/events: one or thousands, idempotent by id, on disk before the answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from regard.data.files.naming import fields_of
from regard.data.schemas import parse_event
from regard.domain.errors import InvalidInput
from regard.domain.records import Event
from regard.serving.api.access import Guarded, needs
from regard.serving.api.bodies import answer, read_json, takes
from regard.serving.api.errors import responses
from regard.serving.settings import now

MOST = 10_000  # events a call

router = APIRouter(route_class=Guarded, tags=["events"])


class EventBody(BaseModel):
    """One event. Without an `id` it is known by its content; without a `time`, it happened now. Other keys: context."""

    user: str
    item: str
    type: str = "view"
    value: float | None = None
    time: float | str | None = None
    id: str = ""
    slate: str = Field("", description="the recommendation_id that the event answers")
    position: int | None = None
    context: dict[str, Any] = {}


class Accepted(BaseModel):
    """How many events are on disk now, those included that already were."""

    accepted: int


@router.post(
    "/v1/events",
    status_code=202,
    openapi_extra=needs("write", **takes(EventBody | list[EventBody], "EventsIn")),
    responses={202: {"model": Accepted}, **responses()},
)
async def events(request: Request) -> Response:
    """Add events. Sent again, nothing changes: send again whenever no 202 came."""
    batch = parse_events(await read_json(request))
    served = request.state.served
    await served.append(batch)
    served.figures.kept(len(batch))
    return answer({"accepted": len(batch)}, 202)


def parse_events(body: Any) -> list[Event]:
    """Every event of a body, or InvalidInput that names the place; nothing is kept of a call with a bad one."""
    several = isinstance(body, list)
    rows = body if several else [body]
    if not 0 < len(rows) <= MOST:
        raise InvalidInput("body", f"1 to {MOST:,} events", f"{len(rows):,}")
    at = now()
    return [parsed(raw, f"[{n}]" if several else "event", at) for n, raw in enumerate(rows)]


def parsed(raw: Any, where: str, at: float) -> Event:
    """One event; what bears no time happened at `at`."""
    if isinstance(raw, dict) and raw.get("time") is None:
        said = fields_of([name for name in raw if name != "time"], "events")
        raw = raw if "time" in said.values() else {**raw, "time": at}
    return parse_event(raw, where, now=at)
