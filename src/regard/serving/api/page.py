"""The pages: one person's list with its reasons, to look at and to try; the interface; health. All of it is our own."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter, Request, Response

from regard.domain.errors import NotFound
from regard.serving.api.access import COOKIE, COOKIE_SECONDS

router = APIRouter(include_in_schema=False)
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
NAMES = (
    "page.html", "docs.html", "health.html", "page.css", "words.js", "asking.js", "page.js", "docs.js", "health.js",
)  # fmt: skip
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/")
async def page(request: Request) -> Response:
    """The page; where this server lets it in without a key, with the cookie that does."""
    answer = _file("page.html")
    opened = request.app.state.tenants.page
    if opened is not None:
        answer.set_cookie(COOKIE, opened.cookie(), COOKIE_SECONDS, httponly=True, samesite="strict")
    return answer


@router.get("/docs")
async def docs() -> Response:
    """The interface as a page."""
    return _file("docs.html")


@router.get("/health")
async def health() -> Response:
    """Whether the server is ready, for people."""
    return _file("health.html")


@router.get("/page/{name}")
async def file(name: str) -> Response:
    """What the page is made of."""
    return _file(name)


def _file(name: str) -> Response:
    if name not in NAMES:
        raise NotFound("page", f"one of {', '.join(NAMES)}", repr(name)[:200])
    content = (resources.files("regard.serving") / "page" / name).read_bytes()
    return Response(content, headers=SAFE, media_type=f"{KINDS[name.rpartition('.')[2]]}; charset=utf-8")
