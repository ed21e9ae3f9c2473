"""The way of spans out of the process: bounded, counted, and never in anybody's way."""

import logging
import threading
from collections.abc import Sequence
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import Counter

from utils.logging import logger

EXPORTED: Final = Counter("vfactory_trace_spans_exported_total", "Spans the collector has taken.")
DROPPED: Final = Counter(
    "vfactory_trace_spans_dropped_total",
    "Spans lost: no room in the queue, or the collector did not take them.",
    ["reason"],
)
for _reason in ("queue_full", "export_failed"):
    DROPPED.labels(_reason)

# The SDK tells of every attempt and every lost span; here one line tells of each change.
_CHATTY: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
_SILENT: Final = logging.CRITICAL + 1


def quiet_the_sdk() -> None:
    """Leave it to `WatchedExporter` to tell of exports; whatever else the SDK says is logged."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(_SILENT)
    logging.getLogger("urllib3").setLevel(logging.WARNING)


class _Session(requests.Session):
    """Remembers how an export's requests ended, which the exporter keeps to itself."""

    outcome = ""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        try:
            answer = super().request(*args, **options)
        except Exception as error:
            # Not its text, which holds the URL. The last attempt may fail for want of time only.
            self.outcome = self.outcome or type(error).__name__
            raise
        self.outcome = f"HTTP {answer.status_code}"
        return answer


class WatchedExporter(SpanExporter):
    """Exports by OTLP over HTTP, counts, and says when that stops working and when it works again."""

    def __init__(self, endpoint: str) -> None:
        self._session = _Session()
        self._exporter = OTLPSpanExporter(endpoint, session=self._session)
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; never raises."""
        self._session.outcome = ""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told like any other failure
            self._session.outcome = type(error).__name__
            result = SpanExportResult.FAILURE
        if result is SpanExportResult.SUCCESS:
            EXPORTED.inc(len(spans))
        else:
            DROPPED.labels("export_failed").inc(len(spans))
        self._tell(is_failing=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Take no more, and give up what is being tried again."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _tell(self, *, is_failing: bool) -> None:
        if is_failing and not self._is_failing:
            logger.warning("Traces cannot be exported", extra={"reason": self._session.outcome})
        elif self._is_failing and not is_failing:
            logger.info("Traces are exported again")
        self._is_failing = is_failing


class BoundedProcessor(BatchSpanProcessor):
    """Batches spans in the background; what comes while `most` wait already is counted and dropped."""

    def __init__(self, exporter: SpanExporter, *, most: int) -> None:
        self._counted = _Counted(exporter)
        self._most = most
        super().__init__(self._counted, max_queue_size=most)

    @property
    def waiting(self) -> int:
        """How many spans wait."""
        return self._counted.waiting

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that has ended."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._counted.take_place(self._most):
            super().on_end(span)
        else:
            DROPPED.labels("queue_full").inc()


class _Counted(SpanExporter):
    """Counts the spans on their way to another exporter: the SDK's own queue tells nobody how full it is."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.waiting = 0
        self._exporter = exporter
        self._lock = threading.Lock()

    def take_place(self, most: int) -> bool:
        """Count one more, unless `most` wait already."""
        with self._lock:
            has_place = self.waiting < most
            self.waiting += has_place
        return has_place

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch, which waits until that has ended."""
        try:
            return self._exporter.export(spans)
        finally:
            with self._lock:
                self.waiting -= len(spans)

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()
