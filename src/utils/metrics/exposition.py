"""`/metrics`: the whole registry; one collector writes its own lines, because that is faster."""

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import REGISTRY, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

# `_created` samples double the number of series, and no rule or dashboard uses them.
disable_created_metrics()  # type: ignore[no-untyped-call]


class SelfWriting(Protocol):
    """A collector that can also write its metrics in Prometheus' text formats."""

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics' names, by which the registry refuses duplicates."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with their samples."""

    def text(self, *, openmetrics: bool = False) -> str:
        """Return the metrics in Prometheus' text format, or in OpenMetrics."""


class Exposition(Collector):
    """Registers a self-writing collector, and hides it from the registry while `/metrics` is written."""

    def __init__(self, metrics: SelfWriting) -> None:
        self._metrics = metrics
        self._is_writing = False
        REGISTRY.register(self)

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics' names."""
        return self._metrics.describe()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics to a reader of the registry; none while `/metrics` is written."""
        return iter(()) if self._is_writing else self._metrics.collect()

    async def render(self, request: Request) -> Response:
        """Answer `GET /metrics`, in OpenMetrics if the client accepts it.

        It is async because the metrics matter most when the thread pool is saturated.
        """
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        openmetrics = content_type.startswith("application/openmetrics")
        # All versions of the plain text format are equal for our metrics; the oldest is sent.
        body = self._write(encode if openmetrics else generate_latest, openmetrics=openmetrics)
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})

    def _write(self, encode: Callable[[Collector], bytes], *, openmetrics: bool) -> bytes:
        """Return the whole registry as text; it never awaits, so no other task runs meanwhile."""
        self._is_writing = True
        try:
            rest = encode(REGISTRY)
        finally:
            self._is_writing = False
        return self._metrics.text(openmetrics=openmetrics).encode() + rest
