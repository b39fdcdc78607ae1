"""Health and figures: whether this process lives, whether it can answer, and what it has done."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer
from regard.serving.api.errors import responses

router = APIRouter(tags=["health"])
guarded = APIRouter(route_class=Guarded, tags=["health"])


class Health(BaseModel):
    """`ready` is true where the store answers; lists also need a live release."""

    ready: bool


@router.get("/health/live", responses={200: {"model": Health}})
async def live() -> Response:
    """This process runs."""
    return answer({"ready": True})


@router.get("/health/ready", responses={200: {"model": Health}, 503: {"model": Health}})
async def ready(request: Request) -> Response:
    """Every tenant's store answers."""
    all_asked = True
    for served in request.app.state.tenants.served.values():
        _, asked = await served.person("")
        all_asked = all_asked and asked
    return answer({"ready": all_asked}, 200 if all_asked else 503)


@guarded.get(
    "/metrics",
    openapi_extra=needs("read"),
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **responses()},
)
async def metrics(here: Here) -> Response:
    """This server's figures about the key's tenant, as Prometheus reads them; all its workers answer alike."""
    return Response(generate_latest(here.figures.registry), media_type=CONTENT_TYPE_LATEST)
