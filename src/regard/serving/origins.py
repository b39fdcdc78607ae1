"""Origins: web pages from elsewhere that may ask this server (CORS), and what is told to those that may not."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from regard.serving.api.errors import Forbidden, error_response

READABLE = ("Retry-After", "X-Request-Id")  # beside the headers that every page may read


class Origins(CORSMiddleware):
    """ASGI middleware. Pages of these origins may send any header by any method; they bear a key, cookies never count.

    A browser that asks first for another page gets 403 and the one body.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(app, origins, allow_methods=("*",), allow_headers=("*",), expose_headers=READABLE)

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser is told that asks before it sends."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        got = f"{request_headers['origin'][:200]}: {bytes(answer.body).decode()}"
        refused = error_response(Forbidden("the origin", "a page that may ask here", got, "See: REGARD_ORIGINS"))
        refused.headers["Vary"] = answer.headers["Vary"]
        return refused
