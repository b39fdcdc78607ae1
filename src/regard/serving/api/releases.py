"""Releases: what was fitted, what is live, and the way forth and back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from regard.domain.errors import Conflict
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer
from regard.serving.api.errors import responses
from regard.serving.served import Served

router = APIRouter(route_class=Guarded, tags=["releases"])
Name = Annotated[str, Path(pattern=r"^[0-9]{4,9}$")]


class ReleaseOut(BaseModel):
    """One release."""

    name: str
    live: bool
    created: float
    moment: float
    figures: dict[str, Any]


class ReleasesOut(BaseModel):
    """All of them, oldest first."""

    releases: list[ReleaseOut]


class Promoted(BaseModel):
    """Which release is live from now on."""

    live: str


@router.get("/v1/releases", openapi_extra=needs("read"), responses={200: {"model": ReleasesOut}, **responses()})
async def releases(here: Here) -> Response:
    """Every release, oldest first."""
    return answer(await asyncio.to_thread(_all, here))


@router.post(
    "/v1/releases/{name}/promote",
    openapi_extra=needs("expert"),
    responses={200: {"model": Promoted}, **responses(409)},
)
async def promote(name: Name, here: Here) -> Response:
    """Make this release the live one, on every server of this store; no request fails meanwhile."""
    await asyncio.to_thread(here.promote, name)
    return answer({"live": name})


@router.post(
    "/v1/releases/{name}/rollback",
    openapi_extra=needs("expert"),
    responses={200: {"model": Promoted}, **responses(409)},
)
async def rollback(name: Name, here: Here) -> Response:
    """Go back from this live release to the one before it."""
    names, live = here.here.releases.names(), here.here.releases.live()
    if live is None or live.name != name:
        raise Conflict("release", "the live one", repr(name), "GET /v1/releases says which is live.")
    before = [one for one in names if one < name]
    if not before:
        raise Conflict("release", "one before it", "none", "The first release cannot be rolled back.")
    await asyncio.to_thread(here.promote, before[-1])
    return answer({"live": before[-1]})


def _all(served: Served) -> dict[str, Any]:
    kept, live = served.here.releases, served.here.releases.live()
    found = [kept.get(name) for name in kept.names()]
    return {
        "releases": [
            {
                "name": one.name,
                "live": live is not None and live.name == one.name,
                "created": one.created,
                "moment": one.moment,
                "figures": one.figures,
            }
            for one in found
        ]
    }
