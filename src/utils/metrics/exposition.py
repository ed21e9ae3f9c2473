"""`/metrics`: the whole registry, with one collector that writes its own lines because that is quicker."""

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import REGISTRY, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

# `_created` samples are noise: they double the series and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]


class SelfWriting(Protocol):
    """A collector that can also write itself in Prometheus' text formats."""

    def describe(self) -> Iterator[Metric]:
        """Name the metrics, so that the registry refuses a second set of them."""

    def collect(self) -> Iterator[Metric]:
        """Give everything to prometheus_client."""

    def text(self, *, openmetrics: bool = False) -> str:
        """Write everything in Prometheus' text format, or in OpenMetrics."""


class Exposition(Collector):
    """Registers a self-writing collector, and leaves it out of the registry while `/metrics` is written."""

    def __init__(self, metrics: SelfWriting) -> None:
        self._metrics = metrics
        self._is_writing = False
        REGISTRY.register(self)

    def describe(self) -> Iterator[Metric]:
        """Name the metrics."""
        return self._metrics.describe()

    def collect(self) -> Iterator[Metric]:
        """Give the metrics to whoever reads the registry itself."""
        return iter(()) if self._is_writing else self._metrics.collect()

    async def render(self, request: Request) -> Response:
        """Answer `GET /metrics`, in OpenMetrics for those who ask for it.

        Async on purpose: a saturated thread pool is when the numbers matter most.
        """
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        openmetrics = content_type.startswith("application/openmetrics")
        # Plain text in its oldest version, whichever was asked for: for our metrics they are the same.
        body = self._write(encode if openmetrics else generate_latest, openmetrics=openmetrics)
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})

    def _write(self, encode: Callable[[Collector], bytes], *, openmetrics: bool) -> bytes:
        """Write the whole registry; it never awaits, so nothing else runs meanwhile."""
        self._is_writing = True
        try:
            rest = encode(REGISTRY)
        finally:
            self._is_writing = False
        return self._metrics.text(openmetrics=openmetrics).encode() + rest
