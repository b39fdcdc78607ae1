"""Figures of one tenant in one process, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Figures:
    """Requests by route and status, lists that could not be logged, events, sources left out."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "regard_request_seconds", "Requests", ("route", "status"), registry=self.registry, buckets=SECONDS
        )
        self.lists = Counter("regard_lists", "Lists answered", ("logged",), registry=self.registry)
        self.events = Counter("regard_events", "Events on disk", registry=self.registry)
        self.left_out = Counter("regard_sources_left_out", "Sources left out", ("source",), registry=self.registry)
