"""The guide's four HTTP metrics: recorded in a microsecond, written out without building a label again."""

import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator.metrics import Info

from utils.http.exchange import exchange_of
from utils.http.routes import UNMATCHED

BUCKETS: Final = tuple(Histogram.DEFAULT_BUCKETS)
BUCKET_NAMES: Final = tuple("+Inf" if bound == float("inf") else str(bound) for bound in BUCKETS)
OTHER_METHOD: Final = "OTHER"

_STANDARD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_METHODS = {method: method for method in _STANDARD}

REQUESTS: Final = "http_requests"
DURATION: Final = "http_request_duration_seconds"
REQUEST_SIZE: Final = "http_request_size_bytes"
RESPONSE_SIZE: Final = "http_response_size_bytes"
HELP: Final = {
    REQUESTS: "HTTP requests answered",
    DURATION: "Time from a request's arrival to its answer's first byte",
    REQUEST_SIZE: "Body bytes received with a request",
    RESPONSE_SIZE: "Body bytes sent in answer to a request",
}


class _Series:
    """The observations of one (method, path), with the fixed beginnings of its lines."""

    __slots__ = ("buckets", "duration_sum", "exemplars", "labels", "lines", "received", "sent", "statuses")

    def __init__(self, method: str, path: str) -> None:
        self.statuses: dict[str, int] = {}
        self.buckets = [0] * len(BUCKETS)
        self.exemplars: dict[int, tuple[str, float, float]] = {}  # trace, duration and time by bucket
        self.duration_sum = 0.0
        self.received = 0
        self.sent = 0
        self.labels = f'method="{method}",path="{_escape(path)}"'
        self.lines = [f'{DURATION}_bucket{{{self.labels},le="{name}"}} ' for name in BUCKET_NAMES]

    def cumulative(self) -> list[int]:
        total = 0
        return [total := total + count for count in self.buckets]

    def show_exemplars(self, buckets: list[str]) -> None:
        """Append the exemplars to the lines of their buckets, as OpenMetrics writes them."""
        for place, (trace_id, duration, at) in self.exemplars.items():
            buckets[place] = f'{buckets[place][:-1]} # {{trace_id="{trace_id}"}} {duration} {at}\n'


class RequestMetrics(Collector):
    """Counts requests, and measures their durations and sizes.

    It uses plain integers instead of prometheus_client's locked values, since only the event loop's thread
    calls it.
    """

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], _Series] = {}

    def observe(self, info: Info) -> None:
        """Record one request; called by the instrumentator when the answer has ended."""
        path = info.modified_handler
        key = (_METHODS.get(info.method, OTHER_METHOD), UNMATCHED if path == "none" else path)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(*key)
        exchange = exchange_of(info.request.scope)
        # Up to the first byte: how long a stream lasts says nothing about how quickly it was answered.
        duration = info.modified_duration_without_streaming or info.modified_duration
        bucket = bisect_left(BUCKETS, duration)
        series.buckets[bucket] += 1
        if exchange.exemplar is not None:  # only the newest of each bucket is kept
            series.exemplars[bucket] = (exchange.exemplar, duration, time.time())
        series.duration_sum += duration
        series.received += exchange.received
        series.sent += exchange.sent
        status = info.modified_status
        series.statuses[status] = series.statuses.get(status, 0) + 1

    def text(self, *, openmetrics: bool = False) -> str:
        """Return the metrics in Prometheus' text format, or in OpenMetrics; labels in the guide's order.

        OpenMetrics names a counter without its suffix and has exemplars; otherwise the two are equal here.
        """
        counter = REQUESTS if openmetrics else f"{REQUESTS}_total"
        requests, durations = [_header(counter, "counter")], [_header(DURATION, "histogram")]
        received, sent = [_header(REQUEST_SIZE, "summary")], [_header(RESPONSE_SIZE, "summary")]
        for series in self._series.values():
            labels, cumulative = series.labels, series.cumulative()
            for status, count in series.statuses.items():
                requests.append(f'{REQUESTS}_total{{{labels},status_code="{status}"}} {count}\n')
            buckets = [f"{line}{n}\n" for line, n in zip(series.lines, cumulative, strict=True)]
            if openmetrics:
                series.show_exemplars(buckets)
            durations.extend(buckets)
            durations.append(_totals(DURATION, labels, cumulative[-1], series.duration_sum))
            received.append(_totals(REQUEST_SIZE, labels, cumulative[-1], series.received))
            sent.append(_totals(RESPONSE_SIZE, labels, cumulative[-1], series.sent))
        return "".join([*requests, *durations, *received, *sent])

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics' names, by which the registry refuses duplicates."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics to a reader of the registry; without exemplars, which only `text` has."""
        requests, durations, received, sent = _families()
        for (method, path), series in self._series.items():
            labels, cumulative = [method, path], series.cumulative()
            for status, count in series.statuses.items():
                requests.add_metric([*labels, status], count)
            buckets = [(name, float(n)) for name, n in zip(BUCKET_NAMES, cumulative, strict=True)]
            durations.add_metric(labels, buckets, series.duration_sum)
            received.add_metric(labels, cumulative[-1], series.received)
            sent.add_metric(labels, cumulative[-1], series.sent)
        return iter((requests, durations, received, sent))


def _families() -> tuple[
    CounterMetricFamily, HistogramMetricFamily, SummaryMetricFamily, SummaryMetricFamily
]:
    labels = ["method", "path"]
    return (
        CounterMetricFamily(REQUESTS, HELP[REQUESTS], labels=[*labels, "status_code"]),
        HistogramMetricFamily(DURATION, HELP[DURATION], labels=labels),
        SummaryMetricFamily(REQUEST_SIZE, HELP[REQUEST_SIZE], labels=labels),
        SummaryMetricFamily(RESPONSE_SIZE, HELP[RESPONSE_SIZE], labels=labels),
    )


def _header(name: str, kind: str) -> str:
    return f"# HELP {name} {HELP[name.removesuffix('_total')]}\n# TYPE {name} {kind}\n"


def _totals(name: str, labels: str, count: int, total: float) -> str:
    return f"{name}_count{{{labels}}} {count}\n{name}_sum{{{labels}}} {total}\n"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
