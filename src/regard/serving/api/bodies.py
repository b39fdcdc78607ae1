"""Bodies of hot routes: read up to a limit, parsed once, their schema published by hand."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from regard.serving.api.errors import Malformed, invalid

Model = TypeVar("Model", bound=BaseModel)
SCHEMA = "#/components/schemas/{model}"
PUBLISHED: dict[str, Any] = {}  # schemas of bodies that FastAPI does not see


def takes(model: Any, name: str) -> dict[str, Any]:
    """The request body of a route as OpenAPI says it."""
    schema = TypeAdapter(model).json_schema(ref_template=SCHEMA)
    PUBLISHED.update(schema.pop("$defs", {}))
    PUBLISHED[name] = schema
    content = {"application/json": {"schema": {"$ref": SCHEMA.format(model=name)}}}
    return {"requestBody": {"required": True, "content": content}}


async def read(request: Request, model: type[Model]) -> Model:
    """The body as `model`; Malformed or InvalidInput."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from error


async def read_json(request: Request) -> Any:
    """The body as plain JSON values; Malformed."""
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Malformed("body", "JSON", str(error)[:200]) from error


def answer(body: Any, status: int = 200) -> Response:
    """An answer in JSON; bytes are JSON already."""
    content = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, status, media_type="application/json")
