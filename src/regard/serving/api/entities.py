"""People and items: upsert one or many, read, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from regard.data.item_changes import item_of
from regard.data.patching import patch_item, patch_user
from regard.data.postgres import Store
from regard.data.schemas import parse_item, parse_user
from regard.domain.errors import InvalidInput
from regard.domain.records import Item, User
from regard.serving.api.access import Guarded, Here, needs
from regard.serving.api.bodies import answer, read, read_json, takes
from regard.serving.api.errors import responses
from regard.serving.served import Served

MOST = 10_000  # of one call

router = APIRouter(route_class=Guarded, tags=["people and items"])
Id = Annotated[str, Path(min_length=1, max_length=256)]


class ItemBody(BaseModel):
    """An item. In an upsert empty fields say nothing; other keys are attributes."""

    id: str
    title: str = ""
    text: str = ""
    creator: str = ""
    tags: list[str] = []
    images: list[str] = []
    audio: list[str] = []
    attributes: dict[str, Any] = {}
    valid_from: float | None = None
    valid_until: float | None = None
    hidden: bool = False


class UserBody(BaseModel):
    """A person; `consent` maps purposes (personalise, mood, ...) to true or false. Other keys are attributes."""

    id: str
    attributes: dict[str, Any] = {}
    consent: dict[str, bool] = {}


class ItemPatch(BaseModel):
    """What shall change of an item; null clears."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    title: str | None = Field(None, max_length=4 << 20)
    text: str | None = Field(None, max_length=4 << 20)
    creator: str | None = None
    tags: list[str] | None = None
    images: list[str] | None = None
    audio: list[str] | None = None
    attributes: dict[str, Any] | None = None
    valid_from: float | str | None = None
    valid_until: float | str | None = None
    hidden: bool | None = None


class UserPatch(BaseModel):
    """What shall change of a person; null takes away."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    attributes: dict[str, Any] | None = None
    consent: dict[str, bool | None] | None = None


class Upserted(BaseModel):
    """How many are on disk now."""

    upserted: int


class Deleted(BaseModel):
    """How many rows went, by kind."""

    deleted: dict[str, int]


@router.post(
    "/v1/items",
    openapi_extra=needs("write", **takes(ItemBody | list[ItemBody], "ItemsIn")),
    responses={200: {"model": Upserted}, **responses()},
)
async def upsert_items(request: Request) -> Response:
    """New or changed items, on disk when this answers; they can be recommended from then on.

    Where there is much to read, what their words say (whom they are near to) counts a little later.
    """
    served: Served = request.state.served
    items = [parse_item(raw, where) for raw, where in several(await read_json(request))]
    await served.stored.write(served.here.store.upsert_items, items)
    await served.caught_up([item.id for item in items])
    return answer({"upserted": len(items)})


@router.post(
    "/v1/users",
    openapi_extra=needs("write", **takes(UserBody | list[UserBody], "UsersIn")),
    responses={200: {"model": Upserted}, **responses()},
)
async def upsert_users(request: Request) -> Response:
    """New or changed people."""
    users = [parse_user(raw, where) for raw, where in several(await read_json(request))]
    await request.state.served.stored.write(request.state.served.here.store.upsert_users, users)
    return answer({"upserted": len(users)})


@router.get(
    "/v1/items/{item_id:path}", openapi_extra=needs("read"), responses={200: {"model": ItemBody}, **responses()}
)
async def get_item(item_id: Id, here: Here) -> Response:
    """One item as the store has it."""
    return answer(item_body(await here.stored(item_of, here.here.store, item_id)))


@router.get(
    "/v1/users/{user_id:path}", openapi_extra=needs("read"), responses={200: {"model": UserBody}, **responses()}
)
async def get_user(user_id: Id, here: Here) -> Response:
    """One person as the store has them."""
    _, user = await here.stored(here.here.store.user, user_id)
    return answer(user_body(user))


@router.patch(
    "/v1/items/{item_id:path}",
    openapi_extra=needs("write", **takes(ItemPatch, "ItemPatch")),
    responses={200: {"model": ItemBody}, **responses()},
)
async def change_item(item_id: Id, request: Request, here: Here) -> Response:
    """Change the named fields of one item; from the next request on."""
    said = (await read(request, ItemPatch)).model_dump(exclude_unset=True)
    changes = patched(said, parse_item({"id": item_id, **given(said)}, "body"))
    item = await here.stored.write(_changed_item, here.here.store, item_id, changes)
    await here.caught_up([item_id])
    return answer(item_body(item))


@router.patch(
    "/v1/users/{user_id:path}",
    openapi_extra=needs("write", **takes(UserPatch, "UserPatch")),
    responses={200: {"model": UserBody}, **responses()},
)
async def change_user(user_id: Id, request: Request, here: Here) -> Response:
    """Change attributes and consents of one person; from the next request on."""
    said = (await read(request, UserPatch)).model_dump(exclude_unset=True)
    changes = patched(said, parse_user({"id": user_id, **given(said)}, "body"))
    return answer(user_body(await here.stored.write(_changed_user, here.here.store, user_id, changes)))


@router.delete(
    "/v1/items/{item_id:path}", openapi_extra=needs("write"), responses={200: {"model": Deleted}, **responses()}
)
async def delete_item(item_id: Id, here: Here) -> Response:
    """Erase one item and every event about it. Deleting what is not there is fine."""
    went = await here.stored.write(here.here.store.delete_item, item_id)
    await here.person("")
    return answer({"deleted": went})


@router.delete(
    "/v1/users/{user_id:path}", openapi_extra=needs("write"), responses={200: {"model": Deleted}, **responses()}
)
async def delete_user(user_id: Id, here: Here) -> Response:
    """Erase one person, all they did and every list they were shown. Deleting who is not there is fine."""
    went = await here.stored.write(here.here.store.forget, user_id)
    here.sessions.forget(user_id)
    return answer({"deleted": dict(went)})


def several(body: Any) -> list[tuple[Any, str]]:
    """Each row of a body with its place, or InvalidInput."""
    rows = body if isinstance(body, list) else [body]
    if not 0 < len(rows) <= MOST:
        raise InvalidInput("body", f"1 to {MOST:,} rows", f"{len(rows):,}")
    return [(row, f"[{n}]" if isinstance(body, list) else "body") for n, row in enumerate(rows)]


def given(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a patch says without its nulls."""
    plain = {name: value for name, value in said.items() if value is not None}
    if "consent" in plain:  # nulls of attributes go as they do in an upsert
        plain["consent"] = {purpose: value for purpose, value in plain["consent"].items() if value is not None}
    return plain


def patched(said: Mapping[str, Any], record: Item | User) -> dict[str, Any]:
    """The fields that a patch names as its record has them, so by the rules of an import; null where one shall go."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        kept = None if value is None else getattr(record, name)
        if isinstance(kept, Mapping):
            kept = {key: kept.get(key) for key in value}
        found[name] = list(kept) if isinstance(kept, tuple) else kept
    return found


def _changed_item(store: Store, item_id: str, changes: Mapping[str, Any]) -> Item:
    patch_item(store, item_id, changes)
    return item_of(store, item_id)


def _changed_user(store: Store, user_id: str, changes: Mapping[str, Any]) -> User:
    patch_user(store, user_id, changes)
    return store.user(user_id)[1]


def user_body(user: User) -> dict[str, Any]:
    """A person in JSON."""
    return {"id": user.id, "attributes": dict(user.attributes), "consent": dict(user.consent)}


def item_body(item: Item) -> dict[str, Any]:
    """An item in JSON."""
    plain = {field.name: getattr(item, field.name) for field in fields(item)}
    return {**plain, "attributes": dict(item.attributes)}
