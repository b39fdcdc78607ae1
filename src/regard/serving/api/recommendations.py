"""Lists, the trace of each after the fact, and items like another."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from regard.serving import answers, lists, traces
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer, read, takes
from regard.serving.api.errors import responses
from regard.serving.wanted import ListOut, ReasonOut, Wanted

router = APIRouter(route_class=Guarded, tags=["lists"])
Id = Annotated[str, Path(min_length=1, max_length=256)]


class Trace(BaseModel):
    """A list after the fact."""

    recommendation_id: str
    at: float
    release: str
    surface: str
    variant: str
    policy: str | None
    mode: str
    user_id: str | None
    items: list[dict[str, Any]]
    dropped: dict[str, list[str]]
    candidates: int
    left_out: list[str]
    moment: dict[str, Any]
    seed: int


class ProposalOut(BaseModel):
    """What one source says of an item: its rank (1: the best) and score there, null beyond its reach, and where it
    stopped."""

    rank: int | None
    score: float | None
    proposed: int = Field(description="how many items it proposed")
    last_score: float | None = Field(description="the score of the last of them")


class Named(BaseModel):
    """An item by its name."""

    id: str
    title: str


class Why(BaseModel):
    """Why an item is on a list, or why not. What does not apply is absent."""

    recommendation_id: str
    id: str
    title: str
    fell: Literal["shown", "outranked", "dropped", "not proposed"]
    text: str
    position: int = Field(0, description="where it is shown; 0: the first place")
    reason: ReasonOut | None = Field(None, description="why it is shown")
    dropped_by: str = Field("", description="the filter that dropped it")
    sources: dict[str, ProposalOut] = Field({}, description="those that proposed it; not proposed: all, and how far")
    propensity: float = Field(0.0, description="its chance in its place; outranked: in the last place")
    score: float = 0.0
    parts: dict[str, float | None] = Field({}, description="of its gain in that place")
    candidates: int = Field(0, description="how many there were")
    rank: int = Field(0, description="among them by score; 1: the best")
    last: Named | None = Field(None, description="the last item of the list")
    last_propensity: float = 0.0
    last_score: float = 0.0
    last_parts: dict[str, float] = {}
    forbidden_by: list[str] = Field([], description="objectives that forbade it in the last place")
    decided_by: str = Field(
        "",
        description="the part in which it fell behind the last most; policy: a draw, or what impressions have taught; "
        "order: both were equal",
    )


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
    await here.person("")  # what was deleted since
    return answer(await here.stored(traces.trace, here, recommendation_id))


@router.get(
    "/v1/recommendations/{recommendation_id}/why/{item_id:path}",
    openapi_extra=needs("read"),
    responses={200: {"model": Why}, **responses()},
)
async def why(recommendation_id: Id, item_id: Id, here: Here) -> Response:
    """Why this item stood on that list, or where it fell on its way there, and what decided."""
    return answer(await here.traced(traces.why, here, recommendation_id, item_id))


@router.get(
    "/v1/items/{item_id:path}/similar",
    openapi_extra=needs("read"),
    responses={200: {"model": dict[str, Any]}, **responses()},
)
async def similar(item_id: Id, here: Here, k: Annotated[int, Query(ge=1, le=200)] = 10) -> Response:
    """Items like this one, by each kind of likeness that the release knows.

    A look-up: the same for everybody, so that nothing is learned from who saw it. It has no recommendation_id and is no
    impression; for a list that is one, ask for recommendations with `seed_item`.
    """
    await here.person("")  # what changed since
    live = lists.live_of(here)
    return answer(await asyncio.to_thread(answers.similar_to, live, live.catalogue.row(item_id), k))
