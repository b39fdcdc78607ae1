"""The runtime and the events of Amazon Personalize, as boto3 asks for them; ARNs are read by their names only."""

from __future__ import annotations

import csv
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from regard.data.joining import SESSION, join
from regard.data.schemas import parse_event
from regard.domain.errors import InvalidInput
from regard.serving import lists
from regard.serving.api.access import Guarded, needs
from regard.serving.api.bodies import answer, read, takes
from regard.serving.api.errors import Malformed, responses
from regard.serving.settings import now
from regard.serving.wanted import Name, Wanted

router = APIRouter(route_class=Guarded, tags=["personalize"])
Arn = Annotated[str | None, Field(max_length=256)]
Texts = Annotated[dict[str, str], Field(max_length=50)]


class Asked(BaseModel):
    """What both calls of the runtime say; ARNs are accepted and not looked up."""

    model_config = ConfigDict(extra="ignore")

    campaignArn: Arn = None
    recommenderArn: Arn = None
    filterArn: Arn = None
    userId: Name | None = None
    context: Texts = {}
    filterValues: Texts = {}


class RecommendationsIn(Asked):
    """GetRecommendations."""

    itemId: Name | None = None
    numResults: int = Field(25, ge=0, le=500)


class RankingIn(Asked):
    """GetPersonalizedRanking."""

    inputList: list[Name] = Field(max_length=500)


class PersonalizeEvent(BaseModel):
    """One event of PutEvents."""

    model_config = ConfigDict(extra="ignore")

    eventId: str = ""
    eventType: Name
    eventValue: float | None = None
    itemId: Name | None = None
    sentAt: float | str
    impression: list[Name] = Field([], max_length=500, description="what was shown; kept in the event's context")
    recommendationId: str = ""
    properties: str | dict[str, Any] = "{}"


class EventsBody(BaseModel):
    """PutEvents."""

    model_config = ConfigDict(extra="ignore")

    trackingId: str = ""
    sessionId: Name
    userId: Name | None = None
    eventList: list[PersonalizeEvent] = Field(min_length=1, max_length=10)


class Scored(BaseModel):
    """An item and its score."""

    itemId: str
    score: float


class RecommendationsOut(BaseModel):
    """A list."""

    itemList: list[Scored]
    recommendationId: str


class RankingOut(BaseModel):
    """The input, ranked."""

    personalizedRanking: list[Scored]
    recommendationId: str


@router.post(
    "/recommendations",
    openapi_extra=needs("read", **takes(RecommendationsIn, "RecommendationsIn")),
    responses={200: {"model": RecommendationsOut}, **responses()},
)
async def recommendations(request: Request) -> Response:
    """GetRecommendations. Where no results are wanted, no list is made, and recommendationId is empty."""
    said = await read(request, RecommendationsIn)
    wanted = Wanted(
        user_id=said.userId, surface="personalize", context=dict(said.context), seed_item=said.itemId,
        filter=_filter(said.filterValues),
    ).model_copy(update={"k": said.numResults})  # fmt: skip
    if not said.numResults:
        return answer({"itemList": [], "recommendationId": ""})
    found = orjson.loads(await lists.recommend(request.state.served, wanted))
    scored = [{"itemId": item["id"], "score": item["score"]} for item in found["items"]]
    return answer({"itemList": scored, "recommendationId": found["recommendation_id"]})


@router.post(
    "/personalize-ranking",
    openapi_extra=needs("read", **takes(RankingIn, "RankingIn")),
    responses={200: {"model": RankingOut}, **responses()},
)
async def ranking(request: Request) -> Response:
    """GetPersonalizedRanking: the given items, best first; those that nobody knows come last."""
    said = await read(request, RankingIn)
    names = list(dict.fromkeys(said.inputList))
    wanted = Wanted(user_id=said.userId, surface="personalize ranking", context=dict(said.context))
    found, name = await lists.rank(request.state.served, wanted, names)
    known = {one for one, _ in found}
    ranked = [*found, *((one, 0.0) for one in names if one not in known)]
    body = [{"itemId": one, "score": score} for one, score in ranked]
    return answer({"personalizedRanking": body, "recommendationId": name})


@router.post(
    "/events",
    openapi_extra=needs("write", **takes(EventsBody, "PutEvents")),
    response_class=Response,
    responses={200: {"description": "They are on disk."}, **responses()},
)
async def events(request: Request) -> Response:
    """PutEvents. Without a userId, the events are those of somebody whose id is the sessionId: ask for their lists
    with it as the userId. The first event with both gives what the session did before to that user.
    """
    said, served = await read(request, EventsBody), request.state.served
    rows = [_event(said, one, n) for n, one in enumerate(said.eventList) if one.itemId is not None]
    at = now()
    parsed = [parse_event(row, f"eventList[{n}]", now=at) for n, row in enumerate(rows)]
    if parsed:
        await served.append(parsed)
    if said.userId is not None:
        await served.stored.write(join, served.here.store, said.sessionId, said.userId)
    return Response(status_code=200)


def _event(body: EventsBody, said: PersonalizeEvent, n: int) -> dict[str, Any]:
    context = said.properties
    if isinstance(context, str):
        try:
            context = orjson.loads(context or "{}")
        except orjson.JSONDecodeError as error:
            raise Malformed(f"eventList[{n}].properties", "JSON", str(error)[:200]) from error
    if not isinstance(context, dict):
        raise InvalidInput(f"eventList[{n}].properties", "a JSON object", repr(context)[:200])
    context |= {"impression": said.impression} if said.impression else {}
    context |= {SESSION: body.sessionId} if body.userId is None else {}
    return {
        "user": body.userId or body.sessionId, "item": said.itemId, "type": said.eventType, "value": said.eventValue,
        "time": said.sentAt, "id": said.eventId, "slate": said.recommendationId, "context": context,
    }  # fmt: skip


def _filter(said: dict[str, str]) -> dict[str, str | list[str]]:
    """Filter values: names of our filter's fields, values parted by commas; in quotes a comma is part of a value."""
    return {name: _values(f"filterValues.{name}", text) for name, text in said.items()}


def _values(where: str, text: str) -> list[str]:
    """One line of CSV, where a quote within quotes stands twice."""
    try:
        return [one.strip() for one in next(csv.reader([text.strip()], skipinitialspace=True, strict=True))]
    except csv.Error as error:
        raise InvalidInput(where, 'values parted by commas, such as "one","two, three"', repr(text)[:200]) from error
