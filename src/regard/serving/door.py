"""The door that every request passes, whatever its route: an id, a limit of its body, figures, a line in the log."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

log = structlog.get_logger("regard.http")
LARGEST = 16 << 20  # bytes of a body
SLOW = 0.5  # seconds from which on a request is worth a line
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Door:
    """ASGI middleware. A request's own `X-Request-Id` is kept where it is plain; the answer bears it."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST) -> None:
        self.app, self.largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, name = time.perf_counter(), 500, _request_id(scope)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", name)]
            await send(message)

        spans = scope["app"].state.tracing.request(scope, name.decode())
        with bound_contextvars(request_id=name.decode()), spans as told:  # every line of the log bears the id
            try:
                await self.app(scope, self._limited(receive), answer)
            finally:
                self._note(scope, status, time.perf_counter() - began)
                if told is not None:
                    told(_route(scope), status)

    def _limited(self, receive: Receive) -> Receive:
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.largest:
                raise HTTPException(413, f"more than {self.largest:,} bytes")
            return message

        return limited

    @staticmethod
    def _note(scope: Scope, status: int, took: float) -> None:
        served = scope.get("state", {}).get("served")
        route = _route(scope)
        if served is not None:
            served.figures.answered(route, status, took)
        if status >= 500 or took >= SLOW:
            said: dict[str, Any] = {"method": scope["method"], "route": route, "status": status}
            log.warning("request", **said, ms=round(took * 1e3, 1))


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "none"))


def _request_id(scope: Scope) -> bytes:
    for header, value in scope["headers"]:
        if header == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return bytes(value)
    return uuid.uuid4().hex.encode()
