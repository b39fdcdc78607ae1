"""The application: one process's routes over its tenants; workers call `from_environment`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

import regard
from regard.serving.api import (
    entities,
    errors,
    events,
    gorse_entities,
    gorse_feedback,
    gorse_lists,
    health,
    page,
    personalize,
    recommendations,
    releases,
)
from regard.serving.api.access import Page, Tenants
from regard.serving.api.bodies import PUBLISHED
from regard.serving.door import Door
from regard.serving.figures import Figures
from regard.serving.installation import Installation, limit_threads
from regard.serving.origins import Origins
from regard.serving.running import log_as_json
from regard.serving.served import Served
from regard.serving.settings import Settings, read_settings
from regard.serving.tracing import OFF, Tracing, tracing_of

ROUTERS = (
    health.router,
    health.guarded,
    page.router,
    events.router,
    recommendations.router,
    entities.router,
    releases.router,
    gorse_entities.router,
    gorse_feedback.router,
    gorse_lists.router,
    gorse_lists.open_router,
    personalize.router,
)
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def from_environment() -> FastAPI:
    """The application of the settings that the environment says; each worker calls this."""
    log_as_json()
    settings = read_settings()
    named = settings.tenants or (settings.tenant,)
    own = [replace(settings, tenant=name, threads=settings.threads or 1) for name in named]
    return create(own, tracing_of(settings.traces))


def create(settings: Sequence[Settings], tracing: Tracing = OFF) -> FastAPI:
    """The application over one installation for each of `settings`, which differ in their tenants.

    The installations open when the server starts and close after its last answer.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        limit_threads(settings[0].threads)
        served: dict[str, Served] = {}
        try:
            for one in settings:
                figures = Figures(one.tenant, one.figures)
                served[one.tenant] = Served(Installation.open(one), figures=figures, tracing=tracing)
                served[one.tenant].start()
            first = settings[0]
            page_ = Page(first.tenant, first.page_secret) if first.page_secret else None
            app.state.tenants = Tenants(served, first.rate, page_)
            yield
        finally:
            await asyncio.gather(*(tenant.close() for tenant in served.values()))
            tracing.close()

    app = FastAPI(
        title="Regard",
        version=regard.__version__,
        description="Recommendations that people and large models run together.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    app.state.tracing = tracing
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    if settings[0].origins:
        app.add_middleware(Origins, origins=settings[0].origins)
    app.add_middleware(Door)
    app.openapi = lambda: _published(app)  # type: ignore[method-assign]
    return app


def _published(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the bodies that routes read themselves."""
    if app.openapi_schema is None:
        document: dict[str, Any] = FastAPI.openapi(app)
        components: dict[str, Any] = document.setdefault("components", {})
        components["schemas"] = {**components.get("schemas", {}), **_plain(PUBLISHED)}
        components["securitySchemes"] = SCHEMES
        app.openapi_schema = document
    return app.openapi_schema


def _plain(schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dict(schema) for name, schema in sorted(schemas.items())}
