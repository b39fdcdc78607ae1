"""Releases: what was fitted, what is live, and the way forth and back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from regard.data.release_rows import all_rows
from regard.serving import watching
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer
from regard.serving.api.errors import responses
from regard.serving.served import Served
from regard.serving.settings import now

router = APIRouter(route_class=Guarded, tags=["releases"])
Name = Annotated[str, Path(pattern=r"^[0-9]{4,9}$")]


class ReleaseOut(BaseModel):
    """One release: its state, and the moment (unix seconds) since when it has been in it."""

    name: str
    state: str
    since: float
    live: bool
    created: float
    moment: float
    figures: dict[str, Any]
    gate: list[dict[str, Any]]
    approver: str | None
    lists: int
    liked: float | None


class ReleasesOut(BaseModel):
    """All of them, oldest first."""

    releases: list[ReleaseOut]


class Promoted(BaseModel):
    """Which release is live from now on."""

    live: str


@router.get("/v1/releases", openapi_extra=needs("read"), responses={200: {"model": ReleasesOut}, **responses()})
async def releases(here: Here) -> Response:
    """Every release, oldest first, with the lists of the last day and the share of visits that liked one."""
    return answer(await here.stored(_all, here))


@router.post(
    "/v1/releases/{name}/promote",
    openapi_extra=needs("expert"),
    responses={200: {"model": Promoted}, **responses(409)},
)
async def promote(name: Name, here: Here, request: Request) -> Response:
    """Approve this release and make it the live one, on every server of this store; no request fails meanwhile.

    409 where its gate does not hold.
    """
    await here.stored.write(here.promote, name, request.state.caller)
    return answer({"live": name})


@router.post(
    "/v1/releases/{name}/rollback",
    openapi_extra=needs("expert"),
    responses={200: {"model": Promoted}, **responses(409)},
)
async def rollback(name: Name, here: Here, request: Request) -> Response:
    """Take this release back: the canary, or the live one for the one that was live before it (logged as emergency)."""
    live = await here.stored.write(here.roll_back, name, request.state.caller, "asked for over the interface")
    return answer({"live": live})


def _all(served: Served) -> dict[str, Any]:
    here = served.here
    here.promotions.settle(now())
    lately = watching.by_release(here)
    return {
        "releases": [
            {
                "name": row.name,
                "state": row.state,
                "since": row.since,
                "live": row.state == "live",
                "created": row.about["created"],
                "moment": row.about["moment"],
                "figures": row.about["figures"],
                "gate": row.gate,
                "approver": row.approver,
                "lists": 0,
                "liked": None,
                **lately.get(row.name, {}),
            }
            for row in all_rows(here.store)
        ]
    }
