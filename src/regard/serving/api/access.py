"""Access: who may call what. Each route names its role, or the server does not start; the open ones stand here."""

from __future__ import annotations

import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from regard.data.keys import ROLES, Role
from regard.serving.api.errors import Forbidden, TooMany, Unauthorized
from regard.serving.served import Served
from regard.serving.settings import now

OPEN = (
    "/health",
    "/health/live",
    "/health/ready",
    "/api/health/live",
    "/api/health/ready",
    "/",
    "/page",
    "/docs",
    "/openapi.json",
)
CALLERS = 10_000  # whose requests are counted at once
COOKIE, COOKIE_SECONDS = "regard_page", 3600
PAGE: tuple[str, Role] = ("the page", "write")
AWS = "AWS4-HMAC-SHA256 Credential="


@dataclass(frozen=True, slots=True)
class Page:
    """What the page of `/` may do without a key of its own: a cookie, signed and short-lived, opens one tenant to it.

    The cookie is `EXPIRY.SIGNATURE` (HMAC-SHA256); browsers send it to this page's own requests alone.
    """

    tenant: str
    secret: str = field(repr=False)

    def cookie(self) -> str:
        """A fresh one."""
        return self._signed(str(int(now()) + COOKIE_SECONDS))

    def opens(self, request: Request) -> bool:
        """Whether a request bears one that is still good."""
        cookie = request.cookies.get(COOKIE, "")
        expiry = cookie.partition(".")[0]
        good = expiry.isascii() and expiry.isdigit() and len(expiry) < 13 and int(expiry) > now()
        return good and hmac.compare_digest(cookie.encode(), self._signed(expiry).encode())

    def _signed(self, expiry: str) -> str:
        said = f"{self.tenant} {expiry}".encode()
        return f"{expiry}.{hmac.new(self.secret.encode(), said, 'sha256').hexdigest()}"


@dataclass
class Tenants:
    """Who is served by this process, and how much each key may ask of it: `rate` requests a second (0: any number).

    Who bears no key that we know is counted by the address, which only limits wrong keys: a good one is let through.
    """

    served: dict[str, Served]
    rate: float = 0.0
    page: Page | None = None
    _buckets: OrderedDict[tuple[str, str], tuple[float, float]] = field(default_factory=OrderedDict)

    def admit(self, request: Request, role: Role) -> Served:
        """The installation of the key's tenant; Unauthorized, Forbidden or TooMany."""
        key = key_of(request)
        tenant = key.rpartition("-")[0]
        served = self.served.get(tenant)
        caller = served.caller(key) if served is not None else None
        if not key and self.page is not None and self.page.opens(request):
            tenant, caller = self.page.tenant, PAGE
            served = self.served.get(tenant)
        if served is None or caller is None:
            self._take("the address", ("", request.client.host if request.client else ""))
            got = "an unknown key" if key else "no key"
            raise Unauthorized("the key", "Authorization: Bearer KEY, or X-API-Key: KEY", got, "regard keys create")
        name, holds = caller
        self._take("the key", (tenant, name))
        if ROLES.index(holds) < ROLES.index(role):
            raise Forbidden("the key", f"the role {role} or higher", f"the role {holds}", "regard keys create --role")
        request.state.served, request.state.caller = served, name
        return served

    def _take(self, where: str, who: tuple[str, str]) -> None:
        """One token of this caller's bucket, which holds a second's worth and fills at `rate`."""
        if not self.rate:
            return
        at, most = time.monotonic(), max(1.0, self.rate)
        held, then = self._buckets.pop(who, (most, at))
        held = min(most, held + (at - then) * self.rate)
        self._buckets[who] = (held - 1 if held >= 1 else held, at)
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)  # who has not asked for longest
        if held < 1:
            expected = f"at most {self.rate:g} requests a second to one process"
            raise TooMany(where, expected, math.ceil((1 - held) / self.rate))


def key_of(request: Request) -> str:
    """The key that a request bears: as a bearer, as X-API-Key, as the access key of an AWS signature, as a cookie."""
    said = request.headers.get("authorization", "")
    if said[:7].lower() == "bearer ":
        return said[7:].strip()
    if said.startswith(AWS):
        return said[len(AWS) :].partition("/")[0]
    return request.headers.get("x-api-key", "")


class Guarded(APIRoute):
    """A route that asks for its role before anything else is read.

    What follows an id in its path (`/similar`) must stand there as it is: sent as %2F, the slash belongs to the id.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it is for this request."""
        _, _, end = self.path.partition(":path}")
        if not (scope.get("raw_path") or scope["path"].encode()).endswith(end.encode()):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the door."""
        handle, extra = super().get_route_handler(), self.openapi_extra or {}
        role, more = extra.get("x-role"), extra.get("x-role-with", {})
        if role not in ROLES:
            raise AssertionError(f"{self.path} names no role: needs(ROLE), or stand in access.OPEN")

        async def guarded(request: Request) -> Response:
            asked = [role, *(other for name, other in more.items() if request.query_params.get(name))]
            request.app.state.tenants.admit(request, max(asked, key=ROLES.index))
            return await handle(request)

        return guarded


def needs(role: Role, **extra: Any) -> dict[str, Any]:
    """What a route says of the role that it needs, published with its schema.

    `x-role-with`: {query parameter: the role that it takes where the request has it}.
    """
    return {"x-role": role, "security": [{"bearer": []}, {"key": []}], **extra}


def _served(request: Request) -> Served:
    served: Served = request.state.served
    return served


Here = Annotated[Served, Depends(_served)]
