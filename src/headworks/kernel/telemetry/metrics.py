"""Python's metrics. The engine has its own; `/metrics` shows both, one text after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.process_collector import ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """A registry of its own, so that two of them in one process (as in tests) do not meet."""

    def __init__(self) -> None:
        # A second series beside each, with the time of its birth, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

    def show(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        """A gauge that is what `value` says whenever somebody looks."""
        Gauge(name, documentation, registry=self.registry).set_function(value)

    def render(self) -> str:
        """Every metric, in the Prometheus text format."""
        return generate_latest(self.registry).decode()


class HttpMetrics:
    """What the management API did, by route and never by address, so that ids do not become labels."""

    def __init__(self, metrics: Metrics) -> None:
        self._requests = Counter(
            "headworks_management_requests",
            "Requests to the management API.",
            ["method", "route", "status"],
            registry=metrics.registry,
        )
        self._seconds = Histogram(
            "headworks_management_request_duration_seconds",
            "Time from the request's arrival to the end of its answer.",
            ["method", "route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=metrics.registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
