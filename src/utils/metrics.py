"""The guide's HTTP metrics, fed through the instrumentator's extension point, and `/metrics`."""

import platform
from bisect import bisect_left
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from prometheus_client import REGISTRY, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import Info
from starlette.requests import Request
from starlette.responses import Response

from utils.exchange import exchange_of

# `_created` samples are noise: they double the series and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]

BUCKETS = tuple(Histogram.DEFAULT_BUCKETS)
BUCKET_NAMES = tuple("+Inf" if bound == float("inf") else str(bound) for bound in BUCKETS)
UNMATCHED = "unmatched"
OTHER_METHOD = "OTHER"
METHODS = {
    name: name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
}

BUILD_INFO = Gauge("vfactory_build_info", "1, with what is running here", ["service", "version", "python"])


class _Series:
    """What has been observed for one (method, path)."""

    __slots__ = ("buckets", "duration_sum", "received", "sent", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        self.buckets = [0] * len(BUCKETS)
        self.duration_sum = 0.0
        self.received = 0
        self.sent = 0

    def count(self) -> int:
        return sum(self.buckets)


class RequestMetrics(Collector):
    """The four metrics of the guide.

    Plain integers instead of prometheus_client's locked values: everything here happens on the event loop's
    thread, and a request is observed in about a microsecond.
    """

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], _Series] = {}

    def observe(self, info: Info) -> None:
        """Record one request; called by the instrumentator when its answer has ended."""
        method = METHODS.get(info.method, OTHER_METHOD)
        path = info.modified_handler
        key = (method, UNMATCHED if path == "none" else path)
        series = self._series.get(key)
        if series is None:
            series = self._series.setdefault(key, _Series())
        exchange = exchange_of(info.request.scope)
        # Until the first byte: a stream's length says nothing about how quickly it was answered.
        duration = info.modified_duration_without_streaming or info.modified_duration
        series.buckets[bisect_left(BUCKETS, duration)] += 1
        series.duration_sum += duration
        series.received += exchange.received
        series.sent += exchange.sent
        status = info.modified_status
        series.statuses[status] = series.statuses.get(status, 0) + 1

    def describe(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily | SummaryMetricFamily]:
        """Name the metrics, so that the registry refuses a second set of them."""
        return iter(_families())

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily | SummaryMetricFamily]:
        """Give prometheus_client everything observed so far."""
        requests, durations, received, sent = _families()
        for (method, path), series in list(self._series.items()):
            labels = [method, path]
            for status, count in list(series.statuses.items()):
                requests.add_metric([*labels, status], count)
            durations.add_metric(labels, _cumulative(series.buckets), series.duration_sum)
            received.add_metric(labels, series.count(), series.received)
            sent.add_metric(labels, series.count(), series.sent)
        return iter((requests, durations, received, sent))


def _families() -> tuple[
    CounterMetricFamily, HistogramMetricFamily, SummaryMetricFamily, SummaryMetricFamily
]:
    labels = ["method", "path"]
    return (
        CounterMetricFamily("http_requests", "HTTP requests answered", labels=[*labels, "status_code"]),
        HistogramMetricFamily(
            "http_request_duration_seconds", "Time to the answer's first byte", labels=labels
        ),
        SummaryMetricFamily("http_request_size_bytes", "Body bytes received with a request", labels=labels),
        SummaryMetricFamily(
            "http_response_size_bytes", "Body bytes sent in answer to a request", labels=labels
        ),
    )


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    total, result = 0, []
    for name, count in zip(BUCKET_NAMES, buckets, strict=True):
        total += count
        result.append((name, float(total)))
    return result


REQUEST_METRICS = RequestMetrics()
REGISTRY.register(REQUEST_METRICS)


def instrument(app: FastAPI, service_name: str) -> None:
    """Observe every request of the application with the guide's metrics."""
    BUILD_INFO.labels(service_name, _version(), platform.python_version()).set(1)
    Instrumentator(should_group_status_codes=False).add(REQUEST_METRICS.observe).instrument(app)


def _version() -> str:
    try:
        return version("v-factory")
    except PackageNotFoundError:
        return "unknown"


async def render_metrics(request: Request) -> Response:
    """Answer `GET /metrics`, in OpenMetrics for those who ask for it.

    Async on purpose: a saturated thread pool is when the numbers matter most.
    """
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(REGISTRY), headers={"content-type": content_type, "cache-control": "no-store"})
