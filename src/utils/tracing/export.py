"""Exports spans to a collector: in the background, with a bounded queue, counting what is lost."""

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

EXPORTED: Final = Counter("vfactory_trace_spans_exported_total", "Spans that the collector accepted.")
DROPPED: Final = Counter(
    "vfactory_trace_spans_dropped_total",
    "Spans lost because the queue was full or the export failed.",
    ["reason"],
)
for _reason in ("queue_full", "export_failed"):
    DROPPED.labels(_reason)

# The SDK logs every attempt and every lost span; `WatchedExporter` logs one line per change instead.
_CHATTY: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
_SILENT: Final = logging.CRITICAL + 1


def quiet_the_sdk() -> None:
    """Silence the SDK's log lines about exports, which `WatchedExporter` replaces; keep all its others."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(_SILENT)
    logging.getLogger("urllib3").setLevel(logging.WARNING)


class _Session(requests.Session):
    """Records how an export's requests ended, which the exporter does not reveal."""

    outcome = ""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        try:
            answer = super().request(*args, **options)
        except Exception as error:
            # Without the text, which holds the URL. The first outcome is kept, since the last attempt may
            # fail only because its time is up.
            self.outcome = self.outcome or type(error).__name__
            raise
        self.outcome = f"HTTP {answer.status_code}"
        return answer


class WatchedExporter(SpanExporter):
    """Exports by OTLP over HTTP, counts spans, and logs when exporting fails and when it works again."""

    def __init__(self, endpoint: str) -> None:
        self._session = _Session()
        self._exporter = OTLPSpanExporter(endpoint, session=self._session)
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch."""
        self._session.outcome = ""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            EXPORTED.inc(len(spans))
        else:
            DROPPED.labels("export_failed").inc(len(spans))
        self._tell(is_failing=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Accept no more spans, and give up pending retries."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _tell(self, *, is_failing: bool) -> None:
        if is_failing and not self._is_failing:
            logger.warning("Traces cannot be exported", extra={"reason": self._session.outcome})
        elif self._is_failing and not is_failing:
            logger.info("Traces are exported again")
        self._is_failing = is_failing


class BoundedProcessor(BatchSpanProcessor):
    """Batches spans in the background; while `most` spans wait, further ones are counted and dropped."""

    def __init__(self, exporter: SpanExporter, *, most: int) -> None:
        self._counted = _Counted(exporter)
        self._most = most
        super().__init__(self._counted, max_queue_size=most)

    @property
    def waiting(self) -> int:
        """How many spans wait to be exported."""
        return self._counted.waiting

    def on_end(self, span: ReadableSpan) -> None:
        """Queue an ended span, or drop it if the queue is full."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._counted.take_place(self._most):
            super().on_end(span)
        else:
            DROPPED.labels("queue_full").inc()


class _Counted(SpanExporter):
    """Counts the spans waiting for another exporter, since the SDK's queue does not show its length."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.waiting = 0
        self._exporter = exporter
        self._lock = threading.Lock()

    def take_place(self, most: int) -> bool:
        """Count one more waiting span unless `most` wait already; return whether it was counted."""
        with self._lock:
            has_place = self.waiting < most
            self.waiting += has_place
        return has_place

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch; its spans count as waiting until the export has ended."""
        try:
            return self._exporter.export(spans)
        finally:
            with self._lock:
                self.waiting -= len(spans)

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()
