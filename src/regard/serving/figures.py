"""Figures of one tenant, for Prometheus; where several processes answer for one server, of all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Figures:
    """Requests by route and status, lists that could not be logged, events, sources left out.

    `folder`: where the processes of one server write them (PROMETHEUS_MULTIPROC_DIR, which `prometheus_client` reads
    when it is imported); "": there is one process. `registry` holds what is to be told.
    """

    def __init__(self, tenant: str = "", folder: str = "") -> None:
        own = CollectorRegistry()
        self._tenant = tenant  # a label, because the files of a folder are those of all tenants
        self._requests = Histogram(
            "regard_request_seconds", "Requests", ("tenant", "route", "status"), registry=own, buckets=SECONDS
        )
        self._lists = Counter("regard_lists", "Lists answered", ("tenant", "logged"), registry=own)
        self._events = Counter("regard_events", "Events on disk", ("tenant",), registry=own).labels(tenant)
        self._left_out = Counter("regard_sources_left_out", "Sources left out", ("tenant", "source"), registry=own)
        self.registry = CollectorRegistry()
        every = MultiProcessCollector(None, folder) if folder else own  # type: ignore[no-untyped-call]
        self.registry.register(_Of(tenant, every))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One request more."""
        self._requests.labels(self._tenant, route, status).observe(seconds)

    def listed(self, logged: bool, left_out: Iterable[str]) -> None:
        """One list more, and the sources that it came without."""
        self._lists.labels(self._tenant, str(logged).lower()).inc()
        for source in left_out:
            self._left_out.labels(self._tenant, source).inc()

    def kept(self, events: int) -> None:
        """So many events more are on disk."""
        self._events.inc(events)


@dataclass(frozen=True, slots=True)
class _Of(Collector):
    """What was collected of one tenant, without its name."""

    tenant: str
    whole: CollectorRegistry | MultiProcessCollector

    def collect(self) -> Iterator[Metric]:
        for metric in self.whole.collect():
            mine = [one for one in metric.samples if one.labels.get("tenant") == self.tenant]
            metric.samples = [
                one._replace(labels={name: said for name, said in one.labels.items() if name != "tenant"})
                for one in mine
            ]
            yield metric
