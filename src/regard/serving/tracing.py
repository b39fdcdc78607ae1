"""Tracing: OpenTelemetry spans of each request and of the parts of a list, where OTEL_* variables ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.types import Scope

import regard
from regard.domain.arrays import Mask
from regard.domain.candidates import Candidates, Scored
from regard.domain.errors import InvalidInput, Unavailable
from regard.domain.protocols import Filter, Retriever, Scorer
from regard.domain.request import Query
from regard.recommending.recommender import Recommender, one_by_one

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Told: TypeAlias = Callable[[str, int], None]  # the route and the status of a request that was answered
NOTHING: AbstractContextManager[None] = nullcontext()


class Tracing:
    """No spans: nothing is imported, and each part of a list costs one call that returns at once."""

    def request(self, scope: Scope, request_id: str) -> AbstractContextManager[Told | None]:
        """Around one request."""
        return NOTHING

    def recording(self) -> bool:
        """Whether the parts of the request at hand are looked at."""
        return False

    def part(self, name: str) -> AbstractContextManager[Any]:
        """Around one part of a request."""
        return NOTHING

    def corridor(self, recommender: Recommender) -> Recommender:
        """The same corridor, its sources, filters and scorer looked at."""
        return recommender

    def close(self) -> None:
        """Send what waits."""


OFF = Tracing()


class Spans(Tracing):
    """A span a request, below the caller's where it bears a `traceparent`, and one for each part of a list.

    Spans name routes, not paths, and neither people nor items: what leaves here names nobody.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("regard", regard.__version__)

    @contextmanager
    def request(self, scope: Scope, request_id: str) -> Iterator[Told | None]:
        """Around one request; tell it the route and the status at the end."""
        from opentelemetry import propagate
        from opentelemetry.trace import SpanKind, Status, StatusCode

        method = scope["method"]
        caller = propagate.extract({key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]})
        said = {"http.request.method": method, "regard.request_id": request_id}
        with self._tracer.start_as_current_span(method, caller, SpanKind.SERVER, said) as span:

            def told(route: str, status: int) -> None:
                served = scope.get("state", {}).get("served")
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                if served is not None:
                    span.set_attribute("regard.tenant", served.here.settings.tenant)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

            yield told

    def recording(self) -> bool:
        """Whether the sampler has chosen this request."""
        from opentelemetry.trace import get_current_span

        return get_current_span().is_recording()

    def part(self, name: str) -> AbstractContextManager[Any]:
        """Around one part of a request."""
        return self._tracer.start_as_current_span(name)

    def corridor(self, recommender: Recommender) -> Recommender:
        """The same corridor with a span for each source, each filter and the scorer."""
        return replace(
            recommender,
            retrievers={name: _Source(name, one, self) for name, one in recommender.retrievers.items()},
            filters={name: _Rule(name, one, self) for name, one in recommender.filters.items()},
            scorer=_Ranking(recommender.scorer, self),
            asks=one_by_one,  # a span knows its parent by its thread
        )

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def tracing_of(traces: str) -> Tracing:
    """What the settings ask for; the SDK reads the other OTEL_* variables (endpoint, headers, sampler, name) itself."""
    if not traces:
        return OFF
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Unavailable("tracing", "the extra `tracing`", str(error), "pip install 'regard[tracing]'") from error
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "regard"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(traces)))
    return Spans(provider)


def _exporter(traces: str) -> Any:
    if traces == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if traces != "otlp":
        where = "OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_PROTOCOL"
        raise InvalidInput(where, "otlp by http/protobuf, console or none", traces)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise Unavailable("tracing", "the extra `tracing`", str(error), "pip install 'regard[tracing]'") from error
    return OTLPSpanExporter()


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    name: str
    source: Retriever
    tracing: Tracing

    def retrieve(self, query: Query, k: int) -> Candidates:
        with self.tracing.part(f"source {self.name}") as span:
            found = self.source.retrieve(query, k)
            span.set_attribute("regard.proposed", len(found))
            return found

    def retrieve_many(self, queries: Sequence[Query], k: int) -> list[Candidates]:
        return [self.retrieve(query, k) for query in queries]


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    name: str
    rule: Filter
    tracing: Tracing

    def keep(self, query: Query, candidates: Candidates) -> Mask:
        with self.tracing.part(f"filter {self.name}") as span:
            kept = self.rule.keep(query, candidates)
            span.set_attribute("regard.dropped", len(kept) - int(kept.sum()))
            return kept


@dataclass(frozen=True, slots=True, eq=False)
class _Ranking:
    scorer: Scorer
    tracing: Tracing

    def score(self, query: Query, candidates: Candidates) -> Scored:
        with self.tracing.part("ranking") as span:
            span.set_attribute("regard.candidates", len(candidates))
            return self.scorer.score(query, candidates)
