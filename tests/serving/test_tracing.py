"""Spans of requests and of the parts of a list, over the real application; none, and nothing imported, unless asked."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from regard.domain.errors import InvalidInput
from regard.models.ease import FittedEASE
from regard.serving.app import create
from regard.serving.settings import read_settings
from regard.serving.tracing import OFF, Spans, tracing_of
from tests.serving.processes import serving
from tests.serving.serving import Client, Home, ids

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # the example of the W3C's Trace Context


@pytest.fixture(scope="module")
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def traced(served: Home, spans: InMemorySpanExporter) -> Iterator[Client]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with Client(create([served[0]], Spans(provider)), raise_server_exceptions=False) as client:
        yield client.bearing(served[1]["admin"])


@pytest.fixture
def finished(spans: InMemorySpanExporter) -> InMemorySpanExporter:
    spans.clear()
    return spans


def _named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def _below(spans: InMemorySpanExporter, name: str) -> set[str]:
    """The names of the children of a span."""
    parent = _named(spans)[name].context
    assert parent is not None
    every = spans.get_finished_spans()
    return {span.name for span in every if span.parent is not None and span.parent.span_id == parent.span_id}


def test_a_list_is_one_trace_below_its_caller_s(traced: Client, finished: InMemorySpanExporter) -> None:
    said = {"traceparent": CALLER, "X-Request-Id": "order-17"}
    answer = traced.post("/v1/recommendations", json={"user_id": "u1", "k": 5, "explain": "short"}, headers=said)
    assert answer.headers["x-request-id"] == "order-17"
    root = _named(finished)["POST /v1/recommendations"]
    assert root.parent is not None
    assert (f"{root.parent.trace_id:032x}", f"{root.parent.span_id:016x}") == tuple(CALLER.split("-")[1:3])
    assert {f"{span.context.trace_id:032x}" for span in finished.get_finished_spans() if span.context} == {
        CALLER.split("-")[1]
    }
    assert dict(root.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/recommendations",
        "http.response.status_code": 200,
        "regard.request_id": "order-17",
        "regard.tenant": "test_tracing",
    }
    assert _below(finished, root.name) == {"person", "candidates", "slots", "impression", "reasons"}
    filters = {f"filter {name}" for name in ("seen", "excluded", "filtered", "blocked", "hidden", "not valid now")}
    assert _below(finished, "candidates") == {
        "source ease",
        "source popular",
        "source new",
        "source alike",
        "ranking",
        *filters,
    }
    assert dict(_named(finished)["filter seen"].attributes or {}) == {"regard.dropped": 8}


def test_what_was_left_out_and_what_failed_is_marked(
    traced: Client, finished: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(FittedEASE, "scores", fail)
        assert traced.list_for("u2")["left_out"] == ["ease"]
    found = _named(finished)
    assert not found["source ease"].status.is_ok
    assert found["source popular"].status.is_ok
    assert found["POST /v1/recommendations"].status.is_ok
    assert traced.get("/v1/users/nobody-there").status_code == 404
    assert _named(finished)["GET /v1/users/{user_id:path}"].status.is_ok  # the caller's error, not ours


def test_spans_name_neither_people_nor_items(traced: Client, finished: InMemorySpanExporter) -> None:
    traced.post("/v1/events", json={"user": "secret-person", "item": "secret-item", "type": "like"})
    traced.list_for("secret-person", explain="full")
    traced.get("/v1/users/secret-person")
    traced.delete("/v1/users/secret-person")
    traced.delete("/v1/items/secret-item")
    said = "".join(span.to_json() for span in finished.get_finished_spans())
    assert "DELETE /v1/users/{user_id:path}" in said
    assert "secret" not in said


def test_lists_are_the_same_with_and_without(traced: Client, client: Client) -> None:
    for user in ("u3", "u4", None):
        with_spans, without = traced.list_for(user, k=7), client.list_for(user, k=7)
        assert ids(with_spans) == ids(without)
        assert with_spans["items"] == without["items"]


@pytest.mark.parametrize(
    ("environment", "traces"),
    [
        ({}, ""),
        ({"OTEL_SERVICE_NAME": "shop"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, ""),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp by grpc"),
    ],
)
def test_standard_variables_switch_it_on(environment: dict[str, str], traces: str) -> None:
    assert read_settings(None, environment).traces == traces


def test_off_is_off() -> None:
    assert tracing_of("") is OFF
    with pytest.raises(InvalidInput, match="otlp by grpc"):
        tracing_of("otlp by grpc")
    code = "import sys, regard.serving.app; print([n for n in sys.modules if n.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Collector(BaseHTTPRequestHandler):
    names: ClassVar[list[str]] = []
    service: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in sent.resource_spans:
            said = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.service.append(said["service.name"])
            self.names.extend(span.name for scope in resource.scope_spans for span in scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_a_real_server_sends_its_spans_to_a_collector(served: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    http = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{http.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    try:
        with serving(served[0], served[1]["read"]) as replica:
            replica.list_for("u1")
            replica.stop()  # what waits is sent before the end
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
    assert {"POST /v1/recommendations", "candidates", "ranking", "impression"} <= set(Collector.names)
    assert set(Collector.service) == {"regard"}
