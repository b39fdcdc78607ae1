"""Errors of HTTP: one body and one table of statuses, whatever went wrong."""

from __future__ import annotations

import traceback
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.domain.errors import Conflict, InvalidInput, NotFound, RegardError, Unavailable

log = structlog.get_logger("regard.http")


class Unauthorized(RegardError):
    """Nobody whom we know asks."""


class Forbidden(RegardError):
    """Who asks may not do this."""


class Malformed(RegardError):
    """What came in is no JSON at all."""


class TooLarge(RegardError):
    """More came in than this server takes at once."""


class TooMany(RegardError):
    """More requests came than may; the next one may after `wait` seconds, and Retry-After says so."""

    def __init__(self, where: str, expected: str, wait: int) -> None:
        super().__init__(where, expected, "more", "Wait as Retry-After says.")
        self.wait = wait


STATUS: dict[type[RegardError], int] = {
    Malformed: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    InvalidInput: 422,
    TooMany: 429,
    Unavailable: 503,
}
OF_THE_ROAD = {400: "a request in HTTP", 404: "a route of this server", 405: "another method", 413: "a smaller body"}
RETRY = 1  # seconds


class ErrorSaid(BaseModel):
    """Where it happened, what was expected, what we got, and what to do."""

    where: str
    expected: str
    got: str
    hint: str


class ErrorOut(BaseModel):
    """The one body of every error."""

    error: ErrorSaid


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for the published schema; those that any route may give are among them."""
    return {status: {"model": ErrorOut} for status in (400, 401, 403, 404, 413, 422, 429, 503, *statuses)}


def error_response(error: RegardError) -> Response:
    """The answer that says this error."""
    status = STATUS.get(type(error), 500)
    headers = {"Retry-After": str(error.wait if isinstance(error, TooMany) else RETRY)} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"where": error.where, "expected": error.expected, "got": error.got, "hint": error.hint}
    return Response(orjson.dumps({"error": body}), status, headers, "application/json")


def invalid(error: ValidationError | RequestValidationError, where: str = "body") -> RegardError:
    """The first thing that pydantic found wrong."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or where
    if first["type"] == "json_invalid":
        return Malformed(place, "JSON", first["msg"][:200])
    got = repr(first.get("input"))[:200]
    return InvalidInput(place, first["msg"], "nothing" if first["type"] == "missing" else got)


def install(app: FastAPI) -> None:
    """Every exception of a request becomes the one body."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, RegardError)
        return error_response(error)

    async def checked(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)
        return error_response(invalid(error))

    async def road(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        expected = OF_THE_ROAD.get(error.status_code, "a request that can be answered")
        body = {"where": request.url.path[:300], "expected": expected, "got": str(error.detail)[:300], "hint": ""}
        return Response(orjson.dumps({"error": body}), error.status_code, error.headers, "application/json")

    app.add_exception_handler(RegardError, known)
    app.add_exception_handler(RequestValidationError, checked)
    app.add_exception_handler(ValidationError, checked)
    app.add_exception_handler(HTTPException, road)
    app.add_middleware(_Unknown)


class _Unknown:
    """ASGI middleware: an exception that nobody knows becomes the one body, and a line in the log.

    A handler of Starlette's would answer outside all middleware, so that neither the door nor CORS added their headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            if scope["type"] != "http":
                raise
            told = "".join(traceback.format_exception(error))[-4000:]
            log.error("internal error", path=scope["path"], error=repr(error)[:300], traceback=told)
            if begun:  # the server breaks the answer off
                raise
            said = RegardError("the server", "an answer", "an error of our own", "Its log says more.")
            await error_response(said)(scope, receive, send)
