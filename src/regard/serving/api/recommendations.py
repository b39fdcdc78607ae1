"""Lists, the trace of each after the fact, and items like another."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from regard.serving import answers, lists, traces
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer, read, takes
from regard.serving.api.errors import responses
from regard.serving.wanted import ListOut, Wanted

router = APIRouter(route_class=Guarded, tags=["lists"])
Id = Annotated[str, Path(min_length=1, max_length=256)]


class Trace(BaseModel):
    """A list after the fact."""

    recommendation_id: str
    at: float
    release: str
    surface: str
    variant: str
    mode: str
    user_id: str | None
    items: list[dict[str, Any]]
    dropped: dict[str, list[str]]
    candidates: int
    left_out: list[str]
    moment: dict[str, Any]
    seed: int


class Why(BaseModel):
    """Why an item is on a list, or why not."""

    recommendation_id: str
    id: str
    title: str
    fell: str
    text: str


@router.post(
    "/v1/recommendations",
    openapi_extra=needs("read", **takes(Wanted, "Wanted")),
    responses={200: {"model": ListOut}, **responses()},
)
async def recommend(request: Request) -> Response:
    """A list for a person, or for somebody unknown after the events of their session."""
    return answer(await lists.recommend(request.state.served, await read(request, Wanted)))


@router.get(
    "/v1/recommendations/{recommendation_id}",
    openapi_extra=needs("read"),
    responses={200: {"model": Trace}, **responses()},
)
async def trace(recommendation_id: Id, here: Here) -> Response:
    """What was shown, by whom it was proposed, what made its score, and what dropped the rest."""
    return answer(await asyncio.to_thread(traces.trace, here, recommendation_id))


@router.get(
    "/v1/recommendations/{recommendation_id}/why/{item_id:path}",
    openapi_extra=needs("read"),
    responses={200: {"model": Why}, **responses()},
)
async def why(recommendation_id: Id, item_id: Id, here: Here) -> Response:
    """Why this item stood on that list; also for one that did not."""
    return answer(await asyncio.to_thread(traces.why, here, recommendation_id, item_id))


@router.get(
    "/v1/items/{item_id:path}/similar",
    openapi_extra=needs("read"),
    responses={200: {"model": dict[str, Any]}, **responses()},
)
async def similar(item_id: Id, here: Here, k: Annotated[int, Query(ge=1, le=200)] = 10) -> Response:
    """Items like this one, by each kind of likeness that the release knows."""
    await here.person("")  # what changed since
    live = lists.live_of(here)
    return answer(await asyncio.to_thread(answers.similar_to, live, live.catalogue.row(item_id), k))
