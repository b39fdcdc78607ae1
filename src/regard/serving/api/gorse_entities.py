"""People and items as gorse's public clients send and read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from regard.data import patching
from regard.data.item_changes import item_of, items_page
from regard.data.schemas import parse_item, parse_user, values
from regard.domain.errors import InvalidInput
from regard.domain.records import Item, User
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer, read_json, takes
from regard.serving.api.entities import several
from regard.serving.api.errors import responses
from regard.serving.served import Served

router = APIRouter(route_class=Guarded, tags=["gorse"])
Id = Annotated[str, Path(min_length=1, max_length=256)]
Page = Annotated[int, Query(ge=1, le=10_000)]
OF_USERS = ("attributes",)  # the fields of ours that a gorse user or item tells, all of them each time
OF_ITEMS = ("hidden", "tags", "valid_from", "text", "attributes")
Cursor = Annotated[str, Query(max_length=300)]


class Affected(BaseModel):
    """How many rows a call was about."""

    RowAffected: int


class GorseUser(BaseModel):
    """A person."""

    UserId: str
    Labels: Any = None
    Comment: str = ""


class GorseItem(BaseModel):
    """An item."""

    ItemId: str
    IsHidden: bool = False
    Categories: list[str] | None = None
    Timestamp: str = ""
    Labels: Any = None
    Comment: str = ""


def affected(n: int) -> Response:
    """The answer to every write."""
    return answer({"RowAffected": n})


OK: dict[int | str, dict[str, Any]] = {200: {"model": Affected}, **responses()}


@router.post("/api/user", openapi_extra=needs("write", **takes(GorseUser, "GorseUser")), responses=OK)
@router.post("/api/users", openapi_extra=needs("write", **takes(list[GorseUser], "GorseUsers")), responses=OK)
async def post_users(request: Request) -> Response:
    """New people, or known ones overwritten: labels and comment that are not said again go. PATCH changes some."""
    users = [_user_in(raw, where) for raw, where in several(await read_json(request))]
    await request.state.served.stored.write(request.state.served.here.store.upsert_users, users, whole=OF_USERS)
    return affected(len(users))


@router.get("/api/users", openapi_extra=needs("read"), responses={200: {"model": dict[str, Any]}, **responses()})
async def get_users(here: Here, n: Page = 100, cursor: Cursor = "") -> Response:
    """A page of people."""
    found = await here.stored(patching.user_page, here.here.store, cursor, n)
    rows = [_user_out(name, attributes) for name, attributes, _ in found]
    return answer({"Cursor": found[-1][0] if len(found) == n else "", "Users": rows})


@router.get("/api/user/{user_id}", openapi_extra=needs("read"), responses={200: {"model": GorseUser}, **responses()})
async def get_user(user_id: Id, here: Here) -> Response:
    """One person."""
    _, user = await here.stored(here.here.store.user, user_id)
    return answer(_user_out(user.id, user.attributes))


@router.patch("/api/user/{user_id}", openapi_extra=needs("write", **takes(dict[str, Any], "Some")), responses=OK)
async def patch_user(user_id: Id, request: Request, here: Here) -> Response:
    """Change what is said of one person."""
    said = _user_in({"UserId": user_id, **plain_object(await read_json(request))}, "body")
    await here.stored.write(patching.patch_user, here.here.store, user_id, {"attributes": dict(said.attributes)})
    return affected(1)


@router.delete("/api/user/{user_id}", openapi_extra=needs("write"), responses=OK)
async def delete_user(user_id: Id, here: Here) -> Response:
    """Erase one person."""
    went = await here.stored.write(here.here.store.forget, user_id)
    here.sessions.forget(user_id)
    return affected(went["users"])


@router.post("/api/item", openapi_extra=needs("write", **takes(GorseItem, "GorseItem")), responses=OK)
@router.post("/api/items", openapi_extra=needs("write", **takes(list[GorseItem], "GorseItems")), responses=OK)
async def post_items(request: Request) -> Response:
    """New items, or known ones overwritten: what is not said again goes, and what is not hidden is shown.

    What gorse has no word for (title, creator, images, audio, the end) stays, and so does what was imported with a
    precedence. PATCH changes some fields.
    """
    served: Served = request.state.served
    items = [_item_in(raw, where) for raw, where in several(await read_json(request))]
    await served.stored.write(served.here.store.upsert_items, items, whole=OF_ITEMS)
    await served.caught_up([item.id for item in items])
    return affected(len(items))


@router.get("/api/items", openapi_extra=needs("read"), responses={200: {"model": dict[str, Any]}, **responses()})
async def get_items(here: Here, n: Page = 100, cursor: Cursor = "", q: Cursor = "") -> Response:
    """A page of items; `q`: those with these words in id, title or text."""
    found = await here.stored(items_page, here.here.store, cursor, n, q)
    return answer({"Cursor": found[-1].id if len(found) == n else "", "Items": [_item_out(item) for item in found]})


@router.get("/api/item/{item_id}", openapi_extra=needs("read"), responses={200: {"model": GorseItem}, **responses()})
async def get_item(item_id: Id, here: Here) -> Response:
    """One item."""
    return answer(_item_out(await here.stored(item_of, here.here.store, item_id)))


@router.patch("/api/item/{item_id}", openapi_extra=needs("write", **takes(dict[str, Any], "Some")), responses=OK)
async def patch_item(item_id: Id, request: Request, here: Here) -> Response:
    """Change what is said of one item; null says nothing."""
    raw = {name: value for name, value in plain_object(await read_json(request)).items() if value is not None}
    item = _item_in({"ItemId": item_id, **raw}, "body")
    said: dict[str, Any] = {"attributes": dict(item.attributes)}
    said |= {"hidden": item.hidden} if "IsHidden" in raw else {}
    said |= {"tags": list(item.tags)} if "Categories" in raw else {}
    said |= {"text": item.text} if "Comment" in raw else {}
    said |= {"valid_from": item.valid_from} if "Timestamp" in raw else {}
    await _patched(here, item_id, said)
    return affected(1)


@router.delete("/api/item/{item_id}", openapi_extra=needs("write"), responses=OK)
async def delete_item(item_id: Id, here: Here) -> Response:
    """Erase one item."""
    went = await here.stored.write(here.here.store.delete_item, item_id)
    await here.person("")
    return affected(went["items"])


@router.put("/api/item/{item_id}/category/{category}", openapi_extra=needs("write"), responses=OK)
async def put_category(item_id: Id, category: Id, here: Here) -> Response:
    """Put an item into a category."""
    item = await here.stored(item_of, here.here.store, item_id)
    await _patched(here, item_id, {"tags": list(dict.fromkeys([*item.tags, category]))})
    return affected(1)


@router.delete("/api/item/{item_id}/category/{category}", openapi_extra=needs("write"), responses=OK)
async def delete_category(item_id: Id, category: Id, here: Here) -> Response:
    """Take an item out of a category."""
    item = await here.stored(item_of, here.here.store, item_id)
    await _patched(here, item_id, {"tags": [tag for tag in item.tags if tag != category]})
    return affected(1)


async def _patched(here: Served, item_id: str, said: dict[str, Any]) -> None:
    parse_item({"id": item_id, "tags": said.get("tags", [])}, "body")
    await here.stored.write(patching.patch_item, here.here.store, item_id, said)
    await here.caught_up([item_id])


def plain_object(raw: Any) -> dict[str, Any]:
    """A JSON object, or InvalidInput."""
    if not isinstance(raw, dict):
        raise InvalidInput("body", "a JSON object", type(raw).__name__)
    return raw


def _labels(raw: Any) -> dict[str, Any]:
    """Labels as attributes: an object's own names, or a list under the name `labels`."""
    return values(raw) if isinstance(raw, Mapping) else values({"labels": raw}) if raw else {}


def _user_in(raw: Any, where: str) -> User:
    said = plain_object(raw)
    attributes = _labels(said.get("Labels")) | ({"comment": said["Comment"]} if said.get("Comment") else {})
    return parse_user({"id": said.get("UserId"), "attributes": attributes}, where)


def _item_in(raw: Any, where: str) -> Item:
    said = plain_object(raw)
    fields = {
        "id": said.get("ItemId"), "hidden": said.get("IsHidden"), "tags": said.get("Categories"),
        "valid_from": said.get("Timestamp"), "text": said.get("Comment"), "attributes": _labels(said.get("Labels")),
    }  # fmt: skip
    return parse_item({name: value for name, value in fields.items() if value is not None}, where)


def _labels_out(attributes: Mapping[str, Any]) -> Any:
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}
    return plain["labels"] if set(plain) == {"labels"} else plain


def _user_out(name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in attributes.items() if key != "comment"}
    return {"UserId": name, "Labels": _labels_out(rest), "Comment": str(attributes.get("comment", ""))}


def _item_out(item: Item) -> dict[str, Any]:
    return {
        "ItemId": item.id,
        "IsHidden": item.hidden,
        "Categories": list(item.tags),
        "Timestamp": moment(item.valid_from or 0.0),
        "Labels": _labels_out(item.attributes),
        "Comment": item.text,
    }


def moment(at: float) -> str:
    """A time as gorse writes it."""
    return datetime.fromtimestamp(min(at, 253402300799.0), UTC).isoformat().replace("+00:00", "Z")
